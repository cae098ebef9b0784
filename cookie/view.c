/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/cookies.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/calls.h"
#include "cookie/host.h"
#include "cookie/place.h"

/*
 * Second mappings of a region's memory, with other rights and at an address of their own: what lets
 * one part of a program write code and another run it, with no address at which both can be done.
 *
 * A view of shared memory is made of a mapping that is there already: mremap(2) of old length 0
 * (mm/mremap.c: "a new mapping of the same pages"). So no descriptor is kept, which a program could
 * close, and open something else in its place. Only the view that may be executed is made with the
 * region, from the descriptor, since that is what a policy can rule by name (wx.file).
 *
 * Context: freestanding; whoever calls holds the lock.
 */

#define WX         (PROT_WRITE | PROT_EXEC)
#define VIEW_STALE 0xff /* what no call asks for */

struct view *view_at(const struct cookies *c, uint32_t index)
{
	/* pairs with the release in view_new() */
	struct view *chunk =
		atomic_load_explicit(&c->view_chunk[index / VIEW_CHUNK], memory_order_acquire);

	return chunk ? &chunk[index % VIEW_CHUNK] : NULL;
}

static int view_new(struct cookies *c, uint32_t *indexp)
{
	uint32_t index = c->free_view;
	struct view *chunk;

	if (index) {
		c->free_view = view_at(c, index)->next;
		*indexp = index;
		return 0;
	}
	index = c->n_views;
	if (index == VIEW_CHUNK * VIEW_CHUNKS)
		return -ENOMEM;
	if (!view_at(c, index)) {
		chunk = (struct view *)host_pages(VIEW_CHUNK * sizeof(*chunk));
		if (!chunk)
			return -ENOMEM;
		/* pairs with the acquire in view_at() */
		atomic_store_explicit(&c->view_chunk[index / VIEW_CHUNK], chunk,
				      memory_order_release);
	}
	c->n_views++;
	*indexp = index;
	return 0;
}

/*
 * Remembers a mapping as a view of the region aimed at. Return: 0, or -ENOMEM.
 */
int view_add(const struct aim *a, struct range range, int prot)
{
	struct region piece = {
		.range = range,
		.owner = a->index,
		.prot = (uint8_t)prot,
		.max_prot = (uint8_t)prot,
		.flags = PIECE_VIEW | PIECE_SHARED,
	};
	struct view *v;
	uint32_t index;
	int r = view_new(a->c, &index);

	if (r)
		return r;
	v = view_at(a->c, index);
	*v = (struct view){.start = range.start,
			   .end = range.end,
			   .next = a->slot->next,
			   .prot = (uint8_t)prot};
	a->slot->next = index;
	pieces_put(a->c, &piece);
	return 0;
}

/* Forgets the newest view of a slot. */
static void forget_one(struct cookies *c, uint32_t slot)
{
	struct slot *s = slot_at(c, slot);
	uint32_t index = s->next;
	struct view *v = view_at(c, index);

	pieces_forget(c, slot, (struct range){v->start, v->end});
	s->next = v->next;
	v->start = 0;
	v->next = c->free_view;
	c->free_view = index;
}

/* Forgets the views of a slot, whatever has become of the mappings. */
void views_forget(struct cookies *c, uint32_t slot)
{
	while (slot_at(c, slot)->next)
		forget_one(c, slot);
}

/* Takes the views of a region away. Return: 0, or -errno of the first that stays. */
long views_close(const struct aim *a, bool for_ever)
{
	while (a->slot->next) {
		struct view *v = view_at(a->c, a->slot->next);
		struct range range = {v->start, v->end};
		long r;

		v->start = 0; /* out of sight before the addresses are anybody's */
		r = pieces_close(a, range, for_ever);
		if (r) {
			v->start = range.start;
			return r;
		}
		v->end = 0; /* its pieces are gone */
		forget_one(a->c, a->index);
	}
	return 0;
}

/*
 * Makes the same part of every view address space without memory, where it still is the region's.
 * `stale`: the region has something else there, which they do not show; nobody is given them any
 * more.
 *
 * Return: 0, or -errno of the first that stays.
 */
long views_unmap(const struct aim *a, bool stale)
{
	uint64_t offset = a->range.start - a->region.start;
	struct view *v;
	long r = 0;

	for (uint32_t i = a->slot->next; !r && i; i = v->next) {
		struct range rest;
		struct region piece;

		v = view_at(a->c, i);
		rest.start = v->start + offset;
		rest.end = rest.start + range_len(a->range);
		while (!r && pieces_next(a, &rest, &piece))
			r = space_reserve(a->caller, piece.range);
		if (stale)
			v->prot = VIEW_STALE;
	}
	return r;
}

/* Tells the kernel what a fork child gets of the views. */
void views_advise(const struct aim *a, int advice)
{
	const struct view *v;

	for (uint32_t i = a->slot->next; i; i = v->next) {
		v = view_at(a->c, i);
		host_call(a->caller, SYS_madvise, (long)v->start, (long)(v->end - v->start), advice,
			  0, 0, 0);
	}
}

/* Whether all of a view still is there: something may have been mapped over it. */
static bool is_intact(const struct aim *a, const struct view *v)
{
	struct range rest = {v->start, v->end};
	struct region piece;
	uint64_t n = 0;

	while (pieces_next(a, &rest, &piece))
		n += range_len(piece.range);
	return n == v->end - v->start;
}

struct shape {
	unsigned n;
	bool shared;
	bool same; /* all of it mapped, with just these rights */
	int prot;
};

static int look(const struct aim *a, const struct region *piece, void *arg)
{
	struct shape *s = arg;
	bool mapped = piece_kind(piece) != CM_KIND_RESERVED;

	s->n++;
	s->shared = s->shared && piece->flags & PIECE_SHARED && mapped;
	s->same = s->same && mapped && piece->prot == s->prot;
	return 0;
}

/*
 * Whether seals let the memory be mapped once more: mremap(2) refuses it where mseal(2) keeps it
 * (mm/mremap.c), and a protection that is sealed is not given more by another address.
 */
static int view_allowed(const struct aim *a, const struct region *piece, void *arg)
{
	bool more = *(int *)arg & ~piece->prot;

	if (piece->seals & SEAL_MOVE || (piece->seals & (SEAL_PROT | SEAL_DOWNGRADE) && more))
		return -EPERM;
	return 0;
}

static int may_view(const struct aim *a, int perms)
{
	return pieces_each(a, a->region, view_allowed, &perms);
}

/* Whether all of the region is one object, so that one mapping more can show all of it. */
static bool can_view(const struct aim *a, const struct shape *s)
{
	return s->shared && (s->n == 1 || a->slot->flags & SLOT_ALIAS);
}

static long reserve_at(void *arg, uint64_t at, uint64_t len, int how)
{
	const struct aim *a = arg;

	return host_call(a->caller, SYS_mmap, (long)at, (long)len, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | how, -1, 0);
}

/* A second mapping of the region's memory, with the rights of the first. Return: where, or -errno.
 */
static long copy(struct aim *a)
{
	uint64_t len = range_len(a->region);
	long at = place_view(a->c, len, reserve_at, a), r;

	if (sys_is_error(at))
		at = 0;
	r = host_call(a->caller, SYS_mremap, (long)a->region.start, 0, (long)len,
		      MREMAP_MAYMOVE | (at ? MREMAP_FIXED : 0), at, 0);
	if (at && sys_is_error(r))
		host_call(a->caller, SYS_munmap, at, (long)len, 0, 0, 0, 0);
	return r;
}

/* Makes a view. Return: its address, or -errno. */
static long make(struct aim *a, int perms)
{
	uint64_t len = range_len(a->region);
	long at = copy(a), r;

	if (sys_is_error(at)) {
		place_done(a->c);
		return at;
	}
	r = host_call(a->caller, SYS_mprotect, at, (long)len, perms, 0, 0, 0);
	if (!r && a->slot->flags & SLOT_NOFORK)
		r = host_call(a->caller, SYS_madvise, at, (long)len, MADV_DONTFORK, 0, 0, 0);
	if (!r)
		r = view_add(a, (struct range){(uint64_t)at, (uint64_t)at + len}, perms);
	if (r)
		host_call(a->caller, SYS_munmap, at, (long)len, 0, 0, 0, 0);
	place_done(a->c);
	return r ? r : at;
}

static int getcap(struct aim *a, uint64_t *startp, int perms)
{
	struct shape s = {.shared = true, .same = true, .prot = perms};
	const struct view *v;
	long r;

	r = pieces_each(a, a->region, look, &s);
	if (r)
		return (int)r;
	for (uint32_t i = a->slot->next; i; i = v->next) {
		v = view_at(a->c, i);
		*startp = v->start;
		if (v->prot == perms && is_intact(a, v))
			return 0;
	}
	*startp = a->region.start;
	if (s.same)
		return 0;
	if (!can_view(a, &s))
		return -ENOTSUP;
	r = may_view(a, perms);
	r = r ? r : pieces_ready(a->c);
	r = r ? r : make(a, perms);
	*startp = (uint64_t)r;
	return sys_is_error(r) ? (int)r : 0;
}

/* cmgetcap(3). Return: 0 with *ptrp written, or -errno. */
int cookie_getcap(uint64_t caller, cm_t cookie, void **ptrp, cm_perm_t perms)
{
	const int all = PROT_READ | PROT_WRITE | PROT_EXEC;
	uint64_t start = 0;
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_GETCAP);

	if (r)
		return r;
	if (!ptrp)
		r = -EFAULT;
	else if (!perms || perms & ~all)
		r = -EINVAL;
	else if ((perms & WX) == WX)
		r = -ENOTSUP;
	else if (perms & ~a.slot->perms)
		r = -EACCES;
	else
		r = getcap(&a, &start, perms);
	aim_leave(&a, r);
	if (!r) /* after the lock: it may lie where a signal handler has to see to it first */
		*ptrp = (void *)start;
	return r;
}
