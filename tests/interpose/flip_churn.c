/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Memory that comes and goes: threads that map, use and unmap such memory, and threads that do the
 * same with memory that is only to be written, at the same addresses by turns. What is done to the
 * one kind must never reach the other: plain memory stays writable, and is never executed.
 */

#include "tests/interpose/flip.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_EACH   2
#define N_PIECES 5000

static volatile int stop;
static unsigned long n_flipped, n_plain, n_executed, n_lost;
static __thread sigjmp_buf back;
static __thread volatile int armed;

static void faulted(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!armed) {
		printf("a managed page is lost, code %d at %#zx\n", info->si_code,
		       (uintptr_t)info->si_addr % PAGE);
		flip_broken("fault");
	}
	(void)sig;
	siglongjmp(back, 1);
}

static void count(unsigned long *np)
{
	__atomic_fetch_add(np, 1, __ATOMIC_RELAXED);
}

static void *flipping(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!stop) {
		size_t n = 1 + (size_t)rand_r(&seed) % 4;
		unsigned char *p = flip_rwx(n);

		for (uint32_t i = 0; i < 3; i++)
			flip_check("churn", p + (size_t)rand_r(&seed) % n * PAGE, i);
		munmap(p, n * PAGE);
		count(&n_flipped);
	}
	return NULL;
}

/* Stores where that must work, and calls where that must not. */
static void use_plain(unsigned char *p, size_t n, size_t at)
{
	if (sigsetjmp(back, 1)) {
		count(&n_lost);
		return;
	}
	memset(p, 0xc3, n * PAGE);
	if (!sigsetjmp(back, 1)) {
		((void (*)(void))(p + at * PAGE))();
		count(&n_executed);
	}
	if (sigsetjmp(back, 1)) {
		count(&n_lost);
		return;
	}
	memset(p, 0xc3, n * PAGE);
}

static void *plain(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	while (!stop) {
		size_t n = 1 + (size_t)rand_r(&seed) % 4;
		unsigned char *p = flip_map(NULL, n * PAGE, RW, ANON);

		armed = 1;
		use_plain(p, n, (size_t)rand_r(&seed) % n);
		armed = 0;
		munmap(p, n * PAGE);
		count(&n_plain);
	}
	return NULL;
}

static void churn(void)
{
	pthread_t t[2 * N_EACH];

	struct sigaction sa = {.sa_sigaction = faulted, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &sa, NULL);
	flip_check("before", flip_rwx(1), 1);
	for (uintptr_t i = 0; i < 2 * N_EACH; i++)
		if (pthread_create(&t[i], NULL, i % 2 ? plain : flipping, (void *)(i + 1)))
			flip_broken("pthread_create");
	for (unsigned i = 0; i < 20 * flip_seconds(); i++) {
		usleep(50000);
		flip_look();
	}
	stop = 1;
	for (int i = 0; i < 2 * N_EACH; i++)
		pthread_join(t[i], NULL);
	printf("plain memory executed %lu times, lost %lu times\n", n_executed, n_lost);
	printf("# %lu ranges flipped, %lu plain\n", n_flipped, n_plain);
}

/* The same where there is much of it already: then pages change along with their neighbours. */
static void churn_among_many(void)
{
	unsigned char *p = flip_rwx(2 * N_PIECES);

	for (uint32_t i = 0; i < N_PIECES; i++)
		flip_check("many", p + 2 * i * PAGE, i);
	churn();
	for (uint32_t i = 0; i < N_PIECES; i++)
		flip_check("many", p + (2 * i + 1) * PAGE, i);
}

const struct flip_case flip_churn[] = {
	{"churn", churn},
	{"churn_among_many", churn_among_many},
	{NULL, NULL},
};
