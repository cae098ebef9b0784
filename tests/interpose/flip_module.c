/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Another module than the program: one that asks for memory in its own name, and one that stores
 * into what others asked for. Loaded with RTLD_DEEPBIND it calls libc's functions, as no preloaded
 * library could have them otherwise.
 *
 * Results are kept in volatile variables, so that libc returns to this module: where a function
 * jumps to it instead, it is its caller's call.
 */

#include "tests/interpose/flip_module.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *module_map(size_t len)
{
	return module_map_at(NULL, len, PROT_READ | PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

void *module_map_at(void *at, size_t len, int prot, int flags, int fd)
{
	void *volatile p = mmap(at, len, prot, flags, fd, 0);

	return p;
}

int module_protect(void *at, size_t len, int prot)
{
	volatile int r = mprotect(at, len, prot);

	return r;
}

int module_unmap(void *at, size_t len)
{
	volatile int r = munmap(at, len);

	return r;
}

void *module_remap(void *at, size_t len, size_t new_len)
{
	void *volatile p = mremap(at, len, new_len, MREMAP_MAYMOVE);

	return p;
}

ssize_t module_pread(int fd, void *to, size_t len)
{
	volatile ssize_t n = pread(fd, to, len, 0);

	return n;
}

int module_memcpy(void *to, const void *from, size_t len)
{
	void *volatile r = memcpy(to, from, len);

	return r == to;
}
