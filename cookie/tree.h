/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "cookie/region.h"

/* The B+-tree under the region table; see tree.c for its rules. Only region.c may use it. */

#define NODE_BYTES 1024
#define LEAF_N     40
#define INNER_N    63
#define TREE_DEPTH 16 /* levels at most; two neighbours together are never under half full */

struct node {
	uint32_t n; /* entries of a leaf, children of an inner node */
	struct node *next_spare;
};

struct entry {
	uint64_t start;
	uint64_t end;
	uint64_t attr;
};

/* Three arrays and not one of entries: a search reads `end` alone. */
struct leaf {
	uint32_t n;
	uint64_t end[LEAF_N] __attribute__((aligned(64))); /* from n on: UINT64_MAX */
	uint64_t start[LEAF_N];
	uint64_t attr[LEAF_N];
};

struct inner {
	uint32_t n;
	struct node *child[INNER_N];
	uint64_t key[INNER_N + 1]; /* least address of child[i]; [0]: 0; from n on: UINT64_MAX */
};

_Static_assert(sizeof(struct leaf) == NODE_BYTES, "a leaf is a node");
_Static_assert(sizeof(struct inner) == NODE_BYTES, "an inner node is a node");

/* A place in the tree and the way there. Any change of the tree makes it invalid. */
struct cursor {
	struct leaf *leaf;
	unsigned pos;     /* first entry that ends after the address sought; may be leaf->n */
	uint64_t upper;   /* nothing in this leaf reaches beyond */
	uint64_t *upperp; /* where that is written; NULL in the last leaf */
	struct {
		struct inner *node;
		unsigned k; /* the child taken */
	} path[TREE_DEPTH]; /* [1] is the leaf's parent, [height] the root */
};

int tree_init(struct regions *t, region_pages_fn pages);
int tree_grow(struct regions *t, region_pages_fn pages);
int tree_reserve(const struct regions *t, unsigned n_inserts);
void tree_seek(const struct regions *t, uint64_t addr, struct cursor *cp);
bool tree_find(const struct regions *t, struct range range, struct entry *ep);
void tree_insert(struct regions *t, struct cursor *c, struct entry e);
void tree_remove(struct regions *t, struct cursor *c, unsigned n);
