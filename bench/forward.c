/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * forward.so, preloaded: the names of the mmap family, each of which does nothing but call the next
 * of that name. What the plainest preloaded library costs, to be measured beside cookiemap; it
 * decides nothing, and sees none of the calls that pass no symbol.
 */

#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>

#define NEXT(name)                                                         \
	({                                                                 \
		static __typeof__(&name) next;                             \
		if (!next)                                                 \
			next = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
		next;                                                      \
	})

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	return NEXT(mmap)(addr, len, prot, flags, fd, off);
}

/* The same where off_t has 64 bits. */
void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off_t off)
	__attribute__((alias("mmap")));

int munmap(void *addr, size_t len)
{
	return NEXT(munmap)(addr, len);
}

int mprotect(void *addr, size_t len, int prot)
{
	return NEXT(mprotect)(addr, len, prot);
}

int madvise(void *addr, size_t len, int advice)
{
	return NEXT(madvise)(addr, len, advice);
}

void *mremap(void *addr, size_t old_len, size_t new_len, int flags, ...)
{
	void *new_addr = NULL;
	va_list args;

	if (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) {
		va_start(args, flags);
		new_addr = va_arg(args, void *);
		va_end(args);
	}
	return NEXT(mremap)(addr, old_len, new_len, flags, new_addr);
}
