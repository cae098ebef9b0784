/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the C interface asks of the library that it is part of: libcookiemap.so, which stands alone
 * (cookie/alone.c), or the interposer, which holds every call against the policy first and the rest
 * of the program to what the cookies say (interpose/cookies.c).
 *
 * Context: wherever a function of the interface may be called.
 */

#include <stddef.h>
#include <stdint.h>
#include "common/range.h"

/*
 * A call of the mmap family on memory that a cookie names, for who asked at `caller`. Return: as
 * the kernel's, -errno.
 */
long host_call(uint64_t caller, long nr, long a, long b, long c, long d, long e, long f);

/* Zeroed pages that are never given back, or 0. */
uint64_t host_pages(size_t len_bytes);

/* Seals a range, all of which is mapped, in ways of common/seal.h. Return: 0 or -errno. */
int host_seal(uint64_t caller, struct range range, unsigned seals);

/* Has libc call these before fork(3), and after it in the parent. Return: 0, or an errno. */
int host_atfork(void (*before)(void), void (*after)(void));

/* From now on there are cookies to be looked after. */
void host_attend(void);
