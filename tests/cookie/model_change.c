/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <sys/mman.h>

/*
 * What cmprotect(), cmsync(), cmincore(), cminherit() and cmseal() are to do. The order of the
 * checks is model_map.c's.
 */

/* What all of them check, with what is wrong about the arguments. */
static int enter(const struct mregion *r, cm_ops_t op)
{
	if (!r)
		return EBADF;
	return r->ops & op ? 0 : EPERM;
}

static bool is_reserved(const struct mregion *r, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++)
		if (r->page[i].kind == CM_KIND_RESERVED)
			return true;
	return false;
}

static bool has_seal(const struct mregion *r, size_t first, size_t end, int seals)
{
	for (size_t i = first; i < end; i++)
		if (r->page[i].seals & seals)
			return true;
	return false;
}

static int may_protect(const struct mregion *r, size_t first, size_t end, int prot)
{
	for (size_t i = first; i < end; i++) {
		const struct page *p = &r->page[i];

		if (p->seals & CM_SEAL_PROT)
			return EPERM;
		if (p->seals & CM_SEAL_DOWNGRADE && prot & ~p->prot)
			return EPERM;
	}
	if (is_reserved(r, first, end))
		return ENOMEM;
	for (size_t i = first; i < end; i++)
		if (prot & ~r->page[i].max)
			return EACCES;
	for (size_t i = first; i < end; i++)
		if (prot & PROT_WRITE && r->page[i].never_writes)
			return EACCES; /* the kernel's */
	return 0;
}

int ref_protect(struct mregion *r, size_t offset, size_t len, int prot)
{
	int error = enter(r, CM_OP_PROTECT);
	size_t first, end;

	if (error)
		return error;
	if (range_malformed(offset, len) || prot & ~RIGHTS)
		return EINVAL;
	if (range_of(r, offset, len, &first, &end))
		return ERANGE;
	if ((prot & WRITE_EXEC) == WRITE_EXEC)
		return ENOTSUP;
	error = may_protect(r, first, end, prot);
	for (size_t i = first; !error && i < end; i++)
		r->page[i].prot = (uint8_t)prot;
	return error;
}

int ref_sync(const struct mregion *r, size_t offset, size_t len, int flags)
{
	int error = enter(r, CM_OP_SYNC);
	size_t first, end;

	if (error)
		return error;
	if (range_malformed(offset, len))
		return EINVAL;
	if (range_of(r, offset, len, &first, &end))
		return ERANGE;
	if (is_reserved(r, first, end))
		return ENOMEM;
	/* the kernel's: mm/msync.c */
	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC))
		return EINVAL;
	return flags & MS_ASYNC && flags & MS_SYNC ? EINVAL : 0;
}

int ref_incore(const struct mregion *r, size_t offset, size_t len, const void *vec)
{
	int error = enter(r, CM_OP_INCORE);
	size_t first, end;

	if (error)
		return error;
	if (!vec)
		return EFAULT;
	if (range_malformed(offset, len))
		return EINVAL;
	if (range_of(r, offset, len, &first, &end))
		return ERANGE;
	return is_reserved(r, first, end) ? ENOMEM : 0;
}

static bool is_inheritable(const struct page *p, int inherit)
{
	switch (inherit) {
	case CM_INHERIT_NONE:
		return true;
	case CM_INHERIT_SHARE:
		return p->shared;
	case CM_INHERIT_COPY:
		return !p->shared;
	default:
		return !p->shared && p->kind == CM_KIND_ANON;
	}
}

static int may_inherit(const struct mregion *r, size_t first, size_t end, int inherit)
{
	bool discards = inherit == CM_INHERIT_NONE || inherit == CM_INHERIT_ZERO;

	for (size_t i = first; i < end; i++)
		if (r->page[i].kind != CM_KIND_RESERVED && !is_inheritable(&r->page[i], inherit))
			return ENOTSUP;
	if (discards && has_seal(r, first, end, CM_SEAL_DISCARD | CM_SEAL_DOWNGRADE))
		return EPERM;
	return inherit != CM_INHERIT_NONE && is_reserved(r, first, end) ? ENOMEM : 0;
}

int ref_inherit(struct mregion *r, size_t offset, size_t len, int inherit)
{
	int error = enter(r, CM_OP_INHERIT);
	size_t first, end;
	bool whole;

	if (error)
		return error;
	if (range_malformed(offset, len) || inherit < 0 || inherit > 3)
		return EINVAL;
	whole = !offset && (len - 1) / PAGE + 1 == r->n_pages;
	if ((inherit == CM_INHERIT_NONE || r->no_fork) && !whole)
		return EINVAL;
	if (range_of(r, offset, len, &first, &end))
		return ERANGE;
	error = may_inherit(r, first, end, inherit);
	for (size_t i = first; !error && i < end; i++)
		r->page[i].inherit = (uint8_t)inherit;
	if (!error && whole)
		r->no_fork = inherit == CM_INHERIT_NONE;
	return error;
}

int ref_seal(struct mregion *r, size_t offset, size_t len, int seals)
{
	int error = enter(r, CM_OP_SEAL);
	size_t first, end;

	if (error)
		return error;
	if (range_malformed(offset, len) || !seals || seals & ~(CM_SEAL_ALL | CM_SEAL_DOWNGRADE))
		return EINVAL;
	if (range_of(r, offset, len, &first, &end))
		return ERANGE;
	for (size_t i = first; i < end; i++)
		r->page[i].seals |= (uint8_t)seals;
	return 0;
}
