/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Where regions are laid when something is in the way: other regions, and those that the program
 * wished for. They stay in their area, and no wish leads to an address that was used before the
 * whole area has been.
 */

#define GIB   (1ul << 30)
#define SMALL (16 * GIB)  /* the longest of its area */
#define AREA  (128 * GIB) /* that regions are laid in, at most */

#define DENSE 3000

static uintptr_t start; /* of the area's first region */

static uintptr_t place(cm_t c)
{
	return (uintptr_t)region_at(c);
}

static bool is_inside(uintptr_t at)
{
	return at >= start && at < start + AREA;
}

/* Return: where it was. */
static uintptr_t closed(cm_t c)
{
	uintptr_t at = place(c);

	if (cmclose(c, CM_CLOSE_UNMAP))
		claims_broken("cmclose");
	return at;
}

static uintptr_t unmapped(size_t len)
{
	void *p = mmap(NULL, len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p, len);
	return (uintptr_t)p;
}

static bool is_next_of_mmap(uintptr_t at, size_t len)
{
	return unmapped(len) == at;
}

/* Until regions begin at the start again. Return: the one that does. */
static cm_t go_round(size_t len)
{
	uintptr_t last = 0;

	for (;;) {
		cm_t c = region_new(len, 0, CM_RESERVE);

		if (place(c) < last)
			return c;
		last = closed(c);
	}
}

static void one_in_the_way(void)
{
	cm_t live = go_round(SMALL);
	unsigned n_outside = 0, n_again = 0, n_round = 0;
	uintptr_t last = 0;

	start = place(live);
	for (size_t left = AREA - SMALL; left > SMALL; left -= SMALL)
		last = closed(region_new(SMALL - PAGE, 0, CM_RESERVE));
	closed(region_new(SMALL - PAGE, 0, CM_RESERVE));
	for (int i = 0; i < 40; i++) {
		uintptr_t at = closed(region_new(64 * PAGE, RW, 0));

		n_round += at < last;
		n_outside += !is_inside(at);
		n_again += is_next_of_mmap(at, 64 * PAGE);
	}
	claim(n_round, "the area has been gone round");
	claim(!n_outside, "a region lives at the start: further ones are in the area all the same");
	claim(!n_again, "and none of their addresses is mmap(2)'s next");
	claim(is_next_of_mmap(unmapped(64 * PAGE), 64 * PAGE),
	      "twin: the address of its own that was unmapped is");
	closed(live);
}

/* Every other GiB is taken. */
static void many_in_the_way(void)
{
	static cm_t live[60], gap[60];
	unsigned n_inside = 0, n_between = 0;

	for (size_t i = 0; i < COUNT(live); i++) {
		live[i] = region_new(GIB, 0, CM_RESERVE);
		gap[i] = region_new(GIB - PAGE, 0, CM_RESERVE);
		n_inside += is_inside(place(live[i]));
	}
	for (size_t i = 0; i < COUNT(gap); i++)
		closed(gap[i]);
	for (int i = 0; i < 8; i++)
		closed(region_new(GIB, 0, CM_RESERVE));
	for (size_t i = 0; i < COUNT(gap); i++) {
		gap[i] = region_new(GIB - PAGE, 0, CM_RESERVE);
		n_between += is_inside(place(gap[i]));
	}
	claim(n_inside == COUNT(live), "%zu regions in the area", COUNT(live));
	claim(n_between == COUNT(gap), "as many more in the gaps between them");
	for (size_t i = 0; i < COUNT(live); i++) {
		closed(live[i]);
		closed(gap[i]);
	}
}

/* More of them than one call goes around: a process with a heap of small regions. */
static void dense(void)
{
	static cm_t live[DENSE];
	unsigned n_inside = 0;

	closed(go_round(GIB));
	for (size_t i = 0; i < DENSE; i++) /* of other rights, or they are one for the kernel */
		live[i] = region_new(PAGE, i % 2 ? R : RW, 0);
	closed(go_round(GIB));
	for (int i = 0; i < 100; i++)
		n_inside += is_inside(closed(region_new(64 * PAGE, RW, 0)));
	claim(n_inside == 100, "beside %d small regions, further ones are in the area", DENSE);
	for (size_t i = 0; i < DENSE; i++)
		closed(live[i]);
}

/* Wishes for what has been used: dropped, or refused. */
static void used(size_t len, const char *which)
{
	uintptr_t at = closed(region_new(len, 0, CM_RESERVE));
	cm_t c = 4711;

	claim(cmmmap(at, len, 0, CM_RESERVE | CM_EXACT, -1, 0, &c) == -1 && errno == EEXIST &&
		      c == 4711,
	      "CM_EXACT where %s region was closed: EEXIST", which);
	claim(cmmmap(at + len / 2, PAGE, R, CM_EXACT, -1, 0, &c) == -1 && errno == EEXIST,
	      "in the middle of it likewise");
	claim(cmmmap(at - PAGE, 2 * PAGE, R, CM_EXACT, -1, 0, &c) == -1 && errno == EEXIST,
	      "over its start likewise");
	if (cmmmap(at, len, 0, CM_RESERVE, -1, 0, &c))
		claims_broken("cmmmap");
	claim(place(c) != at, "a hint there is dropped");
	closed(c);
}

/* Wishes ahead of what has been used: granted, and gone around later. */
static void unused(size_t len, size_t ahead, const char *which)
{
	uintptr_t at = closed(region_new(len, 0, CM_RESERVE)) + len, next;
	cm_t exact, hinted, c;

	claim(!cmmmap(at, len, 0, CM_RESERVE | CM_EXACT, -1, 0, &exact) && place(exact) == at,
	      "CM_EXACT right behind %s region is granted", which);
	claim(!cmmmap(at + ahead, len, 0, CM_RESERVE, -1, 0, &hinted) &&
		      place(hinted) == at + ahead,
	      "and a hint further on");
	c = region_new(len, 0, CM_RESERVE);
	next = place(c);
	claim(next >= at + len && next < at + ahead, "the next region is behind the former");
	closed(c);
	closed(exact);
	claim(cmmmap(at, len, 0, CM_RESERVE | CM_EXACT, -1, 0, &exact) == -1 && errno == EEXIST,
	      "once that is passed and closed, it was used");
	closed(hinted);
}

int main(void)
{
	/* before the areas have been gone round */
	used(4 * PAGE, "a");
	used(GIB, "a long");
	used(32 * GIB, "a large");
	unused(4 * PAGE, GIB, "a");
	unused(32 * GIB, 128 * GIB, "a large");
	one_in_the_way();
	many_in_the_way();
	dense();
	return claims_end();
}
