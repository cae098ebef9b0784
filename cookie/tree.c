/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/tree.h"

#include <errno.h>

/*
 * A B+-tree of disjoint ranges, in nodes of one size from an arena of its own. Separate from
 * region.c because it knows nothing of what the ranges mean: it finds a place, and enters or
 * removes entries there.
 *
 * What holds between two calls:
 *
 *  - Entries are disjoint and sorted, so their ends are sorted as well. A search is for the first
 *    entry that ends after an address, and reads only the array of ends.
 *  - An entry lies wholly between the keys on both sides of its leaf. So the one leaf that a
 *    descent for an address leads to also holds the entry that covers it. An insertion that reaches
 *    over the key on its right moves that key; nothing lies in between, or it would overlap.
 *  - No leaf is empty, but the root. So what follows a leaf's last entry is the next leaf's first.
 *  - A node less than half full has no neighbour under the same parent that it would share a node
 *    with at 3/4 full. A split does not make a pair that the next removal joins again, or a program
 *    that maps and unmaps one range would split and join for ever.
 *  - Ascending or descending insertion (the kernel maps downwards) leaves nodes 7/8 full, not 1/2.
 *
 * An insertion takes its nodes from those that were counted before anything was changed, so it
 * cannot fail half-way. Nodes that are given back are used again; pages are kept.
 *
 * Context: freestanding; calls out only where it is given whom. Whoever calls holds the lock.
 */

#define CHUNK_BYTES 16384 /* the least to ask for; later it is an eighth of what is there */

#define LINE 8 /* addresses in a cache line */

/*
 * How many of a[0..n) are at most x; n is a multiple of LINE, and what is not in use is UINT64_MAX.
 * Without a branch on the data, and without one load waiting for another, as in a binary search:
 * first the last address of every line, then the line. A node that is not in the cache comes all at
 * once.
 */
static inline __attribute__((always_inline)) unsigned count_le(const uint64_t *a, unsigned n,
							       uint64_t x)
{
	unsigned line = 0, count = 0;

#pragma GCC unroll 8
	for (unsigned i = LINE - 1; i < n; i += LINE)
		line += a[i] <= x;
	if (line == n / LINE)
		return n;
	a += line * LINE;
#pragma GCC unroll 8
	for (unsigned i = 0; i < LINE - 1; i++)
		count += a[i] <= x;
	return line * LINE + count;
}

static inline void shift_up(uint64_t *a, unsigned n)
{
	while (n) {
		a[n] = a[n - 1];
		n--;
	}
}

static inline void copy(uint64_t *to, const uint64_t *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = from[i];
}

/* As copy(), for an array of pointers. */
static inline void copy_nodes(struct node **to, struct node *const *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		to[i] = from[i];
}

static inline void blank(uint64_t *a, unsigned from, unsigned to)
{
	while (from < to)
		a[from++] = UINT64_MAX;
}

static void node_give(struct regions *t, struct node *node)
{
	node->next_spare = t->spare;
	t->spare = node;
	t->n_spare++;
}

/* Never fails: tree_reserve() went before. */
static void *node_take(struct regions *t)
{
	struct node *node = t->spare;

	if (node) {
		t->spare = node->next_spare;
	} else {
		node = (struct node *)t->fresh;
		t->fresh += NODE_BYTES;
		t->n_fresh--;
	}
	t->n_spare--;
	node->n = 0;
	return node;
}

/*
 * Adds a chunk to the arena.
 *
 * Return: 0, or -ENOMEM with the tree unchanged.
 */
int tree_grow(struct regions *t, region_pages_fn pages)
{
	uint64_t len = page_up(t->arena_bytes / 8), at;

	if (len < CHUNK_BYTES)
		len = CHUNK_BYTES;
	at = pages(len);
	if (!at)
		return -ENOMEM;
	for (; t->n_fresh; t->n_fresh--, t->n_spare--, t->fresh += NODE_BYTES)
		node_give(t, (struct node *)t->fresh);
	t->fresh = (char *)at;
	t->n_fresh = (uint32_t)(len / NODE_BYTES);
	t->n_spare += t->n_fresh;
	t->arena_bytes += len;
	return 0;
}

/*
 * Whether the next n_inserts calls of tree_insert() will find their nodes, whatever is removed in
 * between: one for each level and one for a new root, and one level more after each.
 *
 * Return: 0; -ENOMEM: not before tree_grow(); -E2BIG: the tree is too high for a cursor.
 */
int tree_reserve(const struct regions *t, unsigned n_inserts)
{
	if (__builtin_expect(t->n_spare < n_inserts * (t->height + 1 + n_inserts), 0))
		return -ENOMEM;
	return t->height + n_inserts < TREE_DEPTH ? 0 : -E2BIG;
}

/*
 * Makes an empty tree with a first chunk.
 *
 * Return: 0, or -ENOMEM with *t unusable.
 */
int tree_init(struct regions *t, region_pages_fn pages)
{
	*t = (struct regions){.n = 0};
	if (tree_grow(t, pages))
		return -ENOMEM;
	t->root = node_take(t);
	blank(((struct leaf *)t->root)->end, 0, LEAF_N);
	return 0;
}

static inline unsigned inner_child(const struct inner *in, uint64_t addr)
{
	return count_le(in->key, INNER_N + 1, addr) - 1;
}

/*
 * Finds the leaf that covers addr, the first entry in it that ends after addr, and the way there.
 */
void tree_seek(const struct regions *t, uint64_t addr, struct cursor *cp)
{
	struct node *node = t->root;

	cp->upperp = NULL;
	cp->upper = UINT64_MAX;
	for (unsigned level = t->height; level; level--) {
		struct inner *in = (struct inner *)node;
		unsigned k = inner_child(in, addr);

		cp->path[level].node = in;
		cp->path[level].k = k;
		if (in->key[k + 1] != UINT64_MAX) {
			cp->upperp = &in->key[k + 1];
			cp->upper = in->key[k + 1];
		}
		node = in->child[k];
	}
	cp->leaf = (struct leaf *)node;
	cp->pos = count_le(cp->leaf->end, LEAF_N, addr);
}

/*
 * Finds the first entry that overlaps the range.
 *
 * Return: true and *ep written, or false.
 */
bool tree_find(const struct regions *t, struct range range, struct entry *ep)
{
	for (;;) {
		const struct node *node = t->root;
		const struct leaf *leaf;
		uint64_t upper = UINT64_MAX;
		unsigned pos;

		for (unsigned level = t->height; level; level--) {
			const struct inner *in = (const struct inner *)node;
			unsigned k = inner_child(in, range.start);

			if (in->key[k + 1] != UINT64_MAX)
				upper = in->key[k + 1];
			node = in->child[k];
		}
		leaf = (const struct leaf *)node;
		pos = count_le(leaf->end, LEAF_N, range.start);
		if (pos < LEAF_N && leaf->end[pos] != UINT64_MAX) {
			*ep = (struct entry){leaf->start[pos], leaf->end[pos], leaf->attr[pos]};
			return ep->start < range.end;
		}
		if (upper >= range.end)
			return false;
		range.start = upper;
	}
}

static void leaf_put(struct leaf *l, unsigned pos, struct entry e)
{
	unsigned n = l->n - pos;

	shift_up(l->end + pos, n);
	shift_up(l->start + pos, n);
	shift_up(l->attr + pos, n);
	l->end[pos] = e.end;
	l->start[pos] = e.start;
	l->attr[pos] = e.attr;
	l->n++;
}

static void leaf_move(struct leaf *to, unsigned at, const struct leaf *from, unsigned pos,
		      unsigned n)
{
	copy(to->end + at, from->end + pos, n);
	copy(to->start + at, from->start + pos, n);
	copy(to->attr + at, from->attr + pos, n);
}

/* Takes a node for all that a full leaf holds from `cut` on. */
static struct leaf *leaf_split(struct regions *t, struct leaf *l, unsigned cut)
{
	struct leaf *right = node_take(t);

	right->n = LEAF_N - cut;
	leaf_move(right, 0, l, cut, right->n);
	blank(right->end, right->n, LEAF_N);
	blank(l->end, cut, LEAF_N);
	l->n = cut;
	return right;
}

static void inner_put(struct inner *in, unsigned k, uint64_t key, struct node *child)
{
	shift_up(in->key + k, in->n - k);
	for (unsigned i = in->n; i > k; i--)
		in->child[i] = in->child[i - 1];
	in->key[k] = key;
	in->child[k] = child;
	in->n++;
}

static void inner_move(struct inner *to, unsigned at, const struct inner *from, unsigned k,
		       unsigned n)
{
	copy(to->key + at, from->key + k, n);
	copy_nodes(to->child + at, from->child + k, n);
}

static void inner_cut(struct inner *in, unsigned k)
{
	inner_move(in, k, in, k + 1, in->n - k - 1);
	in->n--;
	in->key[in->n] = UINT64_MAX;
	in->key[0] = 0;
}

/* As leaf_split(); *keyp is what divides the two from then on. */
static struct inner *inner_split(struct regions *t, struct inner *in, unsigned cut, uint64_t *keyp)
{
	struct inner *right = node_take(t);

	right->n = INNER_N - cut;
	inner_move(right, 0, in, cut, right->n);
	blank(right->key, right->n, INNER_N + 1);
	*keyp = right->key[0];
	right->key[0] = 0;
	blank(in->key, cut, INNER_N);
	in->n = cut;
	return right;
}

/* Where to split a full node that something is to enter at pos, `first` being the lowest place. */
static inline unsigned split_at(unsigned n, unsigned pos, unsigned first)
{
	if (pos == n)
		return n - n / 8;
	return pos == first ? n / 8 : n / 2;
}

/* Enters `child`, split off the node that the cursor's path leads through, one level above it. */
static void inner_add(struct regions *t, struct cursor *c, uint64_t key, struct node *child)
{
	struct inner *in, *right;
	unsigned level, k, cut;
	uint64_t divide;

	for (level = 1; level <= t->height; level++) {
		in = c->path[level].node;
		k = c->path[level].k + 1;
		if (in->n < INNER_N) {
			inner_put(in, k, key, child);
			return;
		}
		cut = split_at(INNER_N, k, 1);
		right = inner_split(t, in, cut, &divide);
		if (k <= cut)
			inner_put(in, k, key, child);
		else
			inner_put(right, k - cut, key, child);
		key = divide;
		child = (struct node *)right;
	}
	in = node_take(t);
	blank(in->key, 1, INNER_N + 1);
	in->key[0] = 0;
	in->child[0] = t->root;
	in->n = 1;
	inner_put(in, 1, key, child);
	t->root = (struct node *)in;
	t->height++;
}

/*
 * Enters an entry at the cursor, which must be the place of its start: nothing that the entry
 * overlaps is in the tree. Needs tree_reserve().
 */
void tree_insert(struct regions *t, struct cursor *c, struct entry e)
{
	struct leaf *l = c->leaf, *right;
	unsigned cut;

	if (e.end > c->upper)
		*c->upperp = e.end;
	t->n++;
	if (l->n < LEAF_N) {
		leaf_put(l, c->pos, e);
		return;
	}
	cut = split_at(LEAF_N, c->pos, 0);
	right = leaf_split(t, l, cut);
	if (c->pos <= cut)
		leaf_put(l, c->pos, e);
	else
		leaf_put(right, c->pos - cut, e);
	inner_add(t, c, right->start[0], (struct node *)right);
}

/* Makes one node of child k and the next, if they have room in it. */
static bool join(struct regions *t, unsigned level, struct inner *parent, unsigned k)
{
	struct node *left = parent->child[k], *right = parent->child[k + 1];
	unsigned n = left->n, max = (level ? INNER_N : LEAF_N) * 3 / 4;

	if (n + right->n > max)
		return false;
	if (level) {
		((struct inner *)right)->key[0] = parent->key[k + 1];
		inner_move((struct inner *)left, n, (struct inner *)right, 0, right->n);
	} else {
		leaf_move((struct leaf *)left, n, (struct leaf *)right, 0, right->n);
	}
	left->n += right->n;
	inner_cut(parent, k + 1);
	node_give(t, right);
	return true;
}

/* After a removal left the cursor's leaf less than half full. */
static void rebalance(struct regions *t, struct cursor *c)
{
	struct node *node;

	for (unsigned level = 0; level < t->height; level++) {
		struct inner *parent = c->path[level + 1].node;
		unsigned k = c->path[level + 1].k;

		node = parent->child[k];
		if (!node->n) {
			inner_cut(parent, k);
			node_give(t, node);
		} else if (!(k + 1 < parent->n && join(t, level, parent, k)) &&
			   !(k && join(t, level, parent, k - 1))) {
			break;
		}
		if (parent->n >= INNER_N / 2)
			break;
	}
	while (t->height && t->root->n == 1) {
		node = t->root;
		t->root = ((struct inner *)node)->child[0];
		t->height--;
		node_give(t, node);
	}
}

/*
 * Removes n entries from the cursor on; they must all be in its leaf.
 */
void tree_remove(struct regions *t, struct cursor *c, unsigned n)
{
	struct leaf *l = c->leaf;

	leaf_move(l, c->pos, l, c->pos + n, l->n - c->pos - n);
	blank(l->end, l->n - n, l->n);
	l->n -= n;
	t->n -= n;
	if (l->n < LEAF_N / 2)
		rebalance(t, c);
}
