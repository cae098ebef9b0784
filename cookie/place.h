/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "cookie/cookies.h"

/* Putting a mapping where an area has room for it; see place.c. */

/* Maps `len` bytes at an address; `how`: MAP_FIXED, MAP_FIXED_NOREPLACE or 0. Return: where, or
 * -errno. */
typedef long (*place_fn)(void *arg, uint64_t at, uint64_t len, int how);

long place_exact(struct cookies *c, uint64_t at, uint64_t len, place_fn fn, void *arg);
long place_region(struct cookies *c, uint64_t len, uint64_t align, place_fn fn, void *arg);
void place_done(struct cookies *c);
long place_view(struct cookies *c, uint64_t len, place_fn fn, void *arg);
