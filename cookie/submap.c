/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/host.h"

/*
 * cmsubmap(3) and cmunmap(3): what is mapped in a part of a region is replaced by something else,
 * or by nothing.
 *
 * All or nothing: mmap(2) over a mapping takes that away before it knows whether a file can be
 * mapped in its place (Linux before 6.12: for any reason; since: where the file refuses; mm/vma.c,
 * mmap_region()). So a file that is to replace something is mapped elsewhere first, and moved. For
 * anonymous memory only want of memory is left as a reason: then what was lost is reserved again,
 * and the region stays whole.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 */

/* Where the kernel has refused: whatever of the range is gone is the region's, and reserved. */
static void mend(struct aim *a)
{
	long whole = sys_raw6(SYS_msync, (long)a->range.start, (long)range_len(a->range), MS_ASYNC,
			      0, 0, 0);
	struct region piece = piece_reserved(a, a->range);

	if (whole != -ENOMEM)
		return;
	space_reserve(a->caller, a->range);
	pieces_lay(a, &piece);
}

/* Return: 0 or -errno. */
static long move_in(struct aim *a, const struct want *w)
{
	long len = (long)range_len(a->range), r;
	long at;

	if (fill_huge_page(w->fd, 0))
		return -EINVAL;
	at = fill_map(a->caller, w, 0, (uint64_t)len, 0);
	if (sys_is_error(at))
		return at;
	r = host_call(a->caller, SYS_mremap, at, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
		      (long)a->range.start, 0);
	if (!sys_is_error(r))
		return 0;
	host_call(a->caller, SYS_munmap, at, len, 0, 0, 0, 0);
	mend(a);
	return r;
}

static long lay(struct aim *a, const struct want *w)
{
	long r;

	if (w->fd >= 0 && !pieces_are_reserved(a, a->range))
		return move_in(a, w);
	if (w->fd >= 0 && fill_huge_page(w->fd, a->range.start))
		return -EINVAL;
	r = fill_map(a->caller, w, a->range.start, range_len(a->range), MAP_FIXED);
	if (!sys_is_error(r))
		return 0;
	mend(a);
	return r;
}

static void advise(const struct aim *a, int advice)
{
	host_call(a->caller, SYS_madvise, (long)a->range.start, (long)range_len(a->range), advice,
		  0, 0, 0);
}

static int submap(struct aim *a, const struct want *w)
{
	bool anonymous = w->fd < 0;
	struct region piece;
	long r = check_pieces(a, SEAL_REPLACE, 0, 0);

	if (r)
		return (int)r;
	if (w->prot & ~a->slot->max)
		return -EACCES;
	r = pieces_ready(a->c);
	r = r ? r : lay(a, w);
	if (r)
		return (int)r;
	if (a->slot->flags & SLOT_NOFORK)
		advise(a, MADV_DONTFORK);
	if (anonymous && a->slot->flags & SLOT_SUPERPAGE)
		advise(a, MADV_HUGEPAGE);
	if (anonymous)
		fill_name(a->range, w->name);
	views_unmap(a, true);
	piece = fill_piece(a, w, anonymous ? CM_KIND_ANON : CM_KIND_FILE);
	pieces_lay(a, &piece);
	r = w->flags & CM_SEALED ? fill_seal(a) : 0;
	if (r) { /* no memory to remember that in: what is not sealed is not there */
		space_reserve(a->caller, a->range);
		piece = piece_reserved(a, a->range);
		pieces_lay(a, &piece);
	}
	return (int)r;
}

/*
 * cmsubmap(3). The request is read before the lock is taken, since it may lie in memory that a
 * signal handler has to see to first. Return: 0 or -errno.
 */
int cookie_submap(uint64_t caller, cm_t cookie, const struct cmreq *req)
{
	struct want w;
	struct aim a;
	int wanted = req ? want_submap(&w, req) : -EFAULT;
	int r = aim_enter(&a, caller, cookie, CM_OP_SUBMAP);

	if (r)
		return r;
	r = wanted ? wanted : aim_range(&a, w.map_offset, w.len);
	if (!r && ((w.prot & PROT_WRITE && w.prot & PROT_EXEC) || a.slot->flags & SLOT_ALIAS))
		r = -ENOTSUP;
	return aim_leave(&a, r ? r : submap(&a, &w));
}

/* Takes a part away that is one piece, or several of one kind. Return: 0 or -errno. */
static long unmap_plain(struct aim *a)
{
	long r = space_reserve(a->caller, a->range);

	if (r)
		mend(a);
	return r;
}

/*
 * The same for a part of the region's own object, whose pages views show as well. They are freed
 * last, by a mapping that is made for it, so that what fails leaves them as they were.
 */
static long unmap_alias(struct aim *a)
{
	long len = (long)range_len(a->range), r;
	long at = host_call(a->caller, SYS_mremap, (long)a->range.start, 0, len, MREMAP_MAYMOVE, 0,
			    0);

	if (sys_is_error(at))
		return at;
	r = space_reserve(a->caller, a->range);
	if (!r) {
		r = views_unmap(a, false);
		if (r) { /* the region's part as it was; of the views nobody knows */
			host_call(a->caller, SYS_mremap, at, len, len,
				  MREMAP_MAYMOVE | MREMAP_FIXED, (long)a->range.start, 0);
			return r;
		}
		host_call(a->caller, SYS_madvise, at, len, MADV_REMOVE, 0, 0, 0);
	}
	host_call(a->caller, SYS_munmap, at, len, 0, 0, 0, 0);
	return r;
}

static int unmap_piece(const struct aim *a, const struct region *piece, void *arg)
{
	struct aim part = *a;
	struct region empty = piece_reserved(a, piece->range);
	long r;

	if (piece_kind(piece) == CM_KIND_RESERVED)
		return 0;
	part.range = piece->range;
	r = piece_kind(piece) == CM_KIND_ALIAS ? unmap_alias(&part) : unmap_plain(&part);
	if (r)
		return (int)r;
	if (a->slot->flags & SLOT_NOFORK)
		advise(&part, MADV_DONTFORK);
	pieces_lay(&part, &empty);
	return 0;
}

/* Whether all that is to go may go in one call. */
static bool is_plain(const struct aim *a)
{
	return !a->slot->next && !(a->slot->flags & SLOT_ALIAS);
}

static int unmap(struct aim *a)
{
	struct region empty = piece_reserved(a, a->range);
	long r = check_pieces(a, SEAL_UNMAP, 0, 0);

	if (r || pieces_are_reserved(a, a->range))
		return (int)r;
	r = pieces_ready(a->c);
	if (r)
		return (int)r;
	if (!is_plain(a)) {
		r = pieces_each(a, a->range, unmap_piece, NULL);
		return (int)(r ? r : views_unmap(a, false));
	}
	r = unmap_plain(a);
	if (r)
		return (int)r;
	if (a->slot->flags & SLOT_NOFORK)
		advise(a, MADV_DONTFORK);
	pieces_lay(a, &empty);
	return 0;
}

/* cmunmap(3). Return: 0 or -errno. */
int cookie_unmap(uint64_t caller, cm_t cookie, size_t offset, size_t len)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_UNMAP);

	if (r)
		return r;
	r = aim_range(&a, offset, len);
	return aim_leave(&a, r ? r : unmap(&a));
}
