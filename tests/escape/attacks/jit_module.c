/* SPDX-License-Identifier: BSD-2-Clause */

/* Another module than jit_write, which writes wherever it is told to. */

#include "tests/escape/attacks/jit_module.h"

#include <string.h>
#include <unistd.h>

void module_store(volatile unsigned char *to, const unsigned char *from, size_t len)
{
	while (len--)
		*to++ = *from++;
}

/* What comes after the call keeps the compiler from jumping to memcpy instead. */
int module_memcpy(void *to, const void *from, size_t len)
{
	void *volatile r = memcpy(to, from, len);

	return r == to;
}

ssize_t module_pread(int fd, void *to, size_t len, off_t at)
{
	volatile ssize_t n = pread(fd, to, len, at);

	return n;
}

/* Here it shall jump: memcpy then returns to whoever called this function. */
void *module_jump(void *to, const void *from, size_t len)
{
	return memcpy(to, from, len);
}
