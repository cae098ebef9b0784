/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/range.h"

/* What the table holds about a range of addresses and the kernel does not; see cookie/region.c. */
struct region {
	struct range range;
	uint32_t owner;   /* number of the module that mapped it; 0: unknown */
	uint8_t prot;     /* PROT_READ | PROT_WRITE | PROT_EXEC, as last asked for */
	uint8_t max_prot; /* never more than this */
	uint8_t flags;    /* REGION_* */
	uint8_t seals;    /* of common/seal.h */
};

enum region_flag {
	REGION_RESERVED = 1 << 0, /* address space without use: PROT_NONE, private, anonymous */
	REGION_FILE = 1 << 1,
	REGION_SHARED = 1 << 2,
};

/*
 * Where the table's nodes come from: whole pages, zeroed, or 0. Never given back. The table does
 * not keep this pointer: its memory is writable, and what is called there could be chosen by
 * whoever writes to it.
 */
typedef uint64_t (*region_pages_fn)(size_t len_bytes);

struct node; /* cookie/tree.h */

/* A table without lock: the caller holds whatever lock there is. See cookie/table.h. */
struct regions {
	struct node *root;
	struct node *spare; /* nodes that were given back, chained */
	char *fresh;        /* nodes of the newest chunk that were never used */
	uint32_t n_fresh;
	uint32_t n_spare;     /* nodes that can be taken: the chain's and the fresh ones */
	uint32_t height;      /* levels of inner nodes above the leaves */
	uint64_t n;           /* regions */
	uint64_t arena_bytes; /* grown to so far */
};

int regions_init(struct regions *t, region_pages_fn pages);
int regions_grow(struct regions *t, region_pages_fn pages); /* after -ENOMEM; then try again */
int regions_set(struct regions *t, const struct region *r); /* replaces what it overlaps */
int regions_clear(struct regions *t, struct range range);   /* splits at the edges */
void regions_forget(struct regions *t, struct range range); /* whole regions; never fails */
int regions_protect(struct regions *t, struct range range, uint8_t prot);
int regions_seal(struct regions *t, struct range range, uint8_t seals, uint32_t owner);
bool regions_first(const struct regions *t, struct range range, struct region *rp);
