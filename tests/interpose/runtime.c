/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Two threads that map the same place one after the other, without synchronising: no race, as long
 * as a race detector hears of the mapping and unmapping between. Built plain and with sanitizers.
 */

#define PLACE ((void *)0x7f1234560000)
#define LEN   4096ul

static void *visit(void *arg)
{
	char *p;

	if (arg)
		usleep(200000);
	p = mmap(PLACE, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		 0);
	if (p != PLACE)
		exit(2);
	p[0] = 1;
	munmap(p, LEN);
	free(malloc(100));
	return NULL;
}

int main(void)
{
	pthread_t one, two;

	if (pthread_create(&one, NULL, visit, NULL) || pthread_create(&two, NULL, visit, (void *)1))
		return 2;
	pthread_join(one, NULL);
	pthread_join(two, NULL);
	puts("fine");
	return 0;
}
