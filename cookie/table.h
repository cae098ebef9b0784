/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include "cookie/region.h"

struct table_state; /* one generation of the table; see table.c */

/*
 * The region table behind its lock. Written once, by table_init(): afterwards this struct may lie
 * in read-only memory; all that changes lies in pages of its own.
 *
 * Order rule of the callers: an unmap leaves the table first and the kernel second; a map enters
 * the kernel first and the table second. So:
 *
 *   mmap      kernel, then table_map() (it replaces what MAP_FIXED replaced)
 *   munmap    n = table_take(range, taken), kernel; where the kernel refused: table_give(taken, n)
 *   mprotect  kernel, then table_protect()
 *   mremap    n = table_take(old, taken), kernel; then table_remap(old, new, taken, n), or
 *             table_give(taken, n) where the kernel refused
 *
 * No function blocks for long, whoever holds the lock and whatever became of the holder. What
 * cannot be entered at once is queued; facts may get lost, but none is ever wrong.
 */
struct table {
	region_pages_fn pages;
	uint64_t *words;                       /* lock words, one cache line each */
	struct table_state *_Atomic *currentp; /* the generation in use; NULL: no facts any more */
};

#define TABLE_TAKE 16 /* a good size for `taken`; what does not fit is forgotten */

int table_init(struct table *t, region_pages_fn pages, void *wipe_page);
void table_map(const struct table *t, const struct region *r);
void table_unmap(const struct table *t, struct range range);
void table_protect(const struct table *t, struct range range, uint8_t prot);
bool table_is_whole(const struct table *t);
bool table_seal(const struct table *t, struct range range, uint8_t seals, uint32_t owner);
unsigned table_take(const struct table *t, struct range range, struct region *takenp,
		    unsigned n_max);
void table_give(const struct table *t, const struct region *taken, unsigned n);
void table_remap(const struct table *t, struct range from, struct range to,
		 const struct region *taken, unsigned n);

/* -EAGAIN from these: the table cannot be read just now; treat the range as unknown. */
int table_find(const struct table *t, uint64_t addr, struct region *rp);
int table_overlap(const struct table *t, struct range range, struct region *rp, unsigned n_max);
