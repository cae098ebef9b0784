/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/touch.h"

#include "common/rest.h"
#include "cookie/calls.h"
#include "interpose/mm.h"
#include "interpose/mseal.h"
#if defined(__x86_64__)
#include "common/arch/x86_64/thread.h"
#endif
#include "interpose/forbid.h"

/*
 * Does a call touch what a cookie names? Separate from cookies.c, which says what becomes of it.
 *
 * A call does not wait for the lock for ever: it may be made by a thread that has stopped its
 * holder, or by the holder itself. The slots are read instead, one by one; nearly always they say
 * that there is nothing, and nobody has to wait at all.
 *
 * Context: anywhere after the constructor.
 */

#define TRIES      100          /* some microseconds */
#define ROUNDS     5000         /* 50 ms and more */
#define HUGE_LEAST (2ull << 20) /* huge pages of x86-64 */
#define HUGE_MOST  (1ull << 30)

static bool is_about_forks(uint64_t advice)
{
	return advice == MADV_DONTFORK || advice == MADV_DOFORK || advice == MADV_WIPEONFORK ||
	       advice == MADV_KEEPONFORK;
}

/*
 * What a call does to which addresses, as mm_deeds() has it; and what a cookie's memory is to be
 * kept from beyond that: a second view, and what would give a fork child less or more than the
 * cookie says.
 */
unsigned touch_deeds(const struct mm_call *c, struct seal_deed deed[SEAL_DEEDS])
{
	unsigned n = mm_deeds(c, deed);
	bool copies = c->nr == SYS_mremap && !page_up(c->arg[1]);
	bool forks = c->nr == SYS_madvise && is_about_forks(c->arg[2]);

	if ((copies || forks) && range_init(&deed[n].range, c->arg[0], copies ? 1 : c->arg[1]))
		deed[n++].seal = TOUCH_OTHER; /* beside one other at most */
	return n;
}

/* What of a region a part of a view shows. Return: false where it is no view of this slot. */
static bool shown_by(const struct cookies *c, const struct region *piece, struct range *rp)
{
	const struct slot *s = slot_at(c, piece_slot(piece));
	const struct view *v;

	for (uint32_t i = s->next; i; i = v->next) {
		v = view_at(c, i);
		if (piece->range.start < v->start || piece->range.end > v->end)
			continue;
		rp->start = s->start + (piece->range.start - v->start);
		rp->end = rp->start + range_len(piece->range);
		return true;
	}
	return false;
}

/* Whether seals forbid to discard what a range of regions holds. */
static bool is_kept_here(const struct cookies *c, struct range rest, const struct seal_deed *d)
{
	struct region piece;

	for (; regions_first(&c->pieces, rest, &piece); rest.start = piece.range.end)
		if (seal_forbids(piece.seals, d, piece.prot))
			return true;
	return false;
}

/* The same of any range; what a view shows is as its region says. */
static bool is_kept(const struct cookies *c, const struct seal_deed *d)
{
	struct range rest = d->range, shown;
	struct region piece;

	for (; regions_first(&c->pieces, rest, &piece); rest.start = piece.range.end) {
		piece.range = range_common(piece.range, rest);
		shown = piece.range;
		if (piece_kind(&piece) == PIECE_VIEW && !shown_by(c, &piece, &shown))
			continue;
		if (is_kept_here(c, shown, d))
			return true;
	}
	return false;
}

/*
 * Enters the lock to look, if it can be had soon. In a fork child the first to come sees to what
 * the child does not have.
 */
static bool enter_soon(struct cookies *c)
{
	for (unsigned i = 0; i < TRIES; i++) {
		if (mutex_try(&c->lock))
			return true;
		thread_pause();
	}
	return !c->lock.page->known && !cookies_enter(c);
}

/*
 * Whether a deed touches what a cookie names, and for a discard, what is sealed against it. What
 * cannot be told for sure, since the slots say that it may and the lock is not to be had, does.
 */
bool touch_is(struct cookies *c, const struct seal_deed *d)
{
	struct region piece;
	bool r;

	for (unsigned i = 0; !enter_soon(c); i++) {
		if (!cookies_scan(c, d->range))
			return false;
		if (i == ROUNDS || mutex_is_own(&c->lock))
			return true;
		rest();
	}
	if (d->seal == SEAL_DISCARD)
		r = is_kept(c, d);
	else
		r = regions_first(&c->pieces, d->range, &piece);
	cookies_leave(c);
	return r;
}

/*
 * Pages of a file of huge ones reach further than registers say; of what mremap(2) moves nobody
 * knows what it is. That matters at a multiple of such a page only, and where a region is near.
 */
void touch_widen(struct cookies *c, const struct mm_call *call, struct seal_deed *d)
{
	struct seal_deed wide = *d;
	uint64_t huge = d->range.start % HUGE_MOST ? HUGE_LEAST : HUGE_MOST;

	if (d->seal != SEAL_REPLACE || d->range.start % HUGE_LEAST || call->nr == SYS_shmat ||
	    (call->nr == SYS_mmap && call->arg[3] & MAP_ANONYMOUS))
		return;
	wide.range.end = (d->range.end + huge - 1) & ~(huge - 1);
	if (touch_is(c, &wide) &&
	    (call->nr != SYS_mmap || fill_huge_page((int)call->arg[4], d->range.start)))
		*d = wide;
}

/* The same, where what is free of an area counts as the cookies'. What is mapped there and is none
 * of theirs is the program's, as it is everywhere: the kernel may have come so far. */
bool touch_concerns(struct cookies *c, const struct seal_deed *d)
{
	if (touch_is(c, d))
		return true;
	return d->seal == SEAL_REPLACE && space_holds(&c->space, d->range) &&
	       !mseal_is_mapped(d->range);
}
