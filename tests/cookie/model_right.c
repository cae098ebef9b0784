/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * What the calls about a cookie itself are to do: pointers and views, the rights to them, what
 * cmstat() tells, and the end.
 */

/* What mremap(2) says to a second view: 0, or EINVAL under valgrind 3.19, which has none. */
int view_refusal;

void view_init(void)
{
	void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *view;

	if (p == MAP_FAILED)
		exit(2);
	view = mremap(p, 0, PAGE, MREMAP_MAYMOVE);
	view_refusal = view == MAP_FAILED ? errno : 0;
	if (!view_refusal)
		munmap(view, PAGE);
	munmap(p, PAGE);
}

int ref_getptr(const struct mregion *r, const void *p)
{
	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_GETPTR))
		return EPERM;
	return p ? 0 : EFAULT;
}

/* Whether all of a region is mapped, with just these rights. */
bool is_uniform(const struct mregion *r, int prot)
{
	for (size_t i = 0; i < r->n_pages; i++)
		if (r->page[i].kind == CM_KIND_RESERVED || r->page[i].prot != prot)
			return false;
	return true;
}

/* Whether one mapping more can show all of the region. */
static bool is_one_object(const struct mregion *r)
{
	for (size_t i = 0; i < r->n_pages; i++) {
		const struct page *p = &r->page[i];

		if (!p->shared || p->submap != r->page[0].submap)
			return false;
		if (!(r->flags & CM_ALIAS) && !page_alike(p, &r->page[0]))
			return false;
	}
	return true;
}

/* What is sealed against moving is not mapped twice; a protection that is sealed is not given more
 * by another address. */
static bool may_view(const struct page *p, int perms)
{
	if (p->seals & CM_SEAL_MOVE)
		return false;
	return !(p->seals & (CM_SEAL_PROT | CM_SEAL_DOWNGRADE)) || !(perms & ~p->prot);
}

static int make_view(const struct mregion *r, int perms)
{
	if (!is_one_object(r))
		return ENOTSUP;
	for (size_t i = 0; i < r->n_pages; i++)
		if (!may_view(&r->page[i], perms))
			return EPERM;
	if (view_refusal)
		return view_refusal;
	return perms & PROT_WRITE && r->page[0].never_writes ? EACCES : 0;
}

int ref_getcap(const struct mregion *r, const void *p, int perms)
{
	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_GETCAP))
		return EPERM;
	if (!p)
		return EFAULT;
	if (!perms || perms & ~RIGHTS)
		return EINVAL;
	if ((perms & WRITE_EXEC) == WRITE_EXEC)
		return ENOTSUP;
	if (perms & ~r->perms)
		return EACCES;
	return r->view[perms].made || is_uniform(r, perms) ? 0 : make_view(r, perms);
}

int ref_andperm(struct mregion *r, int perms)
{
	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_ANDPERM))
		return EPERM;
	r->perms &= (uint8_t)perms;
	return 0;
}

int ref_restrict(struct mregion *r, cm_ops_t ops)
{
	if (!r)
		return EBADF;
	r->ops &= ops;
	return 0;
}

static int flags_of(const struct mregion *r, const struct page *p)
{
	int flags = r->flags | (p->shared ? MAP_SHARED : MAP_PRIVATE);

	if (p->kind == CM_KIND_RESERVED)
		flags |= CM_RESERVE | MAP_ANONYMOUS;
	if (p->kind == CM_KIND_ANON)
		flags |= MAP_ANONYMOUS;
	return flags | (p->share ? CM_SHARE : 0);
}

static void describe(const struct mregion *r, size_t first, size_t end, struct cm_stat *st)
{
	const struct page *p = &r->page[first];

	*st = (struct cm_stat){
		.offset = first * PAGE,
		.len = (end - first) * PAGE,
		.region_len = r->n_pages * PAGE,
		.resident = CM_STAT_UNKNOWN,
		.dirty = CM_STAT_UNKNOWN,
		.prot = p->prot,
		.max = p->max,
		.flags = flags_of(r, p),
		.inherit = p->inherit,
		.seals = p->seals,
		.kind = p->kind,
		.perms = r->perms,
		.ops = r->ops,
	};
}

/* Pages are not counted: how many there are in memory is not the model's to know. */
int ref_stat(const struct mregion *r, size_t index, struct cm_stat *st)
{
	size_t end;

	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_STAT))
		return EPERM;
	if (!st)
		return EFAULT;
	index &= ~CM_STAT_RESIDENT;
	for (size_t i = 0; i < r->n_pages; i = end) {
		for (end = i + 1; end < r->n_pages; end++)
			if (!page_alike(&r->page[i], &r->page[end]))
				break;
		if (!index--) {
			describe(r, i, end, st);
			return 0;
		}
	}
	return ENOENT;
}

static int may_unmap(const struct mregion *r)
{
	for (size_t i = 0; i < r->n_pages; i++)
		if (r->page[i].seals & CM_SEAL_UNMAP)
			return EPERM;
	return 0;
}

int ref_close(const struct mregion *r, int flags)
{
	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_CLOSE))
		return EPERM;
	if (flags & ~(CM_CLOSE_UNMAP | CM_NOREUSE) || flags == CM_NOREUSE)
		return EINVAL;
	return flags & CM_CLOSE_UNMAP ? may_unmap(r) : 0;
}

int ref_revoke(const struct mregion *r)
{
	if (!r)
		return EBADF;
	return r->ops & CM_OP_REVOKE ? may_unmap(r) : EPERM;
}
