/* SPDX-License-Identifier: BSD-2-Clause */

/* For kit_libc: loaded with RTLD_DEEPBIND its calls are libc's own functions. */

#include "tests/escape/attacks/kit_deep.h"

#include <errno.h>
#include <sys/mman.h>

static void *map(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
	void *volatile p = mmap(at, size, prot, flags, fd, offset); /* not a tail call */

	return p;
}

static int protect(void *at, size_t size, int prot)
{
	volatile int r = mprotect(at, size, prot);

	return r;
}

const struct deep *deep_functions(void)
{
	static const struct deep functions = {map, protect, __errno_location};

	return &functions;
}
