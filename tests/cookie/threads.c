/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "tests/cookie/calls.h"
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Threads that call at once, on cookies that all of them use, make and close. What each has to
 * itself (a region, and memory of mmap(2)) holds a pattern that no call of another may touch; what
 * one has closed is EBADF to all from then on.
 */

#define N_THREADS 8
#define N_SHARED  16
#define N_CLOSED  64
#define SECONDS   1.5
#define LEN       (8 * PAGE)
#define OWN       (4 * PAGE)

static _Atomic cm_t shared[N_SHARED], closed[N_CLOSED];
static _Atomic unsigned n_canaries, n_stale, n_outside, n_wrong, n_calls_made, n_worked, n_made;
static _Atomic bool over;

struct worker {
	uint64_t state;
	cm_t own;
	unsigned char *canary, *plain;
};

static uint64_t draw(struct worker *w, uint64_t below)
{
	w->state ^= w->state << 13;
	w->state ^= w->state >> 7;
	w->state ^= w->state << 17;
	return (w->state >> 11) % below;
}

static bool is_expected(int error)
{
	return error == EBADF || error == EPERM || error == ENOMEM || error == EACCES ||
	       error == ENOTSUP || error == EINVAL || error == ENOENT;
}

static void note(int result)
{
	n_calls_made++;
	if (!result)
		n_worked++;
	else if (!is_expected(errno))
		n_outside++;
}

/* A new region in the place of another, which is closed if nobody was faster. */
static void renew(struct worker *w)
{
	static const int flags[] = {0, MAP_SHARED, CM_RESERVE, CM_ALIAS};
	cm_t fresh = region_new(LEN, RW, flags[draw(w, COUNT(flags))]);
	cm_t old = atomic_exchange(&shared[draw(w, N_SHARED)], fresh);

	n_made++;
	if (draw(w, 4) ? cmclose(old, CM_CLOSE_UNMAP) : cmrevoke(old))
		n_wrong++;
	else
		atomic_store(&closed[draw(w, N_CLOSED)], old);
}

/* What somebody has closed before. */
static void try_stale(struct worker *w)
{
	cm_t c = atomic_load(&closed[draw(w, N_CLOSED)]);
	const struct call *f = &calls[draw(w, n_calls)];

	outs_reset();
	errno = 0;
	if (c && (f->make(c) != -1 || errno != EBADF || !outs_untouched()))
		n_stale++;
}

static void change(struct worker *w, cm_t c)
{
	size_t at = draw(w, 8) * PAGE, len = (1 + draw(w, 8 - at / PAGE)) * PAGE;
	void *p;

	switch (draw(w, 9)) {
	case 0:
		note(cmsubmap(c, at, len, RW, 0, -1, 0));
		break;
	case 1:
		note(cmunmap(c, at, len));
		break;
	case 2:
		note(cmprotect(c, at, len, (int)draw(w, 4)));
		break;
	case 3:
		note(cmadvise(c, at, len, MADV_DONTNEED));
		break;
	case 4:
		note(cmincore(c, at, len, outs.vec));
		break;
	case 5:
		note(cmstat(c, draw(w, 3) | (draw(w, 2) ? CM_STAT_RESIDENT : 0), &outs.stat));
		break;
	case 6:
		note(cmgetcap(c, &p, R));
		break;
	case 7:
		note(cminherit(c, at, len, draw(w, 2) ? CM_INHERIT_ZERO : CM_INHERIT_COPY));
		break;
	default:
		note(cmgetptr(c, &p));
		if (draw(w, 4) == 0 && !cmgetptr(c, &p))
			look_writes((unsigned char *)p + at);
	}
}

/* What is the worker's alone is as it was left. */
static void check_own(struct worker *w, unsigned char pattern)
{
	struct cm_stat st;
	void *p;

	for (size_t i = 0; i < OWN; i += 512)
		if (w->canary[i] != pattern || w->plain[i] != pattern)
			n_canaries++;
	if (cmgetptr(w->own, &p) || p != w->canary || cmstat(w->own, 0, &st) || st.len != OWN ||
	    st.prot != RW || st.region_len != OWN)
		n_wrong++;
}

static void *work(void *with)
{
	struct worker *w = with;

	for (unsigned step = 0; !over; step++) {
		unsigned char pattern = (unsigned char)(step / 64);

		if (step % 64 == 0) {
			memset(w->canary, pattern, OWN);
			memset(w->plain, pattern, OWN);
		}
		if (draw(w, 12) == 0)
			renew(w);
		else if (draw(w, 4) == 0)
			try_stale(w);
		else
			change(w, atomic_load(&shared[draw(w, N_SHARED)]));
		if (step % 64 == 63)
			check_own(w, pattern);
	}
	return NULL;
}

static void all_at_once(void)
{
	static struct worker workers[N_THREADS];
	struct timespec time = {(time_t)SECONDS, (long)((SECONDS - (long)SECONDS) * 1e9)};
	pthread_t threads[N_THREADS];

	for (size_t i = 0; i < N_SHARED; i++)
		shared[i] = region_new(LEN, RW, 0);
	for (size_t i = 0; i < N_THREADS; i++) {
		struct worker *w = &workers[i];

		*w = (struct worker){.state = 0x9e3779b97f4a7c15 * (i + 1),
				     .own = region_new(OWN, RW, 0)};
		w->canary = region_at(w->own);
		w->plain = mmap(NULL, OWN, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (pthread_create(&threads[i], NULL, work, w))
			claims_broken("pthread_create");
	}
	nanosleep(&time, NULL);
	over = true;
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	claim_note("%u calls, %u worked; %u regions", n_calls_made, n_worked, n_made);
	claim(n_calls_made > 1000 && n_worked > n_calls_made / 4 && n_made > 100,
	      "%d threads call at once", N_THREADS);
	claim(!n_canaries, "nobody has touched what is another's");
	claim(!n_wrong, "nobody's own region has become another, and every close is somebody's");
	claim(!n_stale, "what one has closed is EBADF to all, and nothing is written");
	claim(!n_outside, "no call fails but as it may");
}

/* One thread uses what another closes: by turns, so that it is certain. */
static pthread_barrier_t turn;
static cm_t passed;
static unsigned char *passed_at;
static unsigned n_turns;

static void *use(void *with)
{
	for (unsigned i = 0; i < 100; i++) {
		bool before, after = true;

		pthread_barrier_wait(&turn);
		before = !cmstat(passed, 0, &outs.stat) && look_writes(passed_at);
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
		for (size_t k = 0; k < n_calls; k++)
			after = after && calls[k].make(passed) == -1 && errno == EBADF;
		n_turns += before && after && !look_reads(passed_at);
		pthread_barrier_wait(&turn);
	}
	return NULL;
}

static void by_turns(void)
{
	pthread_t thread;
	unsigned n = 0;

	pthread_barrier_init(&turn, NULL, 2);
	if (pthread_create(&thread, NULL, use, NULL))
		claims_broken("pthread_create");
	for (unsigned i = 0; i < 100; i++) {
		passed = region_new(LEN, RW, 0);
		passed_at = region_at(passed);
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
		n += !(i % 2 ? cmrevoke(passed) : cmclose(passed, CM_CLOSE_UNMAP));
		pthread_barrier_wait(&turn);
		pthread_barrier_wait(&turn);
	}
	pthread_join(thread, NULL);
	claim(n == 100 && n_turns == 100,
	      "100 times one thread uses a region, and after another has "
	      "closed it finds neither cookie nor memory");
}

/* Many make and close at once, each its own: no cookie is given to two. */
static _Atomic unsigned n_twice;

static void *make_own(void *with)
{
	unsigned char mark = (unsigned char)(uintptr_t)with;
	cm_t mine[32];

	for (unsigned i = 0; i < 60; i++) {
		for (size_t k = 0; k < COUNT(mine); k++) {
			mine[k] = region_new(PAGE, RW, 0);
			region_at(mine[k])[0] = mark;
		}
		for (size_t k = 0; k < COUNT(mine); k++) {
			n_twice += region_at(mine[k])[0] != mark;
			n_twice += cmclose(mine[k], CM_CLOSE_UNMAP) != 0;
		}
	}
	return NULL;
}

static void each_its_own(void)
{
	pthread_t threads[N_THREADS];

	for (uintptr_t i = 0; i < N_THREADS; i++)
		if (pthread_create(&threads[i], NULL, make_own, (void *)(i + 1)))
			claims_broken("pthread_create");
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	claim(!n_twice, "%d regions made at once are each one thread's", N_THREADS * 60 * 32);
}

/* The canaries see a call that strays. */
static void twin(void)
{
	static struct worker w;

	w.own = region_new(OWN, RW, 0);
	w.canary = region_at(w.own);
	w.plain = shared_new(OWN);
	memset(w.canary, 7, OWN);
	memset(w.plain, 7, OWN);
	n_canaries = n_wrong = 0;
	check_own(&w, 7);
	claim(!n_canaries && !n_wrong, "an untouched pattern is seen as such");
	if (cmadvise(w.own, PAGE, PAGE, MADV_DONTNEED) || cmprotect(w.own, 0, PAGE, R))
		claims_broken("cmadvise");
	check_own(&w, 7);
	claim(n_canaries && n_wrong, "and one that a call has strayed into is seen");
}

int main(void)
{
	deadline(120);
	all_at_once();
	by_turns();
	each_its_own();
	twin();
	return claims_end();
}
