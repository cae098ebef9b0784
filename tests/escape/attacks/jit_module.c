/* SPDX-License-Identifier: BSD-2-Clause */

/* Another module than jit_write, which writes wherever it is told to. */

#include "tests/escape/attacks/jit_module.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096ul

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

/* Makes a call about the JIT's memory by which it shall become writable, then stores. */
static void store_after(void *to, const void *from, size_t len, void *where, int flags)
{
	void *at = mremap(to, PAGE, PAGE, flags, where);
	volatile unsigned char *volatile store = at == MAP_FAILED ? to : at;

	for (size_t i = 0; i < len; i++)
		store[i] = ((const unsigned char *)from)[i];
	if (at != MAP_FAILED && at != to)
		mremap(at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

/* One that changes nothing. */
void module_mremap_same(void *to, const void *from, size_t len)
{
	store_after(to, from, len, NULL, 0);
}

/* One that the kernel refuses. */
void module_mremap_flags(void *to, const void *from, size_t len)
{
	store_after(to, from, len, NULL, 0x40);
}

/* One that moves it to elsewhere; it is moved back afterwards. */
void module_mremap_away(void *to, const void *from, size_t len)
{
	void *there = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	store_after(to, from, len, there, MREMAP_MAYMOVE | MREMAP_FIXED);
}

/* One that makes its page and the next, of which only one is a JIT's, writable and executable. */
void module_mprotect(void *to, const void *from, size_t len)
{
	const int rw = PROT_READ | PROT_WRITE;

	mprotect((char *)to + PAGE, PAGE, rw);
	mprotect(to, 2 * PAGE, rw | PROT_EXEC);
	module_store(to, from, len);
}

/* Here it shall jump: memcpy then returns to whoever called this function. */
void *module_jump(void *to, const void *from, size_t len)
{
	return memcpy(to, from, len);
}
