/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/piece.h"

#include <errno.h>
#include "common/sys.h"
#include "cookie/cookies.h"
#include "cookie/host.h"
#include "cookie/tree.h"

/*
 * The pieces of regions: which part of a region is mapped, with what, and what may be done to it.
 * Separate from region.c, which keeps ranges and does not know what is said of them here.
 *
 * What holds: the pieces of a region leave no gap in it. Neighbours that are alike are one piece,
 * but for files: each file that was mapped has a number of its own among its neighbours.
 *
 * Room is made before the kernel is asked, so that nothing done has to be taken back for want of
 * memory: a change of a range adds two pieces at most, where it cuts what lies over its edges.
 *
 * Context: freestanding; whoever calls holds the lock.
 */

#define ROOM 6 /* pieces more than a call can make */

/* Makes room for a call. Return: 0 or -ENOMEM. */
int pieces_ready(struct cookies *c)
{
	int r;

	while ((r = tree_reserve(&c->pieces, ROOM)) == -ENOMEM)
		if (regions_grow(&c->pieces, host_pages))
			return -ENOMEM;
	return r ? -ENOMEM : 0;
}

/* The table contradicts itself: what it says next could be anything. */
static _Noreturn void broken(void)
{
	static const char line[] = "cookiemap: the table of cookies is damaged\n";

	sys_write(2, line, sizeof(line) - 1);
	__builtin_trap();
}

/* Enters a piece in the place of what is there. */
void pieces_put(struct cookies *c, const struct region *piece)
{
	if (regions_set(&c->pieces, piece))
		broken();
}

static bool is_alike(const struct region *a, const struct region *b)
{
	return a->owner == b->owner && a->prot == b->prot && a->max_prot == b->max_prot &&
	       a->flags == b->flags && a->seals == b->seals;
}

static int lay(const struct aim *a, const struct region *old, void *arg)
{
	const struct region *model = arg;
	struct region r = *model;

	r.range = old->range;
	r.seals |= old->seals;
	if (!is_alike(&r, old))
		pieces_put(a->c, &r);
	if (old->seals)
		host_seal(a->caller, old->range, old->seals);
	return 0;
}

/*
 * Enters a piece of the region aimed at in the place of others, whose seals stay: they are of the
 * place, not of what is mapped there.
 */
void pieces_lay(const struct aim *a, const struct region *piece)
{
	struct region model = *piece;

	if (a->one.range.start == piece->range.start && a->one.range.end == piece->range.end)
		lay(a, &a->one, &model);
	else
		pieces_each(a, piece->range, lay, &model);
}

/* Removes the pieces of a slot from a range; what has become another's there stays. */
void pieces_forget(struct cookies *c, uint32_t slot, struct range range)
{
	struct region r;

	while (regions_first(&c->pieces, range, &r)) {
		r.range = range_common(r.range, range);
		if (piece_slot(&r) == slot && regions_clear(&c->pieces, r.range))
			broken();
		range.start = r.range.end;
	}
}

/*
 * Calls fn for each piece in the range, cut to it, lowest first, until it returns something.
 *
 * Return: that; -ENOMEM where a part is not the region's any more.
 */
int pieces_each(const struct aim *a, struct range range, piece_fn fn, void *arg)
{
	while (range.start < range.end) {
		struct region piece;
		int r;

		if (!regions_first(&a->c->pieces, range, &piece) ||
		    piece.range.start > range.start || piece_slot(&piece) != a->index)
			return -ENOMEM;
		piece.range = range_common(piece.range, range);
		range.start = piece.range.end;
		r = fn(a, &piece, arg);
		if (r)
			return r;
	}
	return 0;
}

/*
 * The next piece in a range that still is the region's, cut to it; *restp is what comes after. What
 * was mapped there behind the cookie's back is passed over.
 */
bool pieces_next(const struct aim *a, struct range *restp, struct region *piecep)
{
	while (regions_first(&a->c->pieces, *restp, piecep)) {
		piecep->range = range_common(piecep->range, *restp);
		restp->start = piecep->range.end;
		if (piece_slot(piecep) == a->index)
			return true;
	}
	return false;
}

/*
 * Takes the memory of what still is the region's in a range away, in one call where that is all of
 * it, and forgets the pieces. Return: 0, or -errno: the rest stays.
 */
long pieces_close(const struct aim *a, struct range range, bool for_ever)
{
	struct range rest = range, part = range;
	struct region piece;
	uint64_t own = 0;
	long r = 0;

	while (pieces_next(a, &rest, &piece))
		own += range_len(piece.range);
	rest = range;
	if (own != range_len(range) && !pieces_next(a, &rest, &piece))
		return 0;
	do {
		part = own == range_len(range) ? range : piece.range;
		r = space_close(a->caller, part, for_ever);
		if (!r)
			pieces_forget(a->c, a->index, part);
	} while (!r && part.end < range.end && pieces_next(a, &rest, &piece));
	return r;
}

static int set_prot(const struct aim *a, const struct region *piece, void *arg)
{
	struct region r = *piece;

	if (piece_kind(piece) == CM_KIND_RESERVED)
		return 0;
	r.prot = *(uint8_t *)arg;
	pieces_put(a->c, &r);
	return 0;
}

/* The kernel has given a protection to the range aimed at. */
void pieces_protect(const struct aim *a, uint8_t prot)
{
	pieces_each(a, a->range, set_prot, &prot);
}

static int add_seals(const struct aim *a, const struct region *piece, void *arg)
{
	struct region r = *piece;

	r.seals |= *(uint8_t *)arg;
	if (r.seals == piece->seals)
		return 0;
	pieces_put(a->c, &r);
	if (piece->seals) /* together they may be what the kernel keeps */
		host_seal(a->caller, r.range, r.seals);
	return 0;
}

void pieces_seal(const struct aim *a, uint8_t seals)
{
	pieces_each(a, a->range, add_seals, &seals);
}

static int set_inherit(const struct aim *a, const struct region *piece, void *arg)
{
	struct region r = *piece;

	r.flags &= (uint8_t)~PIECE_INHERIT;
	r.flags |= (uint8_t)(*(int *)arg << PIECE_INHERIT_AT);
	pieces_put(a->c, &r);
	return 0;
}

void pieces_inherit(const struct aim *a, struct range range, int inherit)
{
	pieces_each(a, range, set_inherit, &inherit);
}

static uint32_t serial_at(const struct aim *a, uint64_t addr)
{
	struct region r;

	if (!regions_first(&a->c->pieces, (struct range){addr, addr + 1}, &r))
		return 0;
	return r.owner >> PIECE_OWNER_BITS;
}

/* A number for a file that is mapped at `range`, other than its neighbours have. */
uint32_t pieces_serial(const struct aim *a, struct range range)
{
	uint32_t before = serial_at(a, range.start - 1), after = serial_at(a, range.end);
	struct cookies *c = a->c;

	do {
		c->serial = (uint16_t)(c->serial % (PIECE_SERIALS - 1) + 1);
	} while (c->serial == before || c->serial == after);
	return (uint32_t)c->serial << PIECE_OWNER_BITS;
}

static int not_reserved(const struct aim *a, const struct region *piece, void *arg)
{
	return piece_kind(piece) != CM_KIND_RESERVED;
}

/* Whether nothing at all is mapped in a range of the region. */
bool pieces_are_reserved(const struct aim *a, struct range range)
{
	return !pieces_each(a, range, not_reserved, NULL);
}

/* A piece of the region without anything in it. */
struct region piece_reserved(const struct aim *a, struct range range)
{
	bool nofork = a->slot->flags & SLOT_NOFORK;
	int inherit = nofork ? CM_INHERIT_NONE : CM_INHERIT_COPY;

	return (struct region){
		.range = range,
		.owner = a->index,
		.max_prot = a->slot->max,
		.flags = (uint8_t)(CM_KIND_RESERVED | inherit << PIECE_INHERIT_AT),
	};
}
