/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The calls of the family as the programs about seals make them, each in three ways: libc's
 * function, libc's syscall(), and the instruction in the program's own text. All return as a system
 * call does, 0 or more or -errno, so that the three can be printed side by side.
 */

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PAGE ((size_t)4096)

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

enum way { BY_LIBC, BY_SYSCALL, BY_RAW, N_WAYS };

int way_named(const char *name, enum way *wayp);
long way_call(enum way way, long nr, long a, long b, long c, long d, long e);
long way_mseal(enum way way, void *addr, size_t len, unsigned long flags);
const char *errno_name(long result);
