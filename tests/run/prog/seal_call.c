/* SPDX-License-Identifier: BSD-2-Clause */
#include "seal_call.h"

#include <dlfcn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What seal_call.h promises. libc of Debian 12 has no mseal(): it is looked up, and where nobody
 * defines it the call is -ENOSYS. remap_file_pages has a function, shmat's is called by its
 * address.
 */

static const char *const names[N_WAYS] = {"libc", "syscall", "raw"};

/* Return: 0, or -1: no such way. */
int way_named(const char *name, enum way *wayp)
{
	for (int way = 0; way < N_WAYS; way++)
		if (!strcmp(name, names[way])) {
			*wayp = (enum way)way;
			return 0;
		}
	return -1;
}

static long raw(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

static long checked(long r)
{
	return r == -1 ? -errno : r;
}

static long libc(long nr, long a, long b, long c, long d, long e)
{
	void *at = (void *)a;

	switch (nr) {
	case SYS_mmap: /* none of those here has an offset */
		return checked((long)mmap(at, (size_t)b, (int)c, (int)d, (int)e, 0));
	case SYS_munmap:
		return checked(munmap(at, (size_t)b));
	case SYS_mprotect:
		return checked(mprotect(at, (size_t)b, (int)c));
	case SYS_pkey_mprotect:
		return checked(pkey_mprotect(at, (size_t)b, (int)c, (int)d));
	case SYS_mremap:
		return checked((long)mremap(at, (size_t)b, (size_t)c, (int)d, (void *)e));
	case SYS_madvise:
		return checked(madvise(at, (size_t)b, (int)c));
	default:
		return checked(syscall(nr, a, b, c, d, e, 0L));
	}
}

/* One call of the family; what has no function of libc's here goes by syscall(). */
long way_call(enum way way, long nr, long a, long b, long c, long d, long e)
{
	if (way == BY_RAW)
		return raw(nr, a, b, c, d, e);
	return way == BY_LIBC ? libc(nr, a, b, c, d, e) : checked(syscall(nr, a, b, c, d, e, 0L));
}

long way_mseal(enum way way, void *addr, size_t len, unsigned long flags)
{
	int (*function)(void *, size_t, unsigned long);

	if (way != BY_LIBC)
		return way_call(way, SYS_mseal, (long)addr, (long)len, (long)flags, 0, 0);
	function = (int (*)(void *, size_t, unsigned long))dlsym(RTLD_DEFAULT, "mseal");
	return function ? checked(function(addr, len, flags)) : -ENOSYS;
}

/* "ok", or the name of the number; those that are not known here as they are. */
const char *errno_name(long result)
{
	static char other[32];

	if (result >= 0)
		return "ok";
	switch (-result) {
	case EPERM:
		return "EPERM";
	case EINVAL:
		return "EINVAL";
	case ENOMEM:
		return "ENOMEM";
	case EACCES:
		return "EACCES";
	case ENOSYS:
		return "ENOSYS";
	case EFAULT:
		return "EFAULT";
	default:
		snprintf(other, sizeof(other), "errno %ld", -result);
		return other;
	}
}
