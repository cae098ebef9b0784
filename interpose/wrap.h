/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/types.h>
#include <unistd.h>

/* The names that leave the library; the version script holds the same list (names.h). */
#define EXPORT __attribute__((visibility("default")))

int dlclose(void *handle);

/* Entered from interpose/arch/.../syscall.S and dlopen.S only. */
long syscall_wrapped(long nr, long a, long b, long c, long d, long e, long f);
void *dlopen_enter(int flags);
void *dlmopen_enter(void);
long syscall_stores(long nr, long a, long b, long c, long d, long e, long f);
