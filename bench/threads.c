/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * threads [MILLISECONDS]: two threads map and unmap 64 KiB at once, over and over; prints the time
 * that one pair of the two threads' took, in nanoseconds: the median of many short slices.
 *
 * Apart from calls.c: what is measured is how they get in each other's way, by the clock of a
 * third, and not what either's own batch took.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bench/measure.h"

#define THREADS  2
#define LENGTH   65536
#define SLICE_US 5000
#define SLICES   1000

static struct {
	_Alignas(64) atomic_ulong pairs; /* a line of the cache each */
} threads[THREADS];

static void *work(void *argument)
{
	atomic_ulong *pairs = argument;

	for (;;) {
		void *p = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			       -1, 0);

		if (p == MAP_FAILED || munmap(p, LENGTH))
			abort();
		/* relaxed: a count, nothing is published with it */
		atomic_fetch_add_explicit(pairs, 1, memory_order_relaxed);
	}
	return NULL;
}

static unsigned long pairs_of_all(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < THREADS; i++)
		sum += atomic_load_explicit(&threads[i].pairs, memory_order_relaxed);
	return sum;
}

/* Nanoseconds a pair in one slice of time. */
static double slice(void)
{
	unsigned long before = pairs_of_all(), after;
	double start = measure_now_ns();

	do {
		usleep(SLICE_US);
		after = pairs_of_all();
	} while (after == before);
	return (measure_now_ns() - start) / (double)(after - before);
}

int main(int argc, char **argv)
{
	static double took[SLICES];
	double budget_ns = (argc > 1 ? atof(argv[1]) : 100) * 1e6, begin;
	pthread_t thread;
	unsigned n = 0;

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, work, &threads[i].pairs))
			return 1;
	slice(); /* both have begun by its end */
	begin = measure_now_ns();
	do
		took[n++] = slice();
	while (n < SLICES && (n < 5 || measure_now_ns() - begin < budget_ns));
	printf("%.1f\n", measure_median(took, n));
	return 0;
}
