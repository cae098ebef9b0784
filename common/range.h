/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Ranges of addresses, as the kernel's mm calls take them: [start, end), page-aligned, and never
 * past what a user address can be. Whatever computes an end from a length goes through here, so
 * that no sum wraps unseen.
 *
 * Context: pure; anywhere.
 */

#include <stdbool.h>
#include <stdint.h>

#define CM_PAGE 4096ull

struct range {
	uint64_t start;
	uint64_t end;
};

static inline uint64_t page_down(uint64_t x)
{
	return x & ~(CM_PAGE - 1);
}

/*
 * The next multiple of a page, or 0 where that would wrap: what PAGE_ALIGN() gives in the kernel,
 * whose callers treat 0 as "too long".
 */
static inline uint64_t page_up(uint64_t x)
{
	return (x + CM_PAGE - 1) & ~(CM_PAGE - 1);
}

/*
 * The range of a call's (address, length): length rounded up to whole pages, address as given.
 *
 * Return: true and *rp written, or false where the address is not aligned, the length is 0 or
 * wraps, or the end is beyond 2^56 (the most that 5-level paging gives to a user).
 */
static inline bool range_init(struct range *rp, uint64_t addr, uint64_t len)
{
	uint64_t n = page_up(len), end;

	if (addr & (CM_PAGE - 1) || !n || __builtin_add_overflow(addr, n, &end) || end > 1ull << 56)
		return false;
	*rp = (struct range){addr, end};
	return true;
}

static inline bool range_overlaps(struct range a, struct range b)
{
	return a.start < b.end && b.start < a.end;
}

static inline bool range_contains(struct range outer, struct range inner)
{
	return outer.start <= inner.start && inner.end <= outer.end;
}

/* What two ranges that overlap have in common. */
static inline struct range range_common(struct range a, struct range b)
{
	return (struct range){a.start > b.start ? a.start : b.start, a.end < b.end ? a.end : b.end};
}

static inline uint64_t range_len(struct range r)
{
	return r.end - r.start;
}
