/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * start N: starts itself N times, one after the other, and prints what it takes from before exec to
 * main, in nanoseconds (median): the kernel's exec, the loader with ten libraries, and what a
 * preloaded library does then. What the process costs later, and its end, are not in it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/measure.h"

#define MAX_RUNS 1000

#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9)

#define DECLARE(n) int part_##n(int i);
EACH(DECLARE)

#define CALL(n) +part_##n(n)
static int parts(void)
{
	return 0 EACH(CALL);
}

static void become(const char *self, int out)
{
	char start[32], to[16];

	snprintf(to, sizeof(to), "%d", out);
	snprintf(start, sizeof(start), "%.0f", measure_now_ns());
	execl(self, self, "-", start, to, (char *)NULL);
	_exit(127);
}

/* Nanoseconds, or less than 0 if the program failed. */
static double run_once(const char *self)
{
	double took = -1;
	int both[2], status;
	pid_t pid;

	if (pipe(both))
		return -1;
	pid = fork();
	if (!pid)
		become(self, both[1]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status ||
	    read(both[0], &took, sizeof(took)) != sizeof(took))
		took = -1;
	close(both[0]);
	close(both[1]);
	return took;
}

int main(int argc, char **argv)
{
	double now = measure_now_ns(), took[MAX_RUNS];
	int n = argc == 2 ? atoi(argv[1]) : 0;

	if (argc == 4) {
		now -= atof(argv[2]);
		return parts() != 10 || write(atoi(argv[3]), &now, sizeof(now)) != sizeof(now);
	}
	if (n < 1 || n > MAX_RUNS) {
		fprintf(stderr, "usage: start N\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		took[i] = run_once(argv[0]);
		if (took[i] < 0) {
			fprintf(stderr, "start: failed\n");
			return 1;
		}
	}
	printf("%.1f\n", measure_median(took, (unsigned)n));
	return 0;
}
