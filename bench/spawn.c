/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * spawn N PROG [ARG...]: starts PROG N times, one after the other, and prints what one fork, exec,
 * run and exit costs, in nanoseconds (median). What PROG writes is thrown away.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_RUNS 1000

static double now_ns(void)
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
	double start = now_ns();
	pid_t pid = fork();
	int status;

	if (!pid)
		become(argv);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return -1;
	return now_ns() - start;
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
	qsort(took, (size_t)n, sizeof *took, compare);
	printf("%.1f\n", took[n / 2]);
	return 0;
}
