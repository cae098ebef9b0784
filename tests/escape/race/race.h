/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* What the racing programs have in common: a clock, and what comes after a race was won. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static inline double race_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/*
 * The code has run, and the program lives on with it for as long as it is let. One that hides gives
 * the memory back at once, before anybody looks.
 */
static inline _Noreturn void race_won(long attempts, void *code, int hides)
{
	double end = race_now() + 2.0;
	int answer = ((int (*)(void))code)();

	if (hides)
		munmap(code, 4096);
	dprintf(1, "WON %ld %d\n", attempts, answer);
	while (race_now() < end)
		free(malloc(1 << 20));
	dprintf(1, "ALIVE\n");
	exit(0);
}
