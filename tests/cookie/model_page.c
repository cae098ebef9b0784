/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>

/*
 * One page of the model: what is in it, and when it is of one piece with its neighbour; and what
 * offsets and lengths reach.
 */

/* Whether two neighbours are described by one struct cm_stat. */
bool page_alike(const struct page *a, const struct page *b)
{
	if (a->kind != b->kind || a->prot != b->prot || a->max != b->max ||
	    a->inherit != b->inherit || a->seals != b->seals || a->shared != b->shared ||
	    a->share != b->share)
		return false;
	return (a->kind != CM_KIND_FILE && !a->shared) || a->submap == b->submap;
}

/* Whether it lies behind the end of its file: touching it is SIGBUS, and EFAULT for a call. */
bool page_ends(const struct page *p)
{
	return p->kind == CM_KIND_FILE && !p->own && p->at >= files[p->file].pages;
}

uint64_t page_content(const struct page *p)
{
	if (p->kind == CM_KIND_FILE && !p->own)
		return contents[files[p->file].of][p->at];
	return p->stamp;
}

/* The program has stored to it. */
void page_store(struct page *p, uint64_t stamp)
{
	p->unsure = false;
	p->resident = p->kind != CM_KIND_FILE || !p->shared; /* else others can cut it out */
	if (p->kind == CM_KIND_FILE && p->shared) {
		contents[files[p->file].of][p->at] = stamp;
		return;
	}
	p->own = p->kind == CM_KIND_FILE;
	p->stamp = stamp;
}

/* It goes back to the reservation. Seals stay: no seal ever comes off. */
void page_reserve(const struct mregion *r, struct page *p)
{
	*p = (struct page){
		.kind = CM_KIND_RESERVED,
		.max = r->max,
		.inherit = r->no_fork ? CM_INHERIT_NONE : CM_INHERIT_COPY,
		.seals = p->seals,
		.file = -1,
	};
}

bool range_malformed(size_t offset, size_t len)
{
	return offset % PAGE || !len;
}

/*
 * The pages of a range that is well formed. Return: 0, or ERANGE: not all of it is in the region.
 */
int range_of(const struct mregion *r, size_t offset, size_t len, size_t *firstp, size_t *endp)
{
	/* wide enough for every sum of two lengths */
	unsigned __int128 pages = ((unsigned __int128)len + PAGE - 1) / PAGE;
	unsigned __int128 end = pages + offset / PAGE;

	if (end > r->n_pages)
		return ERANGE;
	*firstp = offset / PAGE;
	*endp = (size_t)end;
	return 0;
}
