/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/types.h>
#include <unistd.h>

/* The names that leave the library; the version script holds the same list (names.h). */
#define EXPORT __attribute__((visibility("default")))

/* As libc does: -errno becomes -1 and errno. */
static inline long wrap_result(long r)
{
	if (__builtin_expect((unsigned long)r >= (unsigned long)-4095, 0)) {
		*__errno_location() = (int)-r;
		return -1;
	}
	return r;
}

int dlclose(void *handle);
int mseal(void *addr, size_t len, unsigned long flags); /* libc has it not yet */

/* interpose/mseal.c */
long mseal_call(void *caller, bool direct, uint64_t addr, uint64_t len, uint64_t flags);

/* Entered from interpose/arch/.../syscall.S and dlopen.S only. */
long syscall_wrapped(long nr, long a, long b, long c, long d, long e, long f);
void *dlopen_enter(int flags);
void *dlmopen_enter(int flags);
long syscall_stores(long nr, long a, long b, long c, long d, long e, long f);
