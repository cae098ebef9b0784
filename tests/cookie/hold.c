/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "tests/cookie/claims.h"

/*
 * Calls that take long, since they count the pages of a large region or wait for a disk, do not
 * keep others waiting: a thread makes calls meanwhile. Its calls while the long one lasts are
 * counted against those that it makes in as much time by itself.
 */

#define GIB   (1ul << 30)
#define LARGE (128 * GIB)

static atomic_bool stop;
static atomic_ulong n_calls;
static cm_t other;

static void *call(void *arg)
{
	for (unsigned i = 0; !stop; i++)
		if (!cmprotect(other, 0, PAGE, i % 2 ? R : RW))
			n_calls++;
	return arg;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count_pages(cm_t c)
{
	struct cm_stat st;

	if (cmstat(c, CM_STAT_RESIDENT, &st) || st.len != LARGE || st.resident)
		claims_broken("cmstat");
}

/* Beside the counting there are at least a tenth of the calls that there are without. */
int main(void)
{
	cm_t large = region_new(LARGE, RW, MAP_NORESERVE);
	unsigned long n_beside = 0, n_alone;
	double begin, took = 0;
	pthread_t thread;

	deadline(60);
	other = region_new(PAGE, RW, 0);
	if (pthread_create(&thread, NULL, call, NULL))
		claims_broken("pthread_create");
	while (took < 0.3) {
		unsigned long before;

		begin = now();
		before = n_calls;
		count_pages(large);
		n_beside += n_calls - before;
		took += now() - begin;
	}
	n_alone = n_calls;
	usleep((useconds_t)(took * 1e6));
	n_alone = n_calls - n_alone;
	stop = true;
	pthread_join(thread, NULL);
	claim_note("%lu calls in %.0f ms beside cmstat, %lu without", n_beside, took * 1e3,
		   n_alone);
	claim(n_alone > 1000, "a thread calls cmprotect");
	claim(n_beside > n_alone / 10, "and does so while another counts the pages of 128 GiB");
	claim(!cmclose(large, CM_CLOSE_UNMAP) && !cmclose(other, CM_CLOSE_UNMAP), "the end");
	return claims_end();
}
