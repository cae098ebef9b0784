/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/place.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/host.h"

/*
 * Putting a mapping where an area has room for it: nothing is replaced, and what is in the way is
 * gone around. Separate from space.c, which only knows addresses.
 *
 * What is being made is noted before the kernel is asked, and until the cookie is open: whoever
 * looks without the lock (cookies_scan()) takes it for a region that is there.
 *
 * Context: freestanding; whoever calls holds the lock.
 */

#define TRIES      64   /* then it is the kernel's to choose */
#define STEPS      8192 /* regions that are gone around, at one call */
#define VIEW_TRIES 8

static void note(struct cookies *c, enum making_what i, uint64_t at, uint64_t len)
{
	/* pair with the acquire in cookies_scan(): an empty range in between */
	atomic_store_explicit(&c->making[i].end, 0, memory_order_release);
	atomic_store_explicit(&c->making[i].start, at, memory_order_release);
	atomic_store_explicit(&c->making[i].end, at + len, memory_order_release);
}

/* What was being made is open, or has failed. */
void place_done(struct cookies *c)
{
	for (unsigned i = 0; i < MAKING_N; i++)
		note(c, i, 0, 0);
}

/* At an address and nowhere else. Return: it, -EEXIST, or what fn gave. */
static long put(uint64_t at, uint64_t len, place_fn fn, void *arg)
{
	long r = fn(arg, at, len, MAP_FIXED_NOREPLACE);

	if (sys_is_error(r) || (uint64_t)r == at)
		return r;
	host_call(0, SYS_munmap, r, (long)len, 0, 0, 0, 0); /* before Linux 4.17: a mere wish */
	return -EEXIST;
}

/* Where the program insists. Return: the address, or -errno. */
long place_exact(struct cookies *c, uint64_t at, uint64_t len, place_fn fn, void *arg)
{
	note(c, MAKING_REGION, at, len);
	return put(at, len, fn, arg);
}

/* The end of what is in the way; 0: it is nothing of ours. */
static uint64_t obstacle_end(const struct cookies *c, uint64_t at, uint64_t len)
{
	struct region piece;

	if (!regions_first(&c->pieces, (struct range){at, at + len}, &piece))
		return 0;
	if (piece_kind(&piece) == PIECE_VIEW)
		return piece.range.end;
	return slot_at(c, piece_slot(&piece))->end;
}

/* Where in the area there is room, as far as the pieces say; 0: nowhere near. */
static uint64_t next_gap(struct cookies *c, uint64_t len, uint64_t align)
{
	for (unsigned i = 0; i < STEPS; i++) {
		uint64_t wish = space_pick(&c->space, len, align);
		uint64_t end = wish ? obstacle_end(c, wish, len) : 0;

		if (!end)
			return wish;
		space_taken(&c->space, wish, end);
	}
	return 0;
}

/* The next place in the area. Return: the address; -EEXIST: none is to be had; or -errno. */
long place_region(struct cookies *c, uint64_t len, uint64_t align, place_fn fn, void *arg)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t wish = next_gap(c, len, align);
		long r;

		if (!wish)
			break;
		note(c, MAKING_REGION, wish, len);
		r = put(wish, len, fn, arg);
		if (r != -EEXIST) {
			if (!sys_is_error(r))
				space_taken(&c->space, wish, wish + len);
			return r;
		}
		space_taken(&c->space, wish, 0); /* nothing of ours */
	}
	return -EEXIST;
}

/* Any place where views lie. Return: as place_region(). */
long place_view(struct cookies *c, uint64_t len, place_fn fn, void *arg)
{
	for (unsigned i = 0; i < VIEW_TRIES; i++) {
		uint64_t wish = space_scatter(&c->space, len, tag_random(&c->key));
		long r;

		if (!wish)
			break;
		note(c, MAKING_VIEW, wish, len);
		r = put(wish, len, fn, arg);
		if (r != -EEXIST)
			return r;
	}
	return -EEXIST;
}
