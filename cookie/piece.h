/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "common/range.h"
#include "common/seal.h"
#include "cookie/region.h"

/*
 * What the C interface keeps in the fields of a struct region, in a table of its own: the pieces
 * that regions are made of, and views. See piece.c.
 */

enum piece_flag {
	PIECE_KIND = 0x07, /* CM_KIND_*, or PIECE_VIEW */
	PIECE_SHARED = 0x08,
	PIECE_INHERIT = 0x30, /* CM_INHERIT_*, shifted by PIECE_INHERIT_AT */
	PIECE_SHARE = 0x40,   /* CM_SHARE */
};

#define PIECE_INHERIT_AT 4
#define PIECE_VIEW       7
#define PIECE_OWNER_BITS \
	22 /* of `owner`: the slot; above it a number that tells neighbours apart */
#define PIECE_SERIALS 1024u

struct cookies;
struct aim;

static inline uint32_t piece_slot(const struct region *r)
{
	return r->owner & ((1u << PIECE_OWNER_BITS) - 1);
}

static inline int piece_kind(const struct region *r)
{
	return r->flags & PIECE_KIND;
}

static inline int piece_inherit(const struct region *r)
{
	return (r->flags & PIECE_INHERIT) >> PIECE_INHERIT_AT;
}

/* Whether a piece is to be passed over: the walk ends with what it returns. */
typedef int (*piece_fn)(const struct aim *a, const struct region *piece, void *arg);

int pieces_ready(struct cookies *c);
void pieces_put(struct cookies *c, const struct region *piece);
void pieces_lay(const struct aim *a, const struct region *piece);
void pieces_forget(struct cookies *c, uint32_t slot, struct range range);
bool pieces_next(const struct aim *a, struct range *restp, struct region *piecep);
long pieces_close(const struct aim *a, struct range range, bool for_ever);
int pieces_each(const struct aim *a, struct range range, piece_fn fn, void *arg);
void pieces_protect(const struct aim *a, uint8_t prot);
void pieces_seal(const struct aim *a, uint8_t seals);
void pieces_inherit(const struct aim *a, struct range range, int inherit);
uint32_t pieces_serial(const struct aim *a, struct range range);
bool pieces_are_reserved(const struct aim *a, struct range range);
struct region piece_reserved(const struct aim *a, struct range range);
