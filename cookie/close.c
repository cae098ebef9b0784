/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>

/*
 * The end of a cookie: cmclose(3) and cmrevoke(3). The cookie ends under the lock, so nobody who
 * called later finds it; its memory goes in one call for each mapping, before that.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 */

/* Whether no seal keeps what still is the region's. */
static bool may_end(const struct aim *a)
{
	struct range rest = a->region;
	struct region piece;

	while (pieces_next(a, &rest, &piece))
		if (piece.seals & SEAL_UNMAP)
			return false;
	return true;
}

/*
 * Takes the memory of a region away. The cookie is out of sight before that, since the addresses
 * may be somebody else's the moment they are free (cookies_scan()). Return: 0, or -errno.
 */
static int unmap(const struct aim *a, bool for_ever)
{
	uint64_t value = a->slot->value;
	long r;

	if (!may_end(a))
		return -EPERM;
	atomic_store_explicit(&a->slot->value, 0, memory_order_release);
	r = pieces_close(a, a->region, for_ever);
	r = r ? r : views_close(a, for_ever);
	if (r)
		atomic_store_explicit(&a->slot->value, value, memory_order_release);
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
