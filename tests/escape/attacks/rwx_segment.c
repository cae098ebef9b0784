/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A static image with one RWX segment (ld -N): the kernel maps it at execve. Given an argument it
 * first makes an ordinary mapping, as nearly every program does, or waits a second; without one no
 * call of its is ever policed before it is done.
 */

#include "tests/escape/attacks/bare.h"

#include <sys/mman.h>

static unsigned char here[64] = {1};

_Noreturn void bare_start(const long *stack)
{
	const char *how = (const char *)(stack[0] > 1 ? stack[2] : 0);
	const long second[2] = {1, 0};

	if (how && *how == 's') /* slow */
		sys_raw6(SYS_nanosleep, (long)second, 0, 0, 0, 0, 0);
	else if (how)
		sys_mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (bare_run(here))
		bare_executed();
	sys_exit_group(2);
}
