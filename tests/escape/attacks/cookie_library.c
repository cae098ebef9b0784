/* SPDX-License-Identifier: BSD-2-Clause */

/* A library that unmaps, replaces and protects what others have mapped: the one that asks in
 * cookie_caller.c. */

#include <sys/mman.h>
#include "tests/escape/attacks/cookie_library.h"

int cookie_library_unmap(void *at, size_t len)
{
	return munmap(at, len);
}

int cookie_library_replace(void *at, size_t len)
{
	return mmap(at, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at ? 0
											      : -1;
}

int cookie_library_protect(void *at, size_t len)
{
	return mprotect(at, len, PROT_NONE);
}
