/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "tests/run/prog/reserve.h"

/*
 * Maps and unmaps at random, and holds every address that it is given against all that it has
 * unmapped: how many bytes were mapped in between? Says the least that it has seen.
 */

#define N_LIVE  48
#define N_FREED 16384

struct piece {
	uintptr_t start, end;
	uint64_t mapped; /* bytes mapped until it was unmapped */
};

static struct piece freed[N_FREED];
static unsigned n_freed;
static uint64_t mapped, least = UINT64_MAX;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Under the lock. `from`: bytes mapped, `known`: pieces unmapped, when the call that mapped began.
 */
static void hold(uintptr_t start, size_t len, uint64_t from, unsigned known)
{
	unsigned first = known > N_FREED ? known - N_FREED : 0;

	for (unsigned i = first; i < known; i++) {
		const struct piece *p = &freed[i % N_FREED];

		if (p->start < start + len && start < p->end && from - p->mapped < least)
			least = from > p->mapped ? from - p->mapped : 0;
	}
}

static void *map_one(size_t len, void *grow, size_t old)
{
	uint64_t from;
	unsigned known;
	void *p;

	pthread_mutex_lock(&lock);
	from = mapped;
	known = n_freed;
	pthread_mutex_unlock(&lock);
	p = grow ? mremap(grow, old, len, MREMAP_MAYMOVE)
		 : mmap(NULL, len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED) {
		perror("map");
		exit(1);
	}
	pthread_mutex_lock(&lock);
	if (p == grow)
		hold((uintptr_t)p + old, len - old, from, known);
	else
		hold((uintptr_t)p, len, from, known);
	mapped += p == grow ? len - old : len;
	pthread_mutex_unlock(&lock);
	return p;
}

static void gone(void *at, size_t len)
{
	pthread_mutex_lock(&lock);
	freed[n_freed++ % N_FREED] = (struct piece){(uintptr_t)at, (uintptr_t)at + len, mapped};
	pthread_mutex_unlock(&lock);
}

struct job {
	uint64_t seed, longest;
	unsigned rounds, grows;
};

static void *work(void *arg)
{
	const struct job *job = arg;
	uint64_t seed = job->seed;
	void *live[N_LIVE] = {0};
	size_t len[N_LIVE] = {0};

	for (unsigned n = 0; n < job->rounds; n++) {
		unsigned i = (unsigned)(random_next(&seed) >> 20) % N_LIVE;
		uint64_t shift = (random_next(&seed) >> 20) % 8;
		size_t want = (random_next(&seed) >> 8) % (job->longest >> shift) + 1;

		want = (want + 4095) & ~(size_t)4095;
		if (job->grows && live[i] && want > len[i]) {
			void *p = map_one(want, live[i], len[i]);

			if (p != live[i])
				gone(live[i], len[i]);
			live[i] = p;
			len[i] = want;
			continue;
		}
		if (live[i]) {
			munmap(live[i], len[i]);
			gone(live[i], len[i]);
		}
		len[i] = want;
		live[i] = map_one(want, NULL, 0);
	}
	return NULL;
}

static int tell(void)
{
	if (least == UINT64_MAX)
		printf("mapped %llu MiB, nothing twice\n", (unsigned long long)mapped / MIB);
	else
		printf("mapped %llu MiB, again after %llu KiB\n", (unsigned long long)mapped / MIB,
		       (unsigned long long)least / KIB);
	return 0;
}

/* walk ROUNDS LONGEST-KIB GROWS */
int walk(int argc, char **argv)
{
	struct job job = {.seed = 88172645463325252ull, .longest = MIB, .rounds = 1000};

	if (argc > 0)
		job.rounds = (unsigned)atoi(argv[0]);
	if (argc > 1)
		job.longest = (uint64_t)atol(argv[1]) * KIB;
	job.grows = argc > 2 && atoi(argv[2]);
	work(&job);
	return tell();
}

/* threads ROUNDS LONGEST-KIB: four of them at once. */
int walk_threads(int argc, char **argv)
{
	struct job job[4];
	pthread_t thread[4];

	for (unsigned i = 0; i < 4; i++) {
		job[i] = (struct job){.seed = 88172645463325252ull + i * 7919,
				      .longest = argc > 1 ? (uint64_t)atol(argv[1]) * KIB : MIB,
				      .rounds = argc > 0 ? (unsigned)atoi(argv[0]) : 1000};
		if (pthread_create(&thread[i], NULL, work, &job[i]))
			return 1;
	}
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	return tell();
}
