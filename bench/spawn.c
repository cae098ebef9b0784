/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * spawn N PROG [ARG...]: starts PROG N times, one after the other, and prints what one fork, exec,
 * run and exit costs, in nanoseconds (median). What PROG writes is thrown away.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench/measure.h"

#define MAX_RUNS 1000

static void become(char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(argv[0], argv);
	_exit(127);
}

/* Nanoseconds, or less than 0 if the program failed. */
static double run_once(char **argv)
{
	double start = measure_now_ns();
	pid_t pid = fork();
	int status;

	if (!pid)
		become(argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return measure_now_ns() - start;
}

int main(int argc, char **argv)
{
	static double took[MAX_RUNS];
	int n = argc > 2 ? atoi(argv[1]) : 0;

	if (n < 1 || n > MAX_RUNS) {
		fprintf(stderr, "usage: spawn N PROG [ARG...]\n");
		return 2;
	}
	for (int i = 0; i < n; i++) {
		took[i] = run_once(argv + 2);
		if (took[i] < 0) {
			fprintf(stderr, "spawn: %s failed\n", argv[2]);
			return 1;
		}
	}
	printf("%.1f\n", measure_median(took, (unsigned)n));
	return 0;
}
