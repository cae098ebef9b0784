/* SPDX-License-Identifier: BSD-2-Clause */

/* A library that is linked with -z execstack, for dlopen_execstack.c. */

#include <stddef.h>
#include <string.h>

int execstack_run(const void *code, size_t len_bytes);

int execstack_run(const void *code, size_t len_bytes)
{
	unsigned char here[64];
	int (*volatile fn)(void) = (int (*)(void))(void *)here;

	memcpy(here, code, len_bytes);
	__asm__ volatile("" : : "r"(here) : "memory"); /* it is read, as code */
	return fn();
}
