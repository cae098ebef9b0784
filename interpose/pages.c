/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/pages.h"

#include <errno.h>
#include "interpose/arena.h"
#include "interpose/gate.h"
#include "interpose/forbid.h"

/*
 * One word for every page of the address space, for the pages that flip manages. Two levels: a root
 * with a pointer for each GiB, and leaves with a word for each page. All of it is the kernel's zero
 * pages until it is written: managed memory costs a two-thousandth of its size, whether it is
 * touched or not, so 120 KiB for a code cache of 240 MB.
 *
 * Separate from the region table because it is read in a handler of SIGSEGV, where a fact that is
 * missing for the moment would end the program: nothing here is locked, queued or lost.
 *
 * Holds: root and leaves are never given back. A leaf's bounds only grow, and words beyond them are
 * zero. A fork child has a copy of its own.
 *
 * Context: anywhere after the gate is mapped.
 */

#define ROOT_ENTRIES (1ull << 17) /* GiB of a 47-bit address space */
#define LEAF_SHIFT   30
#define LEAF_PAGES   (1ull << (LEAF_SHIFT - 12))

struct leaf {
	/* Words that were ever prepared lie in [LEAF_PAGES - room, high): all zero, there are none.
	 */
	uint32_t room, high;
	page_word word[LEAF_PAGES];
};

static struct leaf **root;

/* Makes what `*slot` is to point to, unless another thread was first. */
static void *make(void *slot, uint64_t len_bytes)
{
	void **at = slot, *known = __atomic_load_n(at, __ATOMIC_ACQUIRE), *fresh;

	if (known)
		return known;
	fresh = (void *)arena_pages(len_bytes);
	if (!fresh || __atomic_compare_exchange_n(at, &known, fresh, false, __ATOMIC_ACQ_REL,
						  __ATOMIC_ACQUIRE))
		return fresh;
	gate_call6(SYS_munmap, (long)fresh, (long)len_bytes, 0, 0, 0, 0);
	return known;
}

static struct leaf *leaf_of(uint64_t addr)
{
	/* pairs with the release in make() */
	struct leaf **r = __atomic_load_n(&root, __ATOMIC_ACQUIRE);

	if (!r || addr >> LEAF_SHIFT >= ROOT_ENTRIES)
		return NULL;
	return __atomic_load_n(&r[addr >> LEAF_SHIFT], __ATOMIC_ACQUIRE);
}

static uint32_t index_of(uint64_t addr)
{
	return (uint32_t)(addr >> 12) & (LEAF_PAGES - 1);
}

/* Widens the bounds of a leaf. */
static void reach(struct leaf *l, uint32_t from, uint32_t to)
{
	uint32_t high = __atomic_load_n(&l->high, __ATOMIC_RELAXED);
	uint32_t room = __atomic_load_n(&l->room, __ATOMIC_RELAXED);

	while (high < to && !__atomic_compare_exchange_n(&l->high, &high, to, false,
							 __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	while (room < LEAF_PAGES - from &&
	       !__atomic_compare_exchange_n(&l->room, &room, (uint32_t)LEAF_PAGES - from, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* The part of a range that lies in the leaf of its first address. */
static struct range first_part(struct range range)
{
	uint64_t end = ((range.start >> LEAF_SHIFT) + 1) << LEAF_SHIFT;

	return (struct range){range.start, range.end < end ? range.end : end};
}

/*
 * Makes room for the words of a range. Context: as the file.
 *
 * Return: 0; -ENOMEM; -ERANGE beyond the 47-bit address space.
 */
int pages_prepare(struct range range)
{
	struct leaf **r = make(&root, ROOT_ENTRIES * sizeof(*root));

	if (!r)
		return -ENOMEM;
	if ((range.end - 1) >> LEAF_SHIFT >= ROOT_ENTRIES)
		return -ERANGE;
	for (struct range part; range.start < range.end; range.start = part.end) {
		struct leaf *l = make(&r[range.start >> LEAF_SHIFT], sizeof(*l));

		part = first_part(range);
		if (!l)
			return -ENOMEM;
		reach(l, index_of(part.start), index_of(part.end - 1) + 1);
	}
	return 0;
}

/*
 * The word of the page that holds an address. Context: as the file.
 *
 * Return: NULL where no range was prepared anywhere near.
 */
page_word *pages_find(uint64_t addr)
{
	struct leaf *l = leaf_of(addr);

	return l ? &l->word[index_of(addr)] : NULL;
}

/* Calls `fn` for every word of a range that was ever prepared, by rising address. */
void pages_each(struct range range, page_fn fn, uint64_t arg)
{
	if (range.end > ROOT_ENTRIES << LEAF_SHIFT)
		range.end = ROOT_ENTRIES << LEAF_SHIFT;
	for (struct range part; range.start < range.end; range.start = part.end) {
		struct leaf *l = leaf_of(range.start);
		uint32_t from, to, low;

		part = first_part(range);
		if (!l)
			continue;
		from = index_of(part.start);
		to = index_of(part.end - 1) + 1;
		low = (uint32_t)LEAF_PAGES - __atomic_load_n(&l->room, __ATOMIC_ACQUIRE);
		from = from < low ? low : from;
		if (to > __atomic_load_n(&l->high, __ATOMIC_ACQUIRE))
			to = __atomic_load_n(&l->high, __ATOMIC_ACQUIRE);
		for (uint32_t i = from; i < to; i++)
			fn(&l->word[i], arg);
	}
}

static void set_one(page_word *word, uint64_t value)
{
	__atomic_store_n(word, (page_word)value, __ATOMIC_RELEASE);
}

/* Sets the words of a range; with a value other than 0 it must have been prepared. */
void pages_set(struct range range, page_word value)
{
	pages_each(range, set_one, value);
}

static void count_one(page_word *word, uint64_t arg)
{
	*(uint64_t *)arg += page_get(word) & PAGE_MANAGED;
}

static uint64_t count(struct range range)
{
	uint64_t n = 0;

	pages_each(range, count_one, (uint64_t)&n);
	return n;
}

/* Whether a page of the range is managed. Context: as the file. */
bool pages_any(struct range range)
{
	return count(range);
}

/* Whether every page of the range is. Context: as the file. */
bool pages_all(struct range range)
{
	return count(range) == range_len(range) >> 12;
}
