/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/cookies.h"

#include <errno.h>
#include "common/sys.h"
#include "cookie/host.h"

#if defined(__x86_64__)
#include "common/arch/x86_64/thread.h"
#endif

/*
 * The cookies of a process: slots, each a region or free, and how a call gets at one. A cookie is
 * the number of its slot and a tag (tag.c); the slot holds the whole of it, so one comparison tells
 * a live cookie from any other value.
 *
 * All of it lies in pages that are never given back, made with the first cookie. A slot may be read
 * without the lock (cmgetptr(3) is, and the interposer when it cannot wait): its value is written
 * last and cleared first, and read on both sides of the rest.
 *
 * A fork child has the cookies of its parent, but for those that cminherit(3) keeps from it; that
 * is seen to when it first enters. What it opens from then on are other values than its parent's.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 */

static struct cookies *_Atomic current;

/* The process's cookies, or NULL where there have been none. */
struct cookies *cookies_get(void)
{
	/* pairs with the release in cookies_make() */
	return atomic_load_explicit(&current, memory_order_acquire);
}

static void before_fork(void)
{
	struct cookies *c = cookies_get();

	if (!c || cookies_enter(c))
		return;
	mutex_is_whole(&c->lock);
	c->forking = thread_self();
}

static void after_fork(void)
{
	struct cookies *c = cookies_get();

	if (!c || c->forking != thread_self())
		return; /* a handler has forked while the lock was this thread's already */
	c->forking = 0;
	cookies_leave(c);
}

/*
 * Has the lock held over fork(3), so that what a child gets is whole. Once, and as early as can be:
 * what was registered before these is held already when they wait for the lock, and whoever holds
 * the lock may wait for it.
 *
 * Context: a constructor, or any call but one in a signal handler.
 */
void cookies_start(void)
{
	static _Atomic uint32_t started;

	if (!atomic_exchange_explicit(&started, 1, memory_order_relaxed))
		host_atfork(before_fork, after_fork);
}

static struct cookies *cookies_new(void)
{
	struct tag_key key, random;
	struct mutex_page *page;
	struct cookies *c;

	if (tag_key_draw(&key) || tag_key_draw(&random))
		return NULL;
	c = (struct cookies *)host_pages(sizeof(*c));
	page = (struct mutex_page *)host_pages(CM_PAGE);
	if (!c || !page || mutex_init(&c->lock, page) || regions_init(&c->pieces, host_pages))
		return NULL;
	c->key = key;
	space_init(&c->space, random.k);
	c->n_slots = 1;
	c->n_views = 1;
	return c;
}

/*
 * The process's cookies, made if there are none yet. Of two threads that make them at once one is
 * first; what the other made is left to itself.
 *
 * Return: 0, or -ENOMEM.
 */
int cookies_make(struct cookies **cp)
{
	struct cookies *none = NULL, *fresh;

	*cp = cookies_get();
	if (*cp)
		return 0;
	fresh = cookies_new();
	if (!fresh)
		return -ENOMEM;
	cookies_start();
	/* pairs with the acquire in cookies_get() */
	atomic_compare_exchange_strong_explicit(&current, &none, fresh, memory_order_acq_rel,
						memory_order_acquire);
	host_attend();
	*cp = cookies_get();
	return 0;
}

/* What cminherit(3) keeps from a fork child is not mapped in it, and has no cookie. */
static void forget_uninherited(struct cookies *c)
{
	for (uint32_t i = 1; c->n_nofork && i < c->n_slots; i++) {
		struct slot *s = slot_at(c, i);

		if (!s->value || !(s->flags & SLOT_NOFORK))
			continue;
		pieces_forget(c, i, (struct range){s->start, s->end});
		views_forget(c, i);
		slot_free(c, i);
	}
}

/* Enters the lock. Return: 0, and cookies_leave() must follow; or as mutex_enter(). */
int cookies_enter(struct cookies *c)
{
	bool forked;
	int r = mutex_enter(&c->lock, &forked);

	if (__builtin_expect(!r && forked, 0)) {
		c->forking = 0;
		tag_key_fork(&c->key);
		forget_uninherited(c);
		mutex_settle(&c->lock);
	}
	return r;
}

void cookies_leave(struct cookies *c)
{
	mutex_leave(&c->lock);
}

/* A slot by its number, which is one that was ever used. */
struct slot *slot_at(const struct cookies *c, uint32_t index)
{
	/* pairs with the release in slot_new() */
	struct slot *chunk =
		atomic_load_explicit(&c->chunk[index / SLOT_CHUNK], memory_order_acquire);

	return chunk ? &chunk[index % SLOT_CHUNK] : NULL;
}

/* Takes a free slot. Return: 0 with *indexp written, or -ENOMEM. */
int slot_new(struct cookies *c, uint32_t *indexp)
{
	uint32_t index = c->free_slot;
	struct slot *chunk;

	if (index) {
		c->free_slot = slot_at(c, index)->next;
		*indexp = index;
		return 0;
	}
	if (c->n_slots >= 1u << TAG_INDEX_BITS)
		return -ENOMEM;
	index = c->n_slots;
	if (!slot_at(c, index)) {
		chunk = (struct slot *)host_pages(SLOT_CHUNK * sizeof(*chunk));
		if (!chunk)
			return -ENOMEM;
		/* pairs with the acquire in slot_at() */
		atomic_store_explicit(&c->chunk[index / SLOT_CHUNK], chunk, memory_order_release);
	}
	c->n_slots++;
	*indexp = index;
	return 0;
}

/* Publishes a slot that has been filled: its cookie is live. */
void slot_open(struct cookies *c, uint32_t index)
{
	struct slot *s = slot_at(c, index);

	/* pairs with the acquire in slot_peek() */
	atomic_store_explicit(&s->value, tag_value(&c->key, index, s->generation),
			      memory_order_release);
}

/* Ends a cookie, or takes back a slot that was not opened. */
void slot_free(struct cookies *c, uint32_t index)
{
	struct slot *s = slot_at(c, index);

	atomic_store_explicit(&s->value, 0, memory_order_relaxed);
	/* pairs with the fence in slot_peek(): what is written next is not read for this cookie */
	atomic_thread_fence(memory_order_seq_cst);
	if (s->flags & SLOT_NOFORK)
		c->n_nofork--;
	s->flags = 0;
	if (++s->generation == UINT32_MAX)
		return; /* its cookies would come again */
	s->next = c->free_slot;
	c->free_slot = index;
}

/* After a fork the first look is under the lock. */
static int settle(struct cookies *c)
{
	int r = cookies_enter(c);

	if (!r)
		cookies_leave(c);
	return r;
}

/*
 * Reads where a region begins, without the lock.
 *
 * Context: signal handlers too, but in a fork child that has not called anything of the interface
 * yet: there -EDEADLK is possible.
 * Return: 0, -EBADF, -EPERM.
 */
int slot_peek(cm_t cookie, cm_ops_t op, uint64_t *startp)
{
	struct cookies *c = cookies_get();
	struct slot *s;
	uint64_t start;
	cm_ops_t ops;
	int r;

	if (__builtin_expect(!c || !cookie, 0))
		return -EBADF;
	if (__builtin_expect(!atomic_load_explicit(&c->lock.page->known, memory_order_acquire),
			     0)) {
		r = settle(c);
		if (r)
			return r;
	}
	s = slot_at(c, tag_index(cookie));
	/* pairs with the release in slot_open() */
	if (!s || atomic_load_explicit(&s->value, memory_order_acquire) != cookie)
		return -EBADF;
	start = atomic_load_explicit(&s->start, memory_order_relaxed);
	ops = atomic_load_explicit(&s->ops, memory_order_relaxed);
	/* pairs with the fence in slot_free() */
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&s->value, memory_order_relaxed) != cookie)
		return -EBADF;
	if (!(ops & op))
		return -EPERM;
	*startp = start;
	return 0;
}

static bool scan_views(const struct cookies *c, struct range range)
{
	for (uint32_t i = 1; i < __atomic_load_n(&c->n_views, __ATOMIC_RELAXED); i++) {
		const struct view *v = view_at(c, i);

		if (v && v->start && range_overlaps((struct range){v->start, v->end}, range))
			return true;
	}
	return false;
}

static bool scan_making(const struct cookies *c, struct range range)
{
	for (unsigned i = 0; i < MAKING_N; i++) {
		/* pairs with the releases in place.c */
		uint64_t end = atomic_load_explicit(&c->making[i].end, memory_order_acquire);
		uint64_t start = atomic_load_explicit(&c->making[i].start, memory_order_acquire);

		if (range_overlaps((struct range){start, end}, range))
			return true;
	}
	return false;
}

/*
 * Whether a range touches a live region, one that is about to be, or a view, read without the lock:
 * for who cannot wait for it. Slow where there are many.
 */
bool cookies_scan(const struct cookies *c, struct range range)
{
	if (scan_making(c, range))
		return true;
	for (uint32_t i = 1; i < __atomic_load_n(&c->n_slots, __ATOMIC_RELAXED); i++) {
		const struct slot *s = slot_at(c, i);

		if (s && atomic_load_explicit(&s->value, memory_order_acquire) &&
		    range_overlaps((struct range){s->start, s->end}, range))
			return true;
	}
	return scan_views(c, range);
}

/*
 * Finds the region of a cookie and enters the lock, if the cookie has kept the operation.
 *
 * Return: 0, and aim_leave() must follow; or -EBADF, -EPERM, or as cookies_enter().
 */
int aim_enter(struct aim *a, uint64_t caller, cm_t cookie, cm_ops_t op)
{
	struct cookies *c = cookies_get();
	int r;

	if (!c || !cookie)
		return -EBADF;
	r = cookies_enter(c);
	if (r)
		return r;
	a->c = c;
	a->caller = caller;
	a->index = tag_index(cookie);
	a->slot = slot_at(c, a->index);
	if (!a->slot || atomic_load_explicit(&a->slot->value, memory_order_relaxed) != cookie)
		return aim_leave(a, -EBADF);
	if (op && !(a->slot->ops & op))
		return aim_leave(a, -EPERM);
	a->region = (struct range){a->slot->start, a->slot->end};
	a->range = a->region;
	return 0;
}

/* Leaves it. Return: `result`. */
int aim_leave(struct aim *a, int result)
{
	cookies_leave(a->c);
	return result;
}

/*
 * Aims at a part of the region: whole pages from a multiple of a page.
 *
 * Return: 0; -EINVAL; -ERANGE: not all of it is in the region.
 */
int aim_range(struct aim *a, size_t offset, size_t len)
{
	uint64_t size = range_len(a->region), n = page_up(len);

	if (offset % CM_PAGE || !len)
		return -EINVAL;
	if (!n || n > size || offset > size - n)
		return -ERANGE;
	a->range.start = a->region.start + offset;
	a->range.end = a->range.start + n;
	return 0;
}
