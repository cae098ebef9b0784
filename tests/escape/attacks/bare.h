/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * For images without libc, which make no call that they do not write themselves.
 */

#include "common/sys.h"

/* What the image does, given its initial stack: the argument count, the arguments … */
_Noreturn void bare_start(const long *stack);

__asm__(".globl _start\n"
	"_start:\n"
	"	mov %rsp, %rdi\n"
	"	and $-16, %rsp\n"
	"	call bare_start\n");

#define BARE_CODE                       \
	{                               \
		0xb8, 42, 0, 0, 0, 0xc3 \
	}

static inline _Noreturn void bare_executed(void)
{
	sys_write(1, "EXECUTED\n", 9);
	sys_exit_group(0);
}

static inline int bare_run(volatile unsigned char *at)
{
	static const unsigned char code[] = BARE_CODE;

	for (unsigned i = 0; i < sizeof(code); i++)
		at[i] = code[i];
	return ((int (*)(void))at)() == 42;
}
