/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"
#include "cookie/mutex.h"
#include "cookie/piece.h"
#include "cookie/region.h"
#include "cookie/space.h"
#include "cookie/tag.h"
#include "include/cookiemap.h"

/* The cookies of a process, and what is behind each; see cookies.c. */

#define SLOT_CHUNK  4096u
#define SLOT_CHUNKS ((1u << TAG_INDEX_BITS) / SLOT_CHUNK)

enum slot_flag {
	SLOT_NOREUSE = 1 << 0, /* CM_NOREUSE */
	SLOT_SUPERPAGE = 1 << 1,
	SLOT_ALIAS = 1 << 2,  /* CM_ALIAS, asked for or implied */
	SLOT_NOFORK = 1 << 3, /* CM_INHERIT_NONE */
};

/*
 * A region. `value` is written last and cleared first, so who reads without the lock reads it
 * before and after (slot_peek()).
 */
struct slot {
	_Atomic uint64_t value; /* its cookie; 0: the slot is free */
	_Atomic uint64_t start;
	_Atomic uint64_t end;
	_Atomic uint32_t ops; /* CM_OP_* */
	uint32_t generation;  /* how often the slot was used */
	uint32_t next;        /* of a free one: the next free; else the first view, or 0 */
	uint8_t flags;
	uint8_t perms; /* what cmgetcap() may hand out */
	uint8_t max;
};

/* A second mapping of a region's memory. */
struct view {
	uint64_t start; /* 0: free */
	uint64_t end;
	uint32_t next; /* of the same region; of a free one, the next free */
	uint8_t prot;
};

enum making_what { MAKING_REGION, MAKING_VIEW, MAKING_N };

#define VIEW_CHUNK  2048u
#define VIEW_CHUNKS 1024u

struct cookies {
	struct mutex lock;
	struct tag_key key;
	struct regions pieces; /* by address: every range that a cookie names, and views of it */
	struct space space;
	struct slot *_Atomic chunk[SLOT_CHUNKS];
	struct view *_Atomic view_chunk[VIEW_CHUNKS];
	uint32_t n_slots; /* that were ever used; the first is never */
	uint32_t free_slot;
	uint32_t n_views;
	uint32_t free_view;
	uint32_t n_nofork; /* regions that a fork child does not get */
	uint16_t serial;   /* of the newest submap that is an object */
	uint64_t forking;  /* the thread that holds the lock over fork(3) */
	struct {
		_Atomic uint64_t start;
		_Atomic uint64_t end;
	} making[MAKING_N]; /* where mappings of a region that is not open yet are, or will be */
};

/* One region, found and locked, that a call is about. */
struct aim {
	struct cookies *c;
	struct slot *slot;
	uint32_t index;
	struct range region;
	struct range range;
	uint64_t caller;
	struct region one; /* what lies there, once check_pieces() has seen that it is one piece */
};

struct cookies *cookies_get(void);
int cookies_make(struct cookies **cp);
int cookies_enter(struct cookies *c);
void cookies_leave(struct cookies *c);
void cookies_start(void);

int slot_new(struct cookies *c, uint32_t *indexp);
void slot_open(struct cookies *c, uint32_t index);
void slot_free(struct cookies *c, uint32_t index);
struct slot *slot_at(const struct cookies *c, uint32_t index);
int slot_peek(cm_t cookie, cm_ops_t op, uint64_t *startp);
bool cookies_scan(const struct cookies *c, struct range range);

int aim_enter(struct aim *a, uint64_t caller, cm_t cookie, cm_ops_t op);
int aim_range(struct aim *a, size_t offset, size_t len);
int aim_leave(struct aim *a, int result);

struct view *view_at(const struct cookies *c, uint32_t index);
int view_add(const struct aim *a, struct range range, int prot);
void views_forget(struct cookies *c, uint32_t slot);
