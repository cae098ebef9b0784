/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Asks for R-X where there is R-X already, which changes nothing and is granted, while another
 * thread moves a writable page with code in it to that address and back again:
 *
 *   mremap FILE SECONDS
 *
 * Prints as dup2.c does.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include "tests/escape/race/race.h"

static char *spot; /* the address that is asked for */
static char *away; /* where the page with code is when it is not there */
static int good, zero;
static atomic_int stop;
static atomic_long n_attempts;

/* The kernel says EFAULT where a store of our own would be a signal. */
static int lost_w(char *page)
{
	return read(zero, page + 100, 1) < 0;
}

static void *swap(void *arg)
{
	while (!stop) {
		if (mremap(away, ATTACK_PAGE, ATTACK_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, spot) ==
		    MAP_FAILED)
			attack_broken("mremap");
		if (mremap(spot, ATTACK_PAGE, ATTACK_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, away) ==
		    MAP_FAILED)
			attack_broken("mremap");
		if (lost_w(away)) {
			stop = 1;
			race_won(n_attempts, away, 0);
		}
		mmap(spot, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE | MAP_FIXED, good, 0);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double end = race_now() + (argc == 3 ? atof(argv[2]) : 1.0);
	pthread_t thread;

	good = argc == 3 ? open(argv[1], O_RDONLY) : -1;
	zero = open("/dev/zero", O_RDONLY);
	if (good < 0 || zero < 0)
		attack_broken("open");
	spot = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, good, 0);
	if (spot == MAP_FAILED)
		attack_broken("mmap");
	away = attack_page(ATTACK_RW, ATTACK_ANON);
	attack_plant(away);
	if (pthread_create(&thread, NULL, swap, NULL))
		attack_broken("pthread_create");
	for (; race_now() < end && !stop; n_attempts++)
		mprotect(spot, ATTACK_PAGE, ATTACK_RX);
	if (!stop) {
		stop = 1;
		printf("LOST %ld\n", (long)n_attempts);
		fflush(stdout);
		_exit(1);
	}
	pthread_join(thread, NULL);
	return 0;
}
