/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>

/*
 * The end of a cookie: cmclose(3) and cmrevoke(3). The cookie ends under the lock, so nobody who
 * called later finds it; its memory goes in one call for each mapping, before that.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 */

/* The next piece in a range that still is the region's; what else was mapped there is passed over.
 */
static bool next_own(const struct aim *a, struct range *restp, struct region *piecep)
{
	while (regions_first(&a->c->pieces, *restp, piecep)) {
		piecep->range = range_common(piecep->range, *restp);
		restp->start = piecep->range.end;
		if (piece_slot(piecep) == a->index)
			return true;
	}
	return false;
}

/* Whether no seal keeps the region; *wholep: all of it still is its own. */
static bool may_end(const struct aim *a, bool *wholep)
{
	struct range rest = a->region;
	uint64_t own = 0;
	struct region piece;

	while (next_own(a, &rest, &piece)) {
		if (piece.seals & SEAL_UNMAP)
			return false;
		own += range_len(piece.range);
	}
	*wholep = own == range_len(a->region);
	return true;
}

static long close_own(const struct aim *a, bool for_ever)
{
	struct range rest = a->region;
	struct region piece;
	long r = 0;

	while (!r && next_own(a, &rest, &piece))
		r = space_close(a->caller, piece.range, for_ever);
	return r;
}

/* Takes the memory of a region away. Return: 0, or -errno. */
static int unmap(const struct aim *a, bool for_ever)
{
	bool whole;
	long r;

	if (!may_end(a, &whole))
		return -EPERM;
	r = views_close(a, for_ever);
	if (!r)
		r = whole ? space_close(a->caller, a->region, for_ever) : close_own(a, for_ever);
	return (int)r;
}

static int end(struct aim *a, int flags)
{
	bool for_ever = flags & CM_NOREUSE || a->slot->flags & SLOT_NOREUSE;
	int r = flags & CM_CLOSE_UNMAP ? unmap(a, for_ever) : 0;

	if (r)
		return r;
	pieces_forget(a->c, a->index, a->region);
	views_forget(a->c, a->index);
	slot_free(a->c, a->index);
	return 0;
}

/* cmclose(3). Return: 0 or -errno. */
int cookie_close(uint64_t caller, cm_t cookie, int flags)
{
	const int known = CM_CLOSE_UNMAP | CM_NOREUSE;
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_CLOSE);

	if (r)
		return r;
	if (flags & ~known || flags == CM_NOREUSE)
		return aim_leave(&a, -EINVAL);
	return aim_leave(&a, end(&a, flags));
}

/* cmrevoke(3). Return: 0 or -errno. */
int cookie_revoke(uint64_t caller, cm_t cookie)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_REVOKE);

	return r ? r : aim_leave(&a, end(&a, CM_CLOSE_UNMAP));
}
