/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A thousand signals a second, whose handler maps and unmaps memory itself, while the program does
 * the same:
 *
 *   signals restart|norestart libc|malloc|raw [SECONDS]
 *
 * mmap(2) is not among the calls that a signal interrupts (signal(7)), so EINTR must never be
 * seen. It prints how many calls there were, and how many signals.
 */

#include "tests/escape/stress/check.h"
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include "common/sys.h"

#define LEN 16384ul

static atomic_long n_signals;
static long n_calls, n_interrupted;

static void on_alarm(int nr)
{
	int saved = errno;
	void *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	CHECK(munmap(p, LEN) == 0);
	n_signals++;
	errno = saved;
}

static void work_libc(void)
{
	char *p = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	p[0] = 1;
	CHECK(mprotect(p, 4096, PROT_READ) == 0);
	CHECK(madvise(p + 4096, LEN - 4096, MADV_DONTNEED) == 0);
	CHECK(munmap(p, 4096) == 0);
	p = mremap(p + 4096, LEN - 4096, 2 * LEN, MREMAP_MAYMOVE);
	CHECK(p != MAP_FAILED);
	CHECK(munmap(p, 2 * LEN) == 0);
	n_calls += 6;
}

/* libc maps for itself what is larger than its threshold. */
static void work_malloc(void)
{
	char *p = malloc(1 << 20);

	CHECK(p);
	p[0] = 1;
	p = realloc(p, 3 << 20);
	CHECK(p && p[0] == 1);
	free(p);
	n_calls += 3;
}

/* As a static program would: an interrupted call is counted and made again. */
static void work_raw(void)
{
	long p;

	while (sys_is_error(p = sys_mmap(0, LEN, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
		CHECK(p == -EINTR);
		n_interrupted++;
	}
	while ((errno = (int)-sys_munmap((uint64_t)p, LEN))) {
		CHECK(errno == EINTR);
		n_interrupted++;
	}
	n_calls += 2;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	struct itimerval every = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
	struct sigaction sa = {.sa_handler = on_alarm};
	double end = now() + (argc == 4 ? atof(argv[3]) : 3.0);
	void (*work)(void);

	CHECK(argc >= 3);
	sa.sa_flags = strcmp(argv[1], "restart") == 0 ? SA_RESTART : 0;
	work = strcmp(argv[2], "libc") == 0     ? work_libc
	       : strcmp(argv[2], "malloc") == 0 ? work_malloc
						: work_raw;
	mallopt(M_MMAP_THRESHOLD, 1 << 17); /* not one that grows with use */
	CHECK(sigaction(SIGALRM, &sa, NULL) == 0);
	CHECK(setitimer(ITIMER_REAL, &every, NULL) == 0);
	while (now() < end)
		work();
	CHECK(setitimer(ITIMER_REAL, &never, NULL) == 0);
	printf("DONE %ld calls, %ld signals, %ld interrupted\n", n_calls, (long)n_signals,
	       n_interrupted);
	return 0;
}
