/* SPDX-License-Identifier: BSD-2-Clause */
#include "bench/measure.h"

#include <stdlib.h>
#include <time.h>

/*
 * Apart from the programs that do the work, so that all of them take their figures in one way:
 * the median of many short batches, which an interruption spoils only one by one.
 */

#define BATCHES 20000
#define LEAST   5

/* Nanoseconds since some moment; what only goes forward. */
double measure_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return 1e9 * (double)ts.tv_sec + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The median of n values, at least one, which are put in order. */
double measure_median(double *values, unsigned n)
{
	qsort(values, n, sizeof *values, compare);
	return values[n / 2];
}

/*
 * Calls once() in batches of that many until the budget is spent, at least five batches.
 *
 * Return: nanoseconds of one call, the median of the batches.
 */
double measure(void (*once)(void), unsigned batch, double budget_ns)
{
	static double took[BATCHES];
	double begin = measure_now_ns(), start;
	unsigned n = 0;

	do {
		start = measure_now_ns();
		for (unsigned i = 0; i < batch; i++)
			once();
		took[n++] = (measure_now_ns() - start) / batch;
	} while (n < BATCHES && (n < LEAST || measure_now_ns() - begin < budget_ns));
	return measure_median(took, n);
}
