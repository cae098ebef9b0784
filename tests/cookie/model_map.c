/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/*
 * What cmmmap(), cmsubmap() and cmunmap() are to do. The order of the checks is the interface's:
 * EINVAL, ERANGE, ENOTSUP, EPERM of a seal, ENOMEM, EACCES, then the kernel's.
 */

#define PLAIN                                                                                  \
	(MAP_SHARED | MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE | CM_SEALED | \
	 CM_SHARE)
#define OF_REGIONS (CM_RESERVE | CM_EXACT | CM_SUPERPAGE | CM_ROUND | CM_NOREUSE | CM_ALIAS)
#define SHAPED     (CM_SUPERPAGE | CM_ROUND)

static uint32_t submaps; /* so far */

static bool is_name(const char *name)
{
	if (!*name || strlen(name) > 79)
		return false;
	for (; *name; name++)
		if (*name < ' ' || *name > '~' || strchr("\\`$[]", *name))
			return false;
	return true;
}

static int most_of(const struct want *w)
{
	return w->max < 0 ? RIGHTS : w->max;
}

/* What makes no sense in any request. */
static bool is_malformed(const struct want *w)
{
	bool file = w->fd >= 0;

	if (w->how != WELL_FORMED && w->how != LONGER)
		return true;
	if ((w->flags & MAP_SHARED && w->flags & MAP_PRIVATE) || !w->len)
		return true;
	if (w->prot & ~RIGHTS || w->max < -1 || w->max > RIGHTS || w->prot & ~most_of(w))
		return true;
	if (w->offset < 0 || w->offset % (off_t)PAGE || (!file && w->offset))
		return true;
	if ((file && (w->flags & MAP_ANONYMOUS || w->name)) || w->map_offset % PAGE)
		return true;
	return w->name && !is_name(w->name);
}

static bool is_object(const struct want *w)
{
	bool both = w->max >= 0 && (w->max & WRITE_EXEC) == WRITE_EXEC;

	if (w->fd >= 0)
		return false;
	return w->flags & CM_ALIAS || (both && !(w->flags & (MAP_PRIVATE | CM_RESERVE)));
}

static bool is_malformed_region(const struct want *w)
{
	int not_reserved = MAP_SHARED | MAP_POPULATE | CM_ALIAS | CM_SHARE;
	uint64_t align = w->flags & CM_SUPERPAGE ? SUPERPAGE : PAGE;

	if (is_malformed(w) || w->flags & ~(PLAIN | OF_REGIONS))
		return true;
	if (w->flags & CM_RESERVE && (w->fd >= 0 || w->flags & not_reserved || w->map_offset))
		return true;
	if (w->flags & SHAPED && (w->fd >= 0 || w->map_offset))
		return true;
	if (w->flags & CM_EXACT && (!w->hint || w->hint % align))
		return true;
	if (w->flags & CM_SHARE && !(w->flags & (MAP_SHARED | CM_ALIAS)))
		return true;
	if (w->flags & CM_ALIAS && w->flags & MAP_PRIVATE && w->fd < 0)
		return true;
	return is_object(w) && (w->flags & SHAPED || w->map_offset);
}

/* The length in pages, or 0 where it wraps. */
static size_t pages_of(const struct want *w)
{
	bool super = w->flags & CM_SUPERPAGE || (w->flags & CM_ROUND && w->len >= SUPERPAGE);
	size_t unit = super ? SUPERPAGE : PAGE, len = (w->len + unit - 1) / unit * unit;

	return w->len > SIZE_MAX - unit + 1 ? 0 : len / PAGE;
}

/* What no address space has room for is ENOMEM; under valgrind 3.19 it is not. */
static int no_room(const struct want *w, size_t n_pages)
{
	int place = w->flags & CM_EXACT ? MAP_FIXED_NOREPLACE : 0;
	void *p;

	if (is_object(w)) /* it is asked for its length first */
		return ENOMEM;
	p = mmap((void *)w->hint, n_pages * PAGE, PROT_NONE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | place, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

/* The descriptor's number comes first, what it stands for last; a reservation has none. */
static int kernel_maps(const struct want *w, size_t n_pages)
{
	if (w->fd >= 0 && !w->map_offset && !file_of(w->fd))
		return EBADF;
	if (n_pages > 1ul << 36 || (w->flags & CM_EXACT && w->hint >> 48))
		return no_room(w, n_pages);
	if (w->flags & CM_EXACT &&
	    (live_touches(w->hint, n_pages * PAGE) || live_is_held(w->hint, n_pages * PAGE)))
		return EEXIST;
	if (w->fd < 0 || w->flags & CM_RESERVE)
		return 0;
	return file_maps(w->fd, w->prot, w->flags);
}

/* i: the page, counted from where the mapping begins */
static void fill_page(const struct mregion *r, struct page *p, const struct want *w, int kind,
		      size_t i)
{
	const struct mfile *f = w->fd >= 0 ? file_of(w->fd) : NULL;
	bool shared = w->flags & MAP_SHARED || kind == CM_KIND_ALIAS;
	struct page before = *p;

	*p = (struct page){
		.kind = (uint8_t)kind,
		.prot = (uint8_t)w->prot,
		.max = (uint8_t)(most_of(w) & r->max),
		.inherit = shared ? CM_INHERIT_SHARE : CM_INHERIT_COPY,
		.seals = before.seals,
		.file = f ? (int8_t)(f - files) : -1,
		.shared = shared,
		.share = w->flags & CM_SHARE,
		.never_writes = f && shared && !f->writes,
		.at = f ? (uint32_t)((size_t)w->offset / PAGE + i) : 0,
		.submap = submaps,
	};
	if (r->no_fork)
		p->inherit = CM_INHERIT_NONE;
	if (w->flags & CM_SEALED)
		p->seals |= CM_SEAL_ALL;
	/* mm/gup.c, populate_vma_page_range(): what is private and writable is copied at once */
	if (w->flags & MAP_POPULATE && f && !shared && w->prot & PROT_WRITE && !page_ends(p))
		page_store(p, page_content(p));
}

static void region_init(struct mregion *r, const struct want *w, size_t n_pages)
{
	*r = (struct mregion){
		.n_pages = n_pages,
		.page = r->page,
		.ops = CM_OP_ALL,
		.perms = (uint8_t)most_of(w),
		.max = (uint8_t)most_of(w),
		.flags = w->flags & (CM_SUPERPAGE | CM_NOREUSE | CM_ALIAS),
		.wished = w->hint >= PAGE,
	};
	if (is_object(w))
		r->flags |= CM_ALIAS;
	submaps++;
	if (is_object(w) && w->max >= 0 && w->max & PROT_EXEC && !(w->prot & PROT_EXEC))
		r->view[(w->max & PROT_READ) | PROT_EXEC] =
			(struct mview){.made = true, .submap = submaps};
}

/*
 * cmmmap(). r: a region whose `page` has room for MOST_PAGES; all of it is written on success.
 */
int ref_mmap(const struct want *w, struct mregion *r)
{
	int kind = w->fd >= 0 ? CM_KIND_FILE : is_object(w) ? CM_KIND_ALIAS : CM_KIND_ANON;
	size_t n_pages = pages_of(w), first = w->map_offset / PAGE;
	int error;

	if (w->how == REQUEST_NULL || w->how == COOKIE_NULL)
		return EFAULT;
	if (is_malformed_region(w))
		return EINVAL;
	if (w->fd < -1)
		return EBADF;
	if (n_pages && first >= n_pages)
		return ERANGE;
	if ((w->prot & WRITE_EXEC) == WRITE_EXEC)
		return ENOTSUP;
	if (w->flags & CM_ALIAS && w->fd >= 0 && !(w->flags & MAP_SHARED))
		return ENOTSUP;
	error = n_pages ? kernel_maps(w, n_pages) : ENOMEM;
	if (error)
		return error;
	region_init(r, w, n_pages);
	for (size_t i = 0; i < n_pages; i++) {
		r->page[i].seals = 0;
		page_reserve(r, &r->page[i]);
		if (w->flags & CM_RESERVE && w->flags & CM_SEALED)
			r->page[i].seals = CM_SEAL_ALL;
		else if (!(w->flags & CM_RESERVE) && i >= first)
			fill_page(r, &r->page[i], w, kind, i - first);
	}
	return 0;
}

static bool is_malformed_submap(const struct want *w)
{
	return is_malformed(w) || w->flags & ~PLAIN || w->hint ||
	       (w->flags & CM_SHARE && !(w->flags & MAP_SHARED));
}

/* What is mapped anew is not what views show: they stay, and are not given out again. */
static void views_age(struct mregion *r)
{
	for (int perms = 0; perms <= RIGHTS; perms++) {
		struct mview *v = &r->view[perms];

		if (v->start && r->n_stale < MOST_STALE)
			r->stale[r->n_stale++] = v->start;
		*v = (struct mview){.made = false};
	}
}

/* cmsubmap(). r: NULL where the cookie is nobody's, as for all that follow. */
int ref_submap(struct mregion *r, const struct want *w)
{
	int kind = w->fd >= 0 ? CM_KIND_FILE : CM_KIND_ANON;
	size_t first, end;

	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_SUBMAP))
		return EPERM;
	if (w->how == REQUEST_NULL)
		return EFAULT;
	if (is_malformed_submap(w))
		return EINVAL;
	if (w->fd < -1)
		return EBADF;
	if (range_of(r, w->map_offset, w->len, &first, &end))
		return ERANGE;
	if ((w->prot & WRITE_EXEC) == WRITE_EXEC || r->flags & CM_ALIAS)
		return ENOTSUP;
	for (size_t i = first; i < end; i++)
		if (r->page[i].seals & (CM_SEAL_REPLACE | CM_SEAL_DOWNGRADE))
			return EPERM;
	if (w->prot & ~r->max)
		return EACCES;
	if (w->fd >= 0 && file_maps(w->fd, w->prot, w->flags))
		return file_maps(w->fd, w->prot, w->flags);
	submaps++;
	views_age(r);
	for (size_t i = first; i < end; i++)
		fill_page(r, &r->page[i], w, kind, i - first);
	return 0;
}

int ref_unmap(struct mregion *r, size_t offset, size_t len)
{
	size_t first, end;

	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_UNMAP))
		return EPERM;
	if (range_malformed(offset, len))
		return EINVAL;
	if (range_of(r, offset, len, &first, &end))
		return ERANGE;
	for (size_t i = first; i < end; i++)
		if (r->page[i].seals & CM_SEAL_UNMAP)
			return EPERM;
	for (size_t i = first; i < end; i++) /* it is freed by a second view */
		if (r->page[i].kind == CM_KIND_ALIAS && view_refusal)
			return view_refusal;
	for (size_t i = first; i < end; i++)
		if (r->page[i].kind != CM_KIND_RESERVED)
			page_reserve(r, &r->page[i]);
	return 0;
}
