/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Raw system calls with types. Each returns what the kernel returned, -errno on failure, and never
 * touches errno: code in the target may not disturb it, and the supervisor wants the number.
 *
 * Context: anywhere: before constructors, in signal handlers, in a vfork child.
 */

#include <stddef.h>
#include <stdint.h>
#include "common/call.h"

#if defined(__x86_64__)
#include "common/arch/x86_64/syscall.h"
#else
#error "no raw system calls for this architecture yet"
#endif

/* Whether a result is an error: the top 4095 values (Linux include/linux/err.h, MAX_ERRNO). */
static inline int sys_is_error(long r)
{
	return (unsigned long)r >= (unsigned long)-4095;
}

static inline long sys_mmap(uint64_t addr, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
	return sys_raw6(SYS_mmap, (long)addr, (long)len, prot, flags, fd, (long)off);
}

static inline long sys_munmap(uint64_t addr, uint64_t len)
{
	return sys_raw6(SYS_munmap, (long)addr, (long)len, 0, 0, 0, 0);
}

static inline long sys_mprotect(uint64_t addr, uint64_t len, int prot)
{
	return sys_raw6(SYS_mprotect, (long)addr, (long)len, prot, 0, 0, 0);
}

static inline long sys_madvise(uint64_t addr, uint64_t len, int advice)
{
	return sys_raw6(SYS_madvise, (long)addr, (long)len, advice, 0, 0, 0);
}

static inline long sys_mseal(uint64_t addr, uint64_t len)
{
	return sys_raw6(SYS_mseal, (long)addr, (long)len, 0, 0, 0, 0);
}

static inline long sys_open(const char *path, int flags, int mode)
{
	return sys_raw6(SYS_openat, -100 /* AT_FDCWD */, (long)path, flags, mode, 0, 0);
}

static inline long sys_close(int fd)
{
	return sys_raw6(SYS_close, fd, 0, 0, 0, 0, 0);
}

static inline long sys_read(int fd, void *buf, size_t len)
{
	return sys_raw6(SYS_read, fd, (long)buf, (long)len, 0, 0, 0);
}

static inline long sys_write(int fd, const void *buf, size_t len)
{
	return sys_raw6(SYS_write, fd, (long)buf, (long)len, 0, 0, 0);
}

static inline _Noreturn void sys_exit_group(int status)
{
	for (;;)
		sys_raw6(SYS_exit_group, status, 0, 0, 0, 0, 0);
}
