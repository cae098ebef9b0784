/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/mutex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include "common/range.h"
#include "common/sys.h"

#if defined(__x86_64__)
#include "common/arch/x86_64/thread.h"
#endif

/*
 * The lock of the C interface. Separate from lock.c, whose users may not wait and may lose facts:
 * here a program has called on purpose, may be made to wait as for any mutex, and is told the
 * truth. The lock is held over the system call that a change is made of, so what it protects and
 * what the kernel has mapped are of one piece for everybody who holds it.
 *
 * The word, in a page that a fork child finds zeroed, so there it is free whoever held it:
 *
 *   0            free
 *   ID           held by the thread ID: its thread pointer with HELD set
 *   ID | WAITED  and others may sleep until it is free
 *
 * That what is locked is whole as well is said by `inside`, in ordinary memory:
 *
 *   0   it is whole
 *   ID  that thread is changing it. Where nobody is known in this process yet, this is a child that
 *       was forked in the middle: by a signal handler of that very thread, which will go on where
 * it was (-EDEADLK until then), or beside it (-ENOTRECOVERABLE for ever). fork(3) does neither:
 *       cookies.c holds the lock over it.
 *
 * Context: freestanding. Waits by futex(2), or by spinning where that is refused. A signal handler
 * that has interrupted the holder is told so, -EDEADLK, and cannot wait.
 */

#define HELD   1ull
#define WAITED 2ull
#define SPINS  200

/*
 * `page`: zeroed, private and anonymous, the mutex's from now on. Return: 0, or what madvise(2)
 * gave.
 */
int mutex_init(struct mutex *m, struct mutex_page *page)
{
	long r = sys_madvise((uint64_t)page, CM_PAGE, MADV_WIPEONFORK);

	if (r)
		return (int)r;
	m->page = page;
	atomic_init(&page->known, 1);
	return 0;
}

static inline uint64_t my_id(void)
{
	return thread_self() | HELD;
}

static inline bool is_mine(const struct mutex *m, uint64_t me)
{
	return (atomic_load_explicit(&m->page->word, memory_order_relaxed) & ~WAITED) == me;
}

static inline bool swap(struct mutex *m, uint64_t from, uint64_t to)
{
	/* pairs with the release in drop() */
	return atomic_compare_exchange_strong_explicit(&m->page->word, &from, to,
						       memory_order_acquire, memory_order_relaxed);
}

static void drop(struct mutex *m)
{
	_Atomic uint64_t *word = &m->page->word;

	/* pairs with the acquire in swap() */
	if (atomic_exchange_explicit(word, 0, memory_order_release) & WAITED)
		sys_raw6(SYS_futex, (long)word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, 0, 0, 0);
}

/* The kernel compares the lower half, which is where the word begins on this machine. */
static void sleep_until_not(struct mutex *m, uint64_t seen)
{
	if (sys_raw6(SYS_futex, (long)&m->page->word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG,
		     (long)(uint32_t)seen, 0, 0, 0))
		thread_pause();
}

static __attribute__((noinline)) void wait_for(struct mutex *m, uint64_t me)
{
	uint64_t seen;

	for (unsigned i = 0; i < SPINS; i++) {
		if (swap(m, 0, me))
			return;
		thread_pause();
	}
	for (;;) {
		if (swap(m, 0, me | WAITED))
			return;
		seen = atomic_load_explicit(&m->page->word, memory_order_relaxed);
		if (seen && (seen & WAITED || swap(m, seen, seen | WAITED)))
			sleep_until_not(m, seen | WAITED);
	}
}

/* The word is ours: is what it locks whole? Return: 0 or -errno. */
static int look(struct mutex *m, uint64_t me, bool *forkedp)
{
	uint64_t inside;

	*forkedp = !atomic_load_explicit(&m->page->known, memory_order_acquire);
	if (__builtin_expect(!*forkedp, 1))
		return 0;
	inside = atomic_load_explicit(&m->inside, memory_order_relaxed);
	if (!inside)
		return 0;
	return inside == me ? -EDEADLK : -ENOTRECOVERABLE;
}

static int try_once(struct mutex *m, uint64_t me, bool *forkedp)
{
	int r;

	if (!swap(m, 0, me)) {
		if (is_mine(m, me))
			return -EDEADLK;
		wait_for(m, me);
	}
	r = look(m, me, forkedp);
	if (__builtin_expect(r, 0)) {
		drop(m);
		return r;
	}
	atomic_store_explicit(&m->inside, me, memory_order_relaxed);
	/* a fork copies the mark before it copies any change */
	atomic_thread_fence(memory_order_release);
	if (__builtin_expect(is_mine(m, me), 1))
		return 0;
	/* A handler forked after the word was taken, and this is the child. */
	atomic_store_explicit(&m->inside, 0, memory_order_relaxed);
	return -EAGAIN;
}

/*
 * Enters. *forkedp: this is a fork child's first time here, and mutex_settle() is to follow.
 *
 * Return: 0, mutex_leave() must follow on the same thread; or -EDEADLK, -ENOTRECOVERABLE (above).
 */
int mutex_enter(struct mutex *m, bool *forkedp)
{
	uint64_t me = my_id();
	int r;

	do {
		r = try_once(m, me, forkedp);
	} while (__builtin_expect(r == -EAGAIN, 0));
	return r;
}

/*
 * Enters if that is possible at once and what is locked is whole, for who only wants to look.
 * mutex_leave() must follow.
 */
bool mutex_try(struct mutex *m)
{
	return atomic_load_explicit(&m->page->known, memory_order_relaxed) && swap(m, 0, my_id());
}

/* Whether this thread holds it: whoever asks is a signal handler, or called by the holder. */
bool mutex_is_own(const struct mutex *m)
{
	return is_mine(m, my_id());
}

void mutex_leave(struct mutex *m)
{
	/* a fork copies every change before it copies the mark */
	atomic_store_explicit(&m->inside, 0, memory_order_release);
	drop(m);
}

/* The holder has seen to what a fork child has to forget: from now on it is as any process. */
void mutex_settle(struct mutex *m)
{
	/* pairs with the acquire in look(), and slot_peek()'s: without the lock nobody sees more */
	atomic_store_explicit(&m->page->known, 1, memory_order_release);
}

/* The holder changes nothing: a fork may copy what is locked. */
void mutex_is_whole(struct mutex *m)
{
	atomic_store_explicit(&m->inside, 0, memory_order_release);
}
