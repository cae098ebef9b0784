/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/host.h"

/*
 * What is changed about memory that stays where it is: cmprotect(3) and its like. Each is its
 * counterpart of the mmap family, held to the region, to what the region's parts may become, and to
 * their seals.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 */

#define ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define WX  (PROT_WRITE | PROT_EXEC)

static long make_call(const struct aim *a, long nr, long arg)
{
	return host_call(a->caller, nr, (long)a->range.start, (long)range_len(a->range), arg, 0, 0,
			 0);
}

/* ---- protection ---------------------------------------------------------------------------- */

/* What the kernel does not take back stays as it is, and is known. */
static int restore(const struct aim *a, const struct region *piece, void *arg)
{
	struct region now = *piece;

	if (piece_kind(piece) == CM_KIND_RESERVED ||
	    !host_call(a->caller, SYS_mprotect, (long)piece->range.start,
		       (long)range_len(piece->range), piece->prot, 0, 0, 0))
		return 0;
	now.prot = *(uint8_t *)arg;
	pieces_put(a->c, &now);
	return 0;
}

static int protect(struct aim *a, int prot)
{
	long r = check_pieces(a, SEAL_PROT, prot, CHECK_MAPPED | CHECK_MAX);
	uint8_t given = (uint8_t)prot;

	r = r ? r : pieces_ready(a->c);
	if (r)
		return (int)r;
	r = make_call(a, SYS_mprotect, prot);
	if (r)
		pieces_each(a, a->range, restore, &given);
	else
		pieces_protect(a, given);
	return (int)r;
}

/* cmprotect(3). Return: 0 or -errno. */
int cookie_protect(uint64_t caller, cm_t cookie, size_t offset, size_t len, int prot)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_PROTECT);

	if (r)
		return r;
	r = prot & ~ALL ? -EINVAL : aim_range(&a, offset, len);
	if (!r && (prot & WX) == WX)
		r = -ENOTSUP;
	return aim_leave(&a, r ? r : protect(&a, prot));
}

/* ---- advice, and what the kernel can be asked ---------------------------------------------- */

/* Advice about forks would leave cminherit(3) wrong. */
static bool is_about_forks(int advice)
{
	return advice == MADV_DONTFORK || advice == MADV_DOFORK || advice == MADV_WIPEONFORK ||
	       advice == MADV_KEEPONFORK;
}

static int advise(struct aim *a, int advice)
{
	enum seal seal = seal_discards((uint64_t)advice) ? SEAL_DISCARD : 0;
	long r = check_pieces(a, seal, 0, CHECK_MAPPED);

	return (int)(r ? r : make_call(a, SYS_madvise, advice));
}

/* cmadvise(3). Return: 0 or -errno. */
int cookie_advise(uint64_t caller, cm_t cookie, size_t offset, size_t len, int advice)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_ADVISE);

	if (r)
		return r;
	r = is_about_forks(advice) ? -EINVAL : aim_range(&a, offset, len);
	return aim_leave(&a, r ? r : advise(&a, advice));
}

/*
 * cmsync(3). The file is written after the lock has been left: that may take as long as it likes.
 * What is closed meanwhile is not mapped. Return: 0 or -errno.
 */
int cookie_sync(uint64_t caller, cm_t cookie, size_t offset, size_t len, int flags)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_SYNC);

	if (r)
		return r;
	r = aim_range(&a, offset, len);
	r = aim_leave(&a, r ? r : check_pieces(&a, 0, 0, CHECK_MAPPED));
	return r ? r
		 : (int)sys_raw6(SYS_msync, (long)a.range.start, (long)range_len(a.range), flags, 0,
				 0, 0);
}

/* cmincore(3), the same way. Return: 0 or -errno. */
int cookie_incore(uint64_t caller, cm_t cookie, size_t offset, size_t len, unsigned char *vec)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_INCORE);

	if (r)
		return r;
	r = vec ? aim_range(&a, offset, len) : -EFAULT;
	r = aim_leave(&a, r ? r : check_pieces(&a, 0, 0, CHECK_MAPPED));
	return r ? r
		 : (int)sys_raw6(SYS_mincore, (long)a.range.start, (long)range_len(a.range),
				 (long)vec, 0, 0, 0);
}

/* ---- inheritance --------------------------------------------------------------------------- */

/* Whether a piece can be inherited so. */
static int inheritable(const struct aim *a, const struct region *piece, void *arg)
{
	bool shared = piece->flags & PIECE_SHARED;

	switch (*(int *)arg) {
	case CM_INHERIT_SHARE:
		return shared ? 0 : -ENOTSUP;
	case CM_INHERIT_COPY:
		return shared ? -ENOTSUP : 0;
	default:
		return shared || piece_kind(piece) != CM_KIND_ANON ? -ENOTSUP : 0;
	}
}

/* Of what is mapped: that it can be; what is reserved is -ENOMEM, which comes after that. */
static int inheritable_if_mapped(const struct aim *a, const struct region *piece, void *arg)
{
	return piece_kind(piece) == CM_KIND_RESERVED ? 0 : inheritable(a, piece, arg);
}

static int restore_inherit(const struct aim *a, const struct region *piece, void *arg)
{
	int advice = piece_inherit(piece) == CM_INHERIT_ZERO ? MADV_WIPEONFORK : MADV_KEEPONFORK;

	if (piece_kind(piece) == CM_KIND_ANON)
		host_call(a->caller, SYS_madvise, (long)piece->range.start,
			  (long)range_len(piece->range), advice, 0, 0, 0);
	return 0;
}

/* COPY, SHARE or ZERO, with the region in fork children. */
static long inherit_part(struct aim *a, int inherit)
{
	int advice = inherit == CM_INHERIT_ZERO ? MADV_WIPEONFORK : MADV_KEEPONFORK;
	long r;

	if (inherit == CM_INHERIT_SHARE)
		return 0; /* what is shared is so */
	r = make_call(a, SYS_madvise, advice);
	if (r == -EINVAL && inherit == CM_INHERIT_COPY)
		return 0; /* not anonymous: it is copied as it is (mm/madvise.c) */
	if (r)
		pieces_each(a, a->range, restore_inherit, NULL);
	return r;
}

static int set_nofork(struct aim *a, bool nofork)
{
	int advice = nofork ? MADV_DONTFORK : MADV_DOFORK;
	bool was = a->slot->flags & SLOT_NOFORK;
	long r;

	if (was == nofork)
		return 0;
	r = make_call(a, SYS_madvise, advice);
	if (r) {
		make_call(a, SYS_madvise, nofork ? MADV_DOFORK : MADV_DONTFORK);
		return (int)r;
	}
	views_advise(a, advice);
	a->slot->flags ^= SLOT_NOFORK;
	a->c->n_nofork += nofork ? 1 : -1u;
	return 0;
}

static int inherit(struct aim *a, int how)
{
	bool nofork = how == CM_INHERIT_NONE, was = a->slot->flags & SLOT_NOFORK;
	long r = nofork ? 0 : pieces_each(a, a->range, inheritable_if_mapped, &how);

	if (!r)
		r = check_pieces(a, nofork || how == CM_INHERIT_ZERO ? SEAL_DISCARD : 0, 0,
				 nofork ? 0 : CHECK_MAPPED);
	r = r ? r : pieces_ready(a->c);
	if (!r && (nofork || was))
		r = set_nofork(a, nofork);
	if (r)
		return (int)r;
	r = nofork ? 0 : inherit_part(a, how);
	if (!r)
		pieces_inherit(a, a->range, how);
	else if (was)
		set_nofork(a, true);
	return (int)r;
}

/* cminherit(3). Return: 0 or -errno. */
int cookie_inherit(uint64_t caller, cm_t cookie, size_t offset, size_t len, int how)
{
	bool known = how >= CM_INHERIT_SHARE && how <= CM_INHERIT_ZERO;
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_INHERIT);

	if (r)
		return r;
	if (how == CM_INHERIT_NONE || a.slot->flags & SLOT_NOFORK)
		known = known && !offset && page_up(len) == range_len(a.region);
	r = known ? aim_range(&a, offset, len) : -EINVAL;
	return aim_leave(&a, r ? r : inherit(&a, how));
}

/* ---- seals --------------------------------------------------------------------------------- */

/* cmseal(3). Return: 0 or -errno. */
int cookie_seal(uint64_t caller, cm_t cookie, size_t offset, size_t len, int seals)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_SEAL);

	if (r)
		return r;
	r = !seals || seals & ~SEAL_KNOWN ? -EINVAL : aim_range(&a, offset, len);
	r = r ? r : check_pieces(&a, 0, 0, 0); /* all of it is the region's */
	r = r ? r : pieces_ready(a.c);
	r = r ? r : host_seal(caller, a.range, (unsigned)seals);
	if (!r)
		pieces_seal(&a, (uint8_t)seals);
	return aim_leave(&a, r);
}
