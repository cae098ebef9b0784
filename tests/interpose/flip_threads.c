/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Threads: with memory of their own, short-lived ones, and several that execute and rewrite one
 * page at the same time. Then every one of them must get on in every second, no store may be lost,
 * and nobody may execute code older than what it has executed before.
 */

#include "tests/interpose/flip.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define N_THREADS 4
#define N_OWN     8
#define N_SHORT   2000
#define N_CROWD   20

static volatile int stop;

static void start(pthread_t *t, void *(*run)(void *), void *arg)
{
	if (pthread_create(t, NULL, run, arg))
		flip_broken("pthread_create");
}

/* --- one page that all execute and some patch --- */

/* mov $imm32,%eax; ret, so that the operand lies on its natural alignment */
#define AT_CODE    3
#define AT_OPERAND 4

struct worker {
	pthread_t thread;
	int patches, executes;
	volatile unsigned long n_patched, n_executed;
	unsigned long n_wrong;
};

static unsigned char *page;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void patch(struct worker *w)
{
	volatile uint32_t *operand = (void *)(page + AT_OPERAND);

	pthread_mutex_lock(&lock);
	*operand = *operand + 1;
	pthread_mutex_unlock(&lock);
	w->n_patched++;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint32_t last = 0;

	while (!stop) {
		if (w->patches)
			patch(w);
		if (w->executes) {
			uint32_t now = flip_call(page + AT_CODE);

			w->n_wrong += (int32_t)(now - last) < 0;
			last = now;
			w->n_executed++;
		}
	}
	return NULL;
}

static unsigned long progress(const struct worker *w)
{
	return w->patches ? w->n_patched : w->n_executed;
}

/* Return: how many times in the coming second a thread did not get on. */
static unsigned watch_second(const struct worker *w, int n)
{
	unsigned long before[N_THREADS];
	unsigned stuck = 0;

	for (int i = 0; i < n; i++)
		before[i] = progress(&w[i]);
	for (int i = 0; i < 20; i++) {
		usleep(50000);
		flip_look();
	}
	for (int i = 0; i < n; i++)
		stuck += progress(&w[i]) == before[i];
	return stuck;
}

static void patch_with(int n_patchers, int n_executors, int n)
{
	struct worker w[N_THREADS] = {0};
	unsigned long patched = 0, executed = 0, wrong = 0, least = ~0ul;
	unsigned stuck = 0;

	page = flip_rwx(1);
	flip_emit(page + AT_CODE, 0);
	flip_call(page + AT_CODE);
	for (int i = 0; i < n; i++) {
		w[i].patches = i < n_patchers;
		w[i].executes = i >= n - n_executors;
		start(&w[i].thread, work, &w[i]);
	}
	for (unsigned s = 0; s < flip_seconds(); s++)
		stuck += watch_second(w, n);
	stop = 1;
	for (int i = 0; i < n; i++) {
		pthread_join(w[i].thread, NULL);
		patched += w[i].n_patched;
		executed += w[i].n_executed;
		wrong += w[i].n_wrong;
		least = progress(&w[i]) < least ? progress(&w[i]) : least;
	}
	printf("lost %d, went back %lu, seconds without progress %u\n",
	       (int)(flip_call(page + AT_CODE) != (uint32_t)patched), wrong, stuck);
	printf("# %lu patches, %lu calls, the slowest thread %lu\n", patched, executed, least);
}

static void patch_all(void)
{
	patch_with(4, 4, 4);
}

static void patch_one(void)
{
	patch_with(1, 3, 4);
}

static void patch_one_cpu(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		flip_broken("sched_setaffinity");
	patch_with(2, 4, 4);
}

/* --- memory of their own --- */

static void *own(void *arg)
{
	unsigned long *np = arg;

	for (uint32_t i = 0; !stop; i++) {
		size_t n = 1 + i % 8;
		unsigned char *p = flip_rwx(n);

		for (uint32_t k = 0; k < 2 * n; k++)
			flip_check("own", p + k % n * PAGE, i + k);
		if (munmap(p, n * PAGE))
			flip_broken("munmap");
		++*np;
	}
	return NULL;
}

static void own_regions(void)
{
	unsigned long done[N_OWN] = {0}, sum = 0, idle = 0;
	pthread_t t[N_OWN];

	for (int i = 0; i < N_OWN; i++)
		start(&t[i], own, &done[i]);
	for (unsigned i = 0; i < 50 * flip_seconds(); i++) {
		usleep(20000);
		flip_look();
	}
	stop = 1;
	for (int i = 0; i < N_OWN; i++) {
		pthread_join(t[i], NULL);
		sum += done[i];
		idle += !done[i];
	}
	printf("idle threads: %lu\n", idle);
	printf("# %lu ranges mapped, used and unmapped\n", sum);
}

/* Reads and writes of neighbouring pages in one range, by threads that each have some of them. */
static void *neighbour(void *arg)
{
	unsigned char *p = arg;

	for (uint32_t i = 0; i < 3000; i++)
		flip_check("neighbour", p + i % 3 * N_THREADS * PAGE, i);
	return NULL;
}

static void neighbours(void)
{
	unsigned char *p = flip_rwx(3 * N_THREADS);
	pthread_t t[N_THREADS];

	for (int i = 0; i < N_THREADS; i++)
		start(&t[i], neighbour, p + (unsigned)i * PAGE);
	for (int i = 0; i < 10; i++) {
		usleep(5000);
		flip_look();
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(t[i], NULL);
	printf("done\n");
}

static void *brief(void *arg)
{
	unsigned char *p = arg;

	flip_check("short", p, (uint32_t)(uintptr_t)p);
	flip_check("short", p, 1);
	return NULL;
}

static void short_threads(void)
{
	unsigned char *p = flip_rwx(N_CROWD);
	pthread_t t[N_CROWD];

	for (int i = 0; i < N_SHORT; i += N_CROWD) {
		for (int k = 0; k < N_CROWD; k++)
			start(&t[k], brief, p + (unsigned)k * PAGE);
		for (int k = 0; k < N_CROWD; k++)
			pthread_join(t[k], NULL);
		if (i % 100 == 0)
			flip_look();
	}
	printf("done\n");
}

/* The range moves, shrinks and grows while other threads use other ranges. */
static void moved_meanwhile(void)
{
	unsigned char *p = flip_rwx(8), *q = flip_rwx(3 * N_THREADS);
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		start(&t[i], neighbour, q + (unsigned)i * PAGE);
	for (uint32_t i = 0; i < 300; i++) {
		size_t from = 8 + i % 3 * 8, to = 8 + (i + 1) % 3 * 8;

		p = mremap(p, from * PAGE, to * PAGE, MREMAP_MAYMOVE);
		if (p == MAP_FAILED)
			flip_broken("mremap");
		flip_check("moved", p, i);
		flip_check("moved", p + (to - 1) * PAGE, i);
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	flip_look();
	printf("%u\n", flip_call(p));
}

/* Little stacks, of which the code uses nearly nothing. */
static void *on_little(void *arg)
{
	unsigned char *p = arg;

	for (uint32_t i = 0; i < 100; i++) {
		flip_emit(p + i % 4 * PAGE, i);
		flip_call(p + i % 4 * PAGE);
	}
	return NULL;
}

static void little_stacks(void)
{
	pthread_attr_t attr;
	pthread_t t;
	unsigned char *p = flip_rwx(4);

	pthread_attr_init(&attr);
	if (pthread_attr_setstacksize(&attr, (size_t)sysconf(_SC_THREAD_STACK_MIN)) ||
	    pthread_create(&t, &attr, on_little, p))
		flip_broken("pthread_create");
	pthread_join(t, NULL);
	printf("%u\n", flip_call(p + 3 * PAGE));
	flip_look();
}

static ucontext_t home, away;
static unsigned char *little;

static void in_context(void)
{
	on_little(little);
}

/* A stack as coroutines have it; what lies below is somebody else's. */
static void context_stack(void)
{
	const size_t size = 2 * PAGE;
	unsigned char *stack = flip_map(NULL, 2 * size, RW, ANON);
	unsigned changed = 0;

	little = flip_rwx(4);
	memset(stack, 0xa5, size);
	if (getcontext(&away))
		flip_broken("getcontext");
	away.uc_stack.ss_sp = stack + size;
	away.uc_stack.ss_size = size;
	away.uc_link = &home;
	makecontext(&away, in_context, 0);
	if (swapcontext(&home, &away))
		flip_broken("swapcontext");
	for (size_t i = 0; i < size; i++)
		changed += stack[i] != 0xa5;
	printf("%u, below the stack %u bytes were changed\n", flip_call(little), changed);
	flip_look();
}

const struct flip_case flip_threads[] = {
	{"little_stacks", little_stacks},
	{"context_stack", context_stack},
	{"patch_all", patch_all},
	{"patch_one", patch_one},
	{"patch_one_cpu", patch_one_cpu},
	{"own_regions", own_regions},
	{"neighbours", neighbours},
	{"short_threads", short_threads},
	{"moved_meanwhile", moved_meanwhile},
	{NULL, NULL},
};
