/* SPDX-License-Identifier: BSD-2-Clause */

/* 2 000 threads, created and joined, up to 16 at a time: libc maps, protects, caches and unmaps
 * their stacks. Half of them bring a stack size that no cached one fits. */

#include "tests/escape/stress/check.h"
#include <pthread.h>

#define N_THREADS 2000
#define AT_ONCE   16

static void *work(void *arg)
{
	char *p = malloc(200000); /* its own arena, so that libc reserves and grows a heap */

	CHECK(p);
	memset(p, 1, 200000);
	free(p);
	return arg;
}

int main(void)
{
	pthread_t threads[AT_ONCE];
	pthread_attr_t attr;
	void *got;

	for (long i = 0; i < N_THREADS; i += AT_ONCE) {
		CHECK(!pthread_attr_init(&attr));
		CHECK(!pthread_attr_setstacksize(&attr, 65536 + (size_t)(i % 64) * 65536));
		for (long j = 0; j < AT_ONCE; j++)
			CHECK(!(errno = pthread_create(&threads[j], j & 1 ? &attr : NULL, work,
						       (void *)(i + j))));
		for (long j = 0; j < AT_ONCE; j++) {
			CHECK(!(errno = pthread_join(threads[j], &got)));
			CHECK((long)got == i + j);
		}
		pthread_attr_destroy(&attr);
	}
	puts("DONE");
	return 0;
}
