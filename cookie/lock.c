/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/lock.h"

#include <stdbool.h>
#include <stddef.h>
#include "common/rest.h"

#if defined(__x86_64__)
#include "common/arch/x86_64/thread.h"
#endif

/*
 * The lock of the region table. Separate because what makes it unlike any other has nothing to do
 * with regions: the code that takes it may be interrupted by a signal whose handler wants it too,
 * copied by a fork, suspended for as long as a garbage collector likes, or left by siglongjmp(3)
 * and never come back. Native mmap(2) bears all that, so a wrapper must: lock_enter() says what it
 * met instead of waiting for ever, and its caller then does without.
 *
 * The word, which a fork child finds zeroed:
 *
 *   0    free
 *   ID   held by the thread ID: the thread pointer with its lowest bit set, so it is never 0.
 *        Threads that share a thread pointer count as one: to each, the other is an interrupted
 *        holder below it, and it does not enter.
 *
 * The serial, which a fork child finds as it was at the moment of the copy:
 *
 *   even     what is locked is whole. It may be so while the word says held: the holder is about
 *            to begin or has just ended.
 *   odd      the holder is changing it. Where the word is free nevertheless, this is a fork's copy
 *            of a change that nobody will finish: LOCK_INTERRUPTED. If the holder is the very
 *            thread that forked, in a handler, it will go on changing the copy when the handler
 *            returns. So nobody may touch it again, and its user must start over elsewhere.
 *
 * A fork copies page tables while other threads run. A page that was write-protected cannot be
 * written before the fork is over, and a write that still went through is in the page that both
 * share. So the copy holds a prefix of what the holder wrote, in its order: odd before the change,
 * even after it.
 *
 * A program may have forbidden itself every system call but those of the mmap family, so the only
 * one that is made here is a request to the supervisor for nothing (common/rest.h): it gives up the
 * processor for the time of the answer, and on a busy one the holder, if that is who waits for it,
 * comes next. Where there is no supervisor it fails at once, and the wait is a spin.
 *
 * The wait is measured in what this thread has done, not by a clock: on a machine that has much
 * else to do the holder comes late, and so do we.
 *
 * Context: freestanding; signal handlers, fork and vfork children. Two threads that contend wait a
 * while: spinning, then resting by turns, then no more.
 */

#define SPINS         200
#define ROUND_SPINS   64    /* in the first round, twice as many in each that follows, up to */
#define ROUND_MOST    512   /* 2 to 40 µs, by processor; the rest is some 5 µs */
#define ROUNDS_STUCK  4000  /* without progress of the holder: 30 to 200 ms */
#define ROUNDS_AT_ALL 50000 /* somebody takes the lock again and again, always before us */

/*
 * Makes a free lock. `word` must be 0 and lie in a page with MADV_WIPEONFORK, and no other lock
 * that was ever in use may have had it: a holder that was interrupted by a fork still has to leave.
 */
void lock_init(struct lock *l, _Atomic uint64_t *word)
{
	l->word = word;
	atomic_init(&l->serial, 0);
	atomic_init(&l->stuck, 0);
}

static inline uint64_t my_id(void)
{
	return thread_self() | 1;
}

/* Waits for one round, or until the lock is free; `idle`: how many before it were in vain. */
static void wait_round(struct lock *l, unsigned idle)
{
	unsigned n = idle < 4 ? ROUND_SPINS << idle : ROUND_MOST;

	rest();
	while (n-- && atomic_load_explicit(l->word, memory_order_relaxed))
		thread_pause();
}

static bool try_enter(struct lock *l, uint64_t me)
{
	uint64_t none = 0;

	/* pairs with the release in lock_leave() */
	return atomic_compare_exchange_strong_explicit(l->word, &none, me, memory_order_acquire,
						       memory_order_relaxed);
}

/* The word is ours: begin, unless what it protects is not whole. */
static enum lock_result begin(struct lock *l)
{
	uint32_t serial = atomic_load_explicit(&l->serial, memory_order_relaxed);

	if (!(serial & 1)) {
		atomic_store_explicit(&l->serial, serial + 1, memory_order_relaxed);
		/* a fork copies the mark before it copies any change */
		atomic_thread_fence(memory_order_release);
		if (atomic_load_explicit(l->word, memory_order_relaxed) == my_id())
			return LOCKED;
		/* A handler forked after the word was taken, and this is the child. The mark that
		 * has just been made sends everyone else in it the same way. */
		return LOCK_INTERRUPTED;
	}
	atomic_store_explicit(l->word, 0, memory_order_relaxed);
	return LOCK_INTERRUPTED;
}

/* Whether somebody gave up on the holder before, and nobody has done anything since. */
static inline bool is_stuck(struct lock *l, uint32_t serial)
{
	return atomic_load_explicit(&l->stuck, memory_order_relaxed) == serial + 1;
}

static __attribute__((noinline)) enum lock_result enter_slowly(struct lock *l, uint64_t me)
{
	uint32_t serial = atomic_load_explicit(&l->serial, memory_order_relaxed), now;
	unsigned idle = 0;

	for (unsigned i = 0; i < SPINS && !is_stuck(l, serial); i++) {
		if (!atomic_load_explicit(l->word, memory_order_relaxed) && try_enter(l, me))
			return begin(l);
		thread_pause();
	}
	for (unsigned round = 0; round < ROUNDS_AT_ALL && idle < ROUNDS_STUCK; round++) {
		if (!atomic_load_explicit(l->word, memory_order_relaxed) && try_enter(l, me))
			return begin(l);
		if (is_stuck(l, atomic_load_explicit(&l->serial, memory_order_relaxed)))
			return LOCK_STUCK;
		wait_round(l, idle);
		now = atomic_load_explicit(&l->serial, memory_order_relaxed);
		idle = now == serial ? idle + 1 : 0;
		serial = now;
	}
	atomic_store_explicit(&l->stuck, serial + 1, memory_order_relaxed);
	return LOCK_STUCK;
}

/*
 * Enters the lock, or says why not: see enum lock_result. Only after LOCKED is it held, and
 * lock_leave() must follow on the same thread.
 *
 * Context: as the file's; blocks for 30 to 200 ms where the holder makes no progress, and from then
 * on not at all until it does.
 */
enum lock_result lock_enter(struct lock *l)
{
	uint64_t me = my_id();

	if (__builtin_expect(try_enter(l, me), 1))
		return begin(l);
	if (atomic_load_explicit(l->word, memory_order_relaxed) == me)
		return LOCK_HELD_BY_US;
	return enter_slowly(l, me);
}

/*
 * Leaves the lock. In a fork child the word may be free by now, or another's: then nothing is left
 * but the mark.
 */
void lock_leave(struct lock *l)
{
	uint32_t serial = atomic_load_explicit(&l->serial, memory_order_relaxed);
	uint64_t me = my_id();

	/* a fork copies every change before it copies the mark */
	atomic_store_explicit(&l->serial, serial + 1, memory_order_release);
	/* pairs with the acquire in try_enter() */
	atomic_compare_exchange_strong_explicit(l->word, &me, 0, memory_order_release,
						memory_order_relaxed);
}
