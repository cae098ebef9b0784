/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/table.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/lock.h"

/*
 * The region table behind its lock: what the wrappers call. Separate from region.c, which may be
 * walked by one at a time, and from lock.c, which knows nothing of what it locks: here is what
 * happens to an operation that cannot be done at once.
 *
 * What holds: the table knows too little at times, never anything that is wrong. So
 *
 *  - What cannot enter the lock is queued, and done by whoever enters it next or leaves it first,
 *    in the order of the queue and before anything of its own. Where an earlier place of the queue
 *    is taken but not filled yet (its owner was interrupted), nobody may overtake it: the newcomer
 *    queues up as well.
 *  - Where memory does not suffice to be exact, the whole region is forgotten; seals that find no
 *    room are not entered, and whoever asked for them is told.
 *  - Where a table cannot be used any more, a new and empty one, the next generation, takes its
 *    place: in a fork child that got a copy in the middle of a change, and when the queue is full
 *    because its holder is suspended, or left by siglongjmp(3). The old one is left as it is, since
 *    its holder may still wake up and walk it; what it does there is lost. Every generation has a
 *    lock word of its own, so that this holder cannot leave the lock of another.
 *  - When the lock words are used up, there is no table any more, and everything is unknown.
 *
 * Context: freestanding; signal handlers, fork and vfork children, before and after constructors.
 * No function blocks for more than lock_enter() does.
 */

#define N_QUEUE       64
#define WORD_STRIDE   8 /* words in a cache line */
#define N_GENERATIONS (CM_PAGE / sizeof(uint64_t) / WORD_STRIDE)

enum op_kind { OP_MAP, OP_GIVE, OP_UNMAP, OP_PROTECT, OP_SEAL };

struct op {
	enum op_kind kind;
	struct region region;
};

/* A place in the queue. It is filled for ticket T when `filled` is T + 1. */
struct place {
	_Atomic uint64_t filled;
	struct op op;
};

struct table_state {
	struct table_state *_Atomic current; /* of the first generation: the generation in use */
	unsigned generation;
	struct lock lock;
	struct regions regions;
	_Atomic uint64_t head; /* the ticket to be done next; changed under the lock */
	_Atomic uint64_t tail; /* the next ticket to be taken; by anyone */
	struct place queue[N_QUEUE];
};

_Static_assert(sizeof(struct table_state) <= CM_PAGE, "a generation fits in a page");

static struct table_state *state_new(const struct table *t, unsigned generation)
{
	struct table_state *s = (struct table_state *)t->pages(CM_PAGE);

	if (!s || regions_init(&s->regions, t->pages))
		return NULL;
	s->generation = generation;
	lock_init(&s->lock, (_Atomic uint64_t *)&t->words[generation * WORD_STRIDE]);
	return s;
}

static inline struct table_state *state_current(const struct table *t)
{
	/* pairs with the release in state_replace() */
	return atomic_load_explicit(t->currentp, memory_order_acquire);
}

/* Puts an empty generation in the place of `s`, unless somebody has done so already. */
static void state_replace(const struct table *t, struct table_state *s)
{
	struct table_state *next = NULL;

	if (state_current(t) != s)
		return;
	if (s->generation + 1 < N_GENERATIONS)
		next = state_new(t, s->generation + 1);
	atomic_compare_exchange_strong_explicit(t->currentp, &s, next, memory_order_acq_rel,
						memory_order_relaxed);
}

/*
 * Makes an empty table.
 *
 * t: stays the caller's; written here and never again. pages: see region.h; called again whenever
 * the table grows, under the lock, in any context. wipe_page: one page, private, anonymous, zero;
 * the table's from now on, and zeroed in every fork child (MADV_WIPEONFORK).
 *
 * Return: 0, -ENOMEM, or what madvise(2) gave.
 */
int table_init(struct table *t, region_pages_fn pages, void *wipe_page)
{
	struct table made = {.pages = pages, .words = wipe_page};
	long r = sys_madvise((uint64_t)wipe_page, CM_PAGE, MADV_WIPEONFORK);
	struct table_state *s;

	if (r)
		return (int)r;
	s = state_new(&made, 0);
	if (!s)
		return -ENOMEM;
	atomic_init(&s->current, s);
	made.currentp = &s->current;
	*t = made;
	return 0;
}

/*
 * Whether the table still is what table_init() made: nothing has been lost with an earlier
 * generation. For facts that must not be missed without a word.
 */
bool table_is_whole(const struct table *t)
{
	const struct table_state *s = state_current(t);

	return s && !s->generation;
}

static int try(struct regions *regions, const struct op *op)
{
	const struct region *r = &op->region;
	struct region found;

	switch (op->kind) {
	case OP_MAP:
		return regions_set(regions, r);
	case OP_GIVE:
		return regions_first(regions, r->range, &found) ? 0 : regions_set(regions, r);
	case OP_UNMAP:
		return regions_clear(regions, r->range);
	case OP_SEAL:
		return regions_seal(regions, r->range, r->seals, r->owner);
	default:
		return regions_protect(regions, r->range, r->prot);
	}
}

/* Under the lock. Every operation may be tried again: what is done already is done once more. */
static void apply(const struct table *t, struct table_state *s, const struct op *op)
{
	int error = try(&s->regions, op);

	while (__builtin_expect(error == -ENOMEM, 0) && !regions_grow(&s->regions, t->pages))
		error = try(&s->regions, op);
	if (__builtin_expect(error, 0) && op->kind != OP_SEAL)
		regions_forget(&s->regions, op->region.range);
}

/*
 * Takes a place and fills it.
 *
 * Return: false where the queue is full.
 */
static bool queue_push(struct table_state *s, const struct op *op)
{
	uint64_t ticket = atomic_load_explicit(&s->tail, memory_order_relaxed);
	struct place *p;

	do {
		/* pairs with the release in queue_drain(): the place has been read */
		if (ticket - atomic_load_explicit(&s->head, memory_order_acquire) >= N_QUEUE)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(
		&s->tail, &ticket, ticket + 1, memory_order_relaxed, memory_order_relaxed));
	p = &s->queue[ticket % N_QUEUE];
	p->op = *op;
	/* pairs with the acquire in queue_drain() */
	atomic_store_explicit(&p->filled, ticket + 1, memory_order_release);
	return true;
}

/*
 * Does what is queued. Under the lock; handlers and other threads may go on queueing.
 *
 * Return: true, or false where a place was taken but is not filled yet.
 */
static inline bool queue_drain(const struct table *t, struct table_state *s)
{
	uint64_t head = atomic_load_explicit(&s->head, memory_order_relaxed);

	while (__builtin_expect(head != atomic_load_explicit(&s->tail, memory_order_relaxed), 0)) {
		struct place *p = &s->queue[head % N_QUEUE];
		struct op op;

		/* pairs with the release in queue_push() */
		if (atomic_load_explicit(&p->filled, memory_order_acquire) != head + 1)
			return false;
		op = p->op;
		/* pairs with the acquire in queue_push() */
		atomic_store_explicit(&s->head, ++head, memory_order_release);
		apply(t, s, &op);
	}
	return true;
}

/*
 * Enters the generation in use and brings it up to date.
 *
 * Return: the generation, to be left by state_leave(), or NULL where that is impossible just now.
 */
static inline struct table_state *state_enter(const struct table *t)
{
	for (;;) {
		struct table_state *s = state_current(t);
		enum lock_result r;

		if (!s)
			return NULL;
		r = lock_enter(&s->lock);
		if (__builtin_expect(r == LOCKED, 1)) {
			if (__builtin_expect(state_current(t) == s && queue_drain(t, s), 1))
				return s;
			lock_leave(&s->lock);
			if (state_current(t) == s)
				return NULL;
		} else if (r == LOCK_INTERRUPTED) {
			state_replace(t, s);
		} else {
			return NULL;
		}
	}
}

static inline void state_leave(const struct table *t, struct table_state *s)
{
	/* What a handler queues after this, the next to enter does. */
	queue_drain(t, s);
	lock_leave(&s->lock);
}

/*
 * Queues what could not be done. When this returns, no later reader of the table misses it: either
 * it is in the queue of the generation in use, or that generation began empty after the call.
 */
static __attribute__((noinline)) void defer(const struct table *t, const struct op *op)
{
	struct table_state *s;

	while ((s = state_current(t))) {
		if (!queue_push(s, op))
			state_replace(t, s);
		else if (state_current(t) == s)
			return;
	}
}

static void table_do(const struct table *t, const struct op *op)
{
	struct table_state *s = state_enter(t);

	if (__builtin_expect(!s, 0)) {
		defer(t, op);
		return;
	}
	apply(t, s, op);
	state_leave(t, s);
}

/*
 * Enters a mapping that the kernel has made, with all that is known about it. What the table held
 * in its range is replaced: the kernel knows better.
 */
void table_map(const struct table *t, const struct region *r)
{
	struct op op = {OP_MAP, *r};

	table_do(t, &op);
}

/*
 * Forgets a range that the kernel is about to unmap, for a caller that will not need it back.
 */
void table_unmap(const struct table *t, struct range range)
{
	struct op op = {OP_UNMAP, {.range = range}};

	table_do(t, &op);
}

/*
 * Enters the protection that the kernel has given to a range. What is unknown there stays so.
 */
void table_protect(const struct table *t, struct range range, uint8_t prot)
{
	struct op op = {OP_PROTECT, {.range = range, .prot = prot}};

	table_do(t, &op);
}

/* Whether all of a range has these seals. */
static bool has_seals(const struct regions *regions, struct range range, uint8_t seals)
{
	struct region r;

	for (; range.start < range.end; range.start = r.range.end)
		if (!regions_first(regions, range, &r) || r.range.start > range.start ||
		    (r.seals & seals) != seals)
			return false;
	return true;
}

/*
 * Adds seals to a range; what is unknown in it is entered with `owner`.
 *
 * Return: false where memory does not suffice, or where that cannot be told just now (the seals may
 * then still be entered, later).
 */
bool table_seal(const struct table *t, struct range range, uint8_t seals, uint32_t owner)
{
	struct op op = {OP_SEAL, {.range = range, .seals = seals, .owner = owner}};
	struct table_state *s = state_enter(t);
	bool done;

	if (__builtin_expect(!s, 0)) {
		defer(t, &op);
		return false;
	}
	apply(t, s, &op);
	done = has_seals(&s->regions, range, seals);
	state_leave(t, s);
	return done;
}

static unsigned overlap(const struct regions *regions, struct range range, struct region *rp,
			unsigned n_max)
{
	unsigned n = 0;

	for (; n < n_max && range.start < range.end; n++) {
		if (!regions_first(regions, range, &rp[n]))
			break;
		range.start = rp[n].range.end;
	}
	return n;
}

/*
 * Forgets a range that the kernel is about to unmap or to move, as table_unmap() does, and hands
 * out what was known about it.
 *
 * takenp: room for n_max regions, lowest first, cut to the range. What finds no room there is
 * forgotten for good.
 *
 * Return: the number written. 0 also where the table could not be read just now.
 */
unsigned table_take(const struct table *t, struct range range, struct region *takenp,
		    unsigned n_max)
{
	struct table_state *s = state_enter(t);
	struct op op = {OP_UNMAP, {.range = range}};
	unsigned n;

	if (__builtin_expect(!s, 0)) {
		defer(t, &op);
		return 0;
	}
	n = overlap(&s->regions, range, takenp, n_max);
	apply(t, s, &op);
	state_leave(t, s);
	for (unsigned i = 0; i < n; i++) {
		if (takenp[i].range.start < range.start)
			takenp[i].range.start = range.start;
		if (takenp[i].range.end > range.end)
			takenp[i].range.end = range.end;
	}
	return n;
}

/*
 * Gives back what was taken, since the kernel has refused: what has become known about the place in
 * the meantime stands.
 */
void table_give(const struct table *t, const struct region *taken, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct op op = {OP_GIVE, taken[i]};

		table_do(t, &op);
	}
}

/*
 * Enters at `to` what was taken from `from`, after the kernel has moved or resized it. What lies
 * beyond a shorter `to` is dropped; the last region grows to the end of a longer one.
 *
 * taken, n: as table_take(t, from, …) gave them. Where they tell nothing, `to` becomes unknown.
 */
void table_remap(const struct table *t, struct range from, struct range to,
		 const struct region *taken, unsigned n)
{
	table_unmap(t, to);
	for (unsigned i = 0; i < n; i++) {
		struct region r = taken[i];
		bool last = r.range.end == from.end;

		r.range.start += to.start - from.start;
		r.range.end += to.start - from.start;
		if (last || r.range.end > to.end)
			r.range.end = to.end;
		if (r.range.start < r.range.end)
			table_map(t, &r);
	}
}

/*
 * Looks up one address.
 *
 * Return: 0 and *rp written; -ENOENT: nothing is known there; -EAGAIN: the table cannot be read
 * just now, and the caller must take the address as unknown.
 */
int table_find(const struct table *t, uint64_t addr, struct region *rp)
{
	int r = table_overlap(t, (struct range){addr, addr + 1}, rp, 1);

	return r == 1 ? 0 : r == 0 ? -ENOENT : r;
}

/*
 * Copies out what is known about a range, to be judged without holding the lock.
 *
 * rp: room for n_max regions, lowest first, whole (not cut to the range).
 *
 * Return: the number written, n_max also where there is more; -EAGAIN as table_find().
 */
int table_overlap(const struct table *t, struct range range, struct region *rp, unsigned n_max)
{
	struct table_state *s = state_enter(t);
	unsigned n;

	if (__builtin_expect(!s, 0))
		return -EAGAIN;
	n = overlap(&s->regions, range, rp, n_max);
	state_leave(t, s);
	return (int)n;
}
