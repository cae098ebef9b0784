/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/region.h"

#include <errno.h>
#include "cookie/tree.h"

/*
 * The region table: ranges of addresses and what is known about them. Separate from tree.c, which
 * keeps entries in order, and from table.c, which lets threads and signal handlers at it: here is
 * only what it means to set, clear and protect a range.
 *
 * What holds: regions are disjoint and not empty. Two that touch and are alike may stay two, as
 * they were entered; but whoever splits a region and puts the piece back gets one region again, or
 * a program that toggles the protection of single pages would make the table grow.
 *
 * Context: freestanding; calls out only where it is given whom. Whoever calls holds the lock.
 */

static inline uint64_t attr_of(const struct region *r)
{
	return r->owner | (uint64_t)r->prot << 32 | (uint64_t)r->max_prot << 40 |
	       (uint64_t)r->flags << 48 | (uint64_t)r->seals << 56;
}

static inline uint64_t attr_with_prot(uint64_t attr, uint8_t prot)
{
	return (attr & ~(0xffull << 32)) | (uint64_t)prot << 32;
}

static inline void unpack(struct entry e, struct region *rp)
{
	*rp = (struct region){.range = {e.start, e.end},
			      .owner = (uint32_t)e.attr,
			      .prot = (uint8_t)(e.attr >> 32),
			      .max_prot = (uint8_t)(e.attr >> 40),
			      .flags = (uint8_t)(e.attr >> 48),
			      .seals = (uint8_t)(e.attr >> 56)};
}

/*
 * Makes an empty table with room for some regions.
 *
 * Return: 0, or -ENOMEM with *t unusable.
 */
int regions_init(struct regions *t, region_pages_fn pages)
{
	return tree_init(t, pages);
}

/*
 * Makes room for more, an eighth of what there is. What failed with -ENOMEM may then be tried
 * again; it may take more than one turn, never more than a few.
 *
 * Return: 0, or -ENOMEM with the table unchanged.
 */
int regions_grow(struct regions *t, region_pages_fn pages)
{
	return tree_grow(t, pages);
}

/*
 * Finds the first region that overlaps the range: a lookup, or a step of an iteration that goes on
 * with the rest of the range after the end of what was found. An empty range overlaps nothing.
 *
 * Return: true and *rp written (whole, not cut to the range), or false.
 */
bool regions_first(const struct regions *t, struct range range, struct region *rp)
{
	struct entry e;

	if (range.start >= range.end || !tree_find(t, range, &e))
		return false;
	unpack(e, rp);
	return true;
}

/*
 * Removes what is known about the range. Regions that reach beyond it keep the rest; one that
 * reaches beyond both edges becomes two.
 *
 * Return: 0; -EINVAL for an empty range; -ENOMEM or -E2BIG (more regions than any address space
 * holds) with the table unchanged.
 */
int regions_clear(struct regions *t, struct range range)
{
	struct cursor c;
	struct leaf *l;
	unsigned i, end;

	if (range.start >= range.end)
		return -EINVAL;
	do {
		tree_seek(t, range.start, &c);
		l = c.leaf;
		i = c.pos;
		if (i < l->n && l->start[i] < range.start) {
			struct entry tail = {range.end, l->end[i], l->attr[i]};
			int error = tail.end > range.end ? tree_reserve(t, 1) : 0;

			if (error)
				return error;
			l->end[i] = range.start;
			c.pos = ++i;
			if (tail.end > range.end) {
				tree_insert(t, &c, tail);
				return 0;
			}
		}
		for (end = i; end < l->n && l->end[end] <= range.end; end++)
			;
		if (end < l->n) {
			if (l->start[end] < range.end)
				l->start[end] = range.end;
			c.upper = UINT64_MAX; /* what follows in the tree lies beyond */
		}
		if (end > i)
			tree_remove(t, &c, end - i);
		range.start = c.upper;
	} while (range.start < range.end);
	return 0;
}

/*
 * Removes every region that overlaps the range, with all that reaches beyond it: for a caller that
 * has no memory to be exact and must not leave anything wrong behind.
 */
void regions_forget(struct regions *t, struct range range)
{
	struct entry e;

	while (range.start < range.end && tree_find(t, range, &e))
		regions_clear(t, (struct range){e.start, e.end});
}

/* Grows an entry that is to be entered over the neighbours that it touches and that are alike. */
static void widen(const struct regions *t, struct entry *e)
{
	struct entry near;

	if (e->start && tree_find(t, (struct range){e->start - 1, e->start}, &near) &&
	    near.attr == e->attr)
		e->start = near.start;
	if (tree_find(t, (struct range){e->end, e->end + 1}, &near) && near.attr == e->attr)
		e->end = near.end;
}

/* Enters an entry over whatever is there. */
static int replace(struct regions *t, struct entry e)
{
	struct cursor c;
	int error = tree_reserve(t, 2);

	if (error)
		return error;
	widen(t, &e);
	regions_clear(t, (struct range){e.start, e.end});
	tree_seek(t, e.start, &c);
	tree_insert(t, &c, e);
	return 0;
}

/* Whether entry i, if it had this attribute, might become one with a neighbour. */
static inline bool may_join(const struct leaf *l, unsigned i, uint64_t attr)
{
	if (i == 0 || i + 1 == l->n)
		return true; /* the neighbour is in another leaf */
	return (l->attr[i - 1] == attr && l->end[i - 1] == l->start[i]) ||
	       (l->attr[i + 1] == attr && l->start[i + 1] == l->end[i]);
}

/* Over an entry that has its bounds, which becomes one with what it is then alike to. */
static bool exchange(struct regions *t, struct cursor *c, struct entry e)
{
	struct leaf *l = c->leaf;
	unsigned i = c->pos;
	bool left, right;

	if (i == 0 || i + 1 == l->n)
		return false; /* a neighbour is in another leaf */
	left = l->attr[i - 1] == e.attr && l->end[i - 1] == e.start;
	right = l->attr[i + 1] == e.attr && l->start[i + 1] == e.end;
	l->attr[i] = e.attr;
	if (left)
		l->end[i - 1] = right ? l->end[i + 1] : e.end;
	else if (right)
		l->start[i + 1] = e.start;
	if (left || right)
		tree_remove(t, c, left && right ? 2 : 1);
	return true;
}

/* Inside an entry, which becomes two with it in between. */
static bool carve(struct regions *t, struct cursor *c, struct entry e)
{
	struct leaf *l = c->leaf;
	struct entry tail = {e.end, l->end[c->pos], l->attr[c->pos]};

	if (l->n + 2 > LEAF_N)
		return false; /* a leaf that is split leaves the cursor nowhere */
	l->end[c->pos++] = e.start;
	tree_insert(t, c, e);
	c->pos++;
	tree_insert(t, c, tail);
	return true;
}

/*
 * Enters an entry where one leaf is enough for it: over an entry that has its bounds, inside one,
 * or at the edge of one towards a neighbour that is alike.
 */
static bool replace_in_place(struct regions *t, struct cursor *c, struct entry e)
{
	struct leaf *l = c->leaf;
	unsigned i = c->pos;

	if (i == l->n || l->start[i] > e.start || l->end[i] < e.end)
		return false;
	if (l->attr[i] == e.attr)
		return true;
	if (l->start[i] == e.start && l->end[i] == e.end)
		return exchange(t, c, e);
	if (l->start[i] < e.start && l->end[i] > e.end)
		return carve(t, c, e);
	if (l->start[i] == e.start && i && l->end[i - 1] == e.start && l->attr[i - 1] == e.attr) {
		l->end[i - 1] = e.end;
		l->start[i] = e.end;
		return true;
	}
	if (l->end[i] == e.end && i + 1 < l->n && l->start[i + 1] == e.end &&
	    l->attr[i + 1] == e.attr) {
		l->end[i] = e.start;
		l->start[i + 1] = e.start;
		return true;
	}
	return false;
}

/*
 * Enters a region; what it overlaps is replaced as by regions_clear().
 *
 * Return: 0; -EINVAL for an empty range; -ENOMEM or -E2BIG (more regions than any address space
 * holds) with the table unchanged.
 */
int regions_set(struct regions *t, const struct region *r)
{
	struct entry e = {r->range.start, r->range.end, attr_of(r)};
	struct cursor c;
	struct leaf *l;
	int error;

	if (e.start >= e.end)
		return -EINVAL;
	error = tree_reserve(t, 1);
	if (error)
		return error;
	tree_seek(t, e.start, &c);
	l = c.leaf;
	if ((c.pos < l->n ? l->start[c.pos] : c.upper) >= e.end) {
		tree_insert(t, &c, e);
		return 0;
	}
	return replace_in_place(t, &c, e) ? 0 : replace(t, e);
}

/*
 * Changes the protection of what is known in the range; what is unknown stays so. Pieces become one
 * with neighbours that they are then alike to.
 *
 * Return: 0; -EINVAL for an empty range; -ENOMEM or -E2BIG: done up to some address, unchanged from
 * there.
 */
int regions_protect(struct regions *t, struct range range, uint8_t prot)
{
	uint64_t at = range.start, attr;
	struct entry part;
	struct cursor c;
	struct leaf *l;
	int error;

	if (range.start >= range.end)
		return -EINVAL;
	while (at < range.end) {
		tree_seek(t, at, &c);
		l = c.leaf;
		if (c.pos == l->n) {
			at = c.upper;
			continue;
		}
		if (l->start[c.pos] >= range.end)
			break;
		attr = attr_with_prot(l->attr[c.pos], prot);
		part = (struct entry){l->start[c.pos], l->end[c.pos], attr};
		at = part.end;
		if (attr == l->attr[c.pos])
			continue;
		if (part.start >= range.start && part.end <= range.end &&
		    !may_join(l, c.pos, attr)) {
			l->attr[c.pos] = attr;
			continue;
		}
		if (part.start < range.start)
			part.start = range.start;
		if (part.end > range.end)
			part.end = range.end;
		error = replace(t, part);
		if (error)
			return error;
	}
	return 0;
}

/*
 * Adds seals to a range. What is unknown in it becomes known, with `owner` and nothing else; what
 * is known keeps the rest.
 *
 * Return: as regions_protect().
 */
int regions_seal(struct regions *t, struct range range, uint8_t seals, uint32_t owner)
{
	uint64_t at = range.start;
	struct entry found, part;
	int error;

	if (range.start >= range.end)
		return -EINVAL;
	while (at < range.end) {
		part = (struct entry){at, range.end, owner | (uint64_t)seals << 56};
		if (tree_find(t, (struct range){at, range.end}, &found)) {
			bool gap = found.start > at;

			part.end = gap ? found.start : found.end;
			if (!gap)
				part.attr = found.attr | (uint64_t)seals << 56;
			if (part.end > range.end)
				part.end = range.end;
			at = part.end;
			if (!gap && part.attr == found.attr)
				continue;
		}
		at = part.end;
		error = replace(t, part);
		if (error)
			return error;
	}
	return 0;
}
