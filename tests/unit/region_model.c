/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/region_model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cookie/tree.h"

/*
 * An array of pages, to which every operation of the region table is done as well, page by page;
 * and a walk over the whole tree that checks what tree.c says must hold. Separate because the unit
 * test and the fuzz target both stand on it. What differs ends the process by abort(): the test
 * runner and the fuzzer both see that, and where.
 */

#define MODEL_BASE 0x7f0000000000ull
#define MAX_CHUNKS 4096

static struct {
	void *chunk[MAX_CHUNKS];
	unsigned n, calls;
	unsigned fail_from, fail_to;
} arena;

#define must(x)                                                                                \
	do {                                                                                   \
		if (!(x)) {                                                                    \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x); \
			abort();                                                               \
		}                                                                              \
	} while (0)

/* Pages for a table; calls fail_from..fail_to (counted from 1) get none. */
uint64_t model_pages(size_t len_bytes)
{
	void *p;

	arena.calls++;
	if (arena.calls >= arena.fail_from && arena.calls <= arena.fail_to)
		return 0;
	must(arena.n < MAX_CHUNKS && len_bytes % CM_PAGE == 0);
	p = aligned_alloc(CM_PAGE, len_bytes);
	must(p);
	memset(p, 0, len_bytes);
	arena.chunk[arena.n++] = p;
	return (uint64_t)p;
}

/* From now on, counting anew, calls from..to fail; from 0: none does. */
void model_pages_fail(unsigned from, unsigned to)
{
	arena.calls = 0;
	arena.fail_from = from ? from : 1;
	arena.fail_to = from ? to : 0;
}

unsigned model_pages_calls(void)
{
	return arena.calls;
}

/* Return: 0 or -ENOMEM, as regions_init(). */
int model_init(struct model *m, unsigned n_pages)
{
	int r = regions_init(&m->t, model_pages);

	if (r)
		return r;
	m->n_pages = n_pages;
	m->page = calloc(n_pages, sizeof(*m->page));
	must(m->page);
	return 0;
}

void model_deinit(struct model *m)
{
	free(m->page);
	while (arena.n)
		free(arena.chunk[--arena.n]);
}

static unsigned page_of(uint64_t addr)
{
	return (unsigned)((addr - MODEL_BASE) / CM_PAGE);
}

static int same(const struct region *a, const struct region *b)
{
	return a->owner == b->owner && a->prot == b->prot && a->max_prot == b->max_prot &&
	       a->flags == b->flags && a->seals == b->seals;
}

/* Every page of the model is what the table says, and the table's regions are well formed. */
void model_compare(const struct model *m)
{
	struct range rest = {0, UINT64_MAX};
	struct region r;
	unsigned i = 0;
	uint64_t n = 0;

	for (; regions_first(&m->t, rest, &r); rest.start = r.range.end, n++) {
		must(r.range.start >= rest.start && r.range.start < r.range.end);
		must(page_of(r.range.end) <= m->n_pages);
		for (; i < page_of(r.range.start); i++)
			must(!m->page[i].owner);
		for (; i < page_of(r.range.end); i++)
			must(same(&m->page[i], &r));
	}
	for (; i < m->n_pages; i++)
		must(!m->page[i].owner);
	must(n == m->t.n);
}

/* Without memory, protect has changed all up to some page, and nothing from there. */
static void model_protect_part(struct model *m, unsigned first, unsigned n, uint8_t prot)
{
	struct region r;

	for (unsigned i = first; i < first + n; i++) {
		uint64_t at = MODEL_BASE + i * CM_PAGE;

		if (!m->page[i].owner)
			continue;
		must(regions_first(&m->t, (struct range){at, at + 1}, &r));
		if (r.prot != prot)
			return;
		m->page[i].prot = prot;
	}
	must(!"everything was done, and an error returned");
}

static void page_seal(struct region *page, const struct region *r)
{
	if (page->owner)
		page->seals |= r->seals;
	else
		*page = (struct region){.owner = r->owner, .seals = r->seals};
}

/* The same of sealing. */
static void model_seal_part(struct model *m, unsigned first, unsigned n, const struct region *r)
{
	for (unsigned i = first; i < first + n; i++) {
		uint64_t at = MODEL_BASE + i * CM_PAGE;
		struct region sealed = m->page[i], found;

		page_seal(&sealed, r);
		if (!regions_first(&m->t, (struct range){at, at + 1}, &found) ||
		    !same(&sealed, &found))
			return;
		m->page[i] = sealed;
	}
	must(!"everything was done, and an error returned");
}

static void model_forget(struct model *m, struct range range)
{
	struct range rest = range;
	struct region r;

	while (regions_first(&m->t, rest, &r)) {
		for (unsigned i = page_of(r.range.start); i < page_of(r.range.end); i++)
			m->page[i].owner = 0;
		rest.start = r.range.end;
	}
	regions_forget(&m->t, range);
}

static int try(struct regions *t, enum model_op op, const struct region *r)
{
	switch (op) {
	case MODEL_SET:
		return regions_set(t, r);
	case MODEL_CLEAR:
		return regions_clear(t, r->range);
	case MODEL_SEAL:
		return regions_seal(t, r->range, r->seals, r->owner);
	default:
		return regions_protect(t, r->range, r->prot);
	}
}

static void model_first(const struct model *m, unsigned first, unsigned n, struct range range)
{
	struct region r;
	unsigned i = first;

	while (i < first + n && !m->page[i].owner)
		i++;
	must(regions_first(&m->t, range, &r) == (i < first + n));
	if (i == first + n)
		return;
	must(page_of(r.range.start) <= i && i < page_of(r.range.end));
	must(i == first || page_of(r.range.start) == i);
	must(same(&m->page[i], &r));
}

/*
 * Does one operation to both. first, n: pages; what lies beyond the last is cut off. value: what to
 * set or to protect with.
 *
 * Return: what the table returned in the end, when it had grown as far as it could.
 */
int model_do(struct model *m, enum model_op op, unsigned first, unsigned n, uint8_t value)
{
	struct region r = {.owner = 1u + value % 3,
			   .prot = value & 7,
			   .max_prot = 7,
			   .flags = value >> 3 & 3,
			   .seals = value >> 5};
	int error;

	first %= m->n_pages;
	n = n < m->n_pages - first ? n : m->n_pages - first;
	r.range.start = MODEL_BASE + first * CM_PAGE;
	r.range.end = r.range.start + n * CM_PAGE;
	if (op == MODEL_FIRST) {
		model_first(m, first, n, r.range);
		return 0;
	}
	if (op == MODEL_FORGET) {
		model_forget(m, r.range);
		return 0;
	}
	do
		error = try(&m->t, op, &r);
	while (error == -ENOMEM && !regions_grow(&m->t, model_pages));
	if (error == -ENOMEM && op == MODEL_PROTECT)
		model_protect_part(m, first, n, r.prot);
	if (error == -ENOMEM && op == MODEL_SEAL)
		model_seal_part(m, first, n, &r);
	must(error == 0 || (error == -EINVAL && n == 0) || error == -ENOMEM);
	for (unsigned i = first; !error && i < first + n; i++) {
		if (op == MODEL_PROTECT)
			m->page[i].prot = r.prot;
		else if (op == MODEL_SEAL)
			page_seal(&m->page[i], &r);
		else
			m->page[i] = op == MODEL_SET ? r : (struct region){0};
	}
	return error;
}

struct walk {
	uint64_t n_nodes;
	uint64_t n_entries;
	uint64_t at; /* no entry starts below */
};

static void walk_leaf(struct walk *w, const struct leaf *l, uint64_t lower, uint64_t upper)
{
	for (unsigned i = 0; i < l->n; i++) {
		must(l->start[i] >= w->at && l->start[i] >= lower);
		must(l->start[i] < l->end[i] && l->end[i] <= upper);
		w->at = l->end[i];
	}
	for (unsigned i = l->n; i < LEAF_N; i++)
		must(l->end[i] == UINT64_MAX);
	w->n_entries += l->n;
}

static void walk_node(struct walk *w, const struct node *node, unsigned level, uint64_t lower,
		      uint64_t upper)
{
	const struct inner *in = (const struct inner *)node;

	w->n_nodes++;
	if (!level) {
		must(node->n <= LEAF_N);
		walk_leaf(w, (const struct leaf *)node, lower, upper);
		return;
	}
	must(in->n >= 1 && in->n <= INNER_N && in->key[0] == 0);
	for (unsigned i = in->n; i < INNER_N + 1; i++)
		must(in->key[i] == UINT64_MAX);
	for (unsigned i = 0; i < in->n; i++) {
		uint64_t from = i ? in->key[i] : lower;
		uint64_t to = i + 1 < in->n ? in->key[i + 1] : upper;

		must(lower <= from && from < to && to <= upper);
		must(in->child[i]->n);
		walk_node(w, in->child[i], level - 1, from, to);
	}
}

/* Everything that tree.c says holds between two calls, and that no node is lost. */
void model_check_tree(const struct regions *t)
{
	struct walk w = {0};
	uint64_t n_spare = t->n_fresh;

	walk_node(&w, t->root, t->height, 0, UINT64_MAX);
	must(!t->height || t->root->n > 1);
	must(w.n_entries == t->n);
	for (const struct node *s = t->spare; s; s = s->next_spare)
		n_spare++;
	must(n_spare == t->n_spare);
	must((w.n_nodes + n_spare) * NODE_BYTES == t->arena_bytes);
}
