// SPDX-License-Identifier: BSD-2-Clause
/*
 * Threads that have libc map, unmap, protect and advise all the time, while signals arrive whose
 * handlers map too; every byte is looked at. Also built with musl, whose threads unmap the stack
 * they stand on.
 *
 *   one     one call, for a debugger to step through
 *   short   some of everything
 *   musl    the same, with threads that nobody waits for
 *   long    two seconds of it, under signals
 *   hide    a library is loaded by a process that its own user may not look at
 *   pieces  libc's text is cut up by mlock(2), page by page, and a library is loaded then
 */

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define THREADS 4
#define BIG     (1u << 20)

static atomic_uint n_bad, n_signals, n_gone;
static double seconds;

__attribute__((noinline)) static void before_call(void)
{
	__asm__ volatile("");
}

__attribute__((noinline)) static void after_call(void)
{
	__asm__ volatile("");
}

/* The compiler may not do without it. */
static void keep(void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void check(bool good)
{
	if (!good)
		n_bad++;
}

/* mmap(3) and munmap(3) may be called here as little as anything else; Linux makes nothing of it.
 */
static void on_alarm(int sig)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)sig;
	n_signals++;
	check(p != MAP_FAILED && !p[0] && !p[8191]);
	munmap(p, 8192);
}

/* Blocks that libc maps, grows (mremap), and unmaps. */
static void blocks(unsigned seed)
{
	size_t size = BIG + seed % 7 * 4096;
	unsigned char *p = malloc(size), *q;

	check(p != NULL);
	memset(p, (int)seed, size);
	q = realloc(p, 3 * size);
	check(q && q[0] == (unsigned char)seed && q[size - 1] == (unsigned char)seed);
	free(q);
}

static void *thread(void *arg)
{
	unsigned char here[4096];

	memset(here, (int)(uintptr_t)arg, sizeof(here));
	blocks((unsigned)(uintptr_t)arg);
	check(here[17] == (unsigned char)(uintptr_t)arg);
	return arg;
}

static void *detached(void *arg)
{
	thread(arg);
	n_gone++;
	return NULL;
}

static void threads(unsigned seed)
{
	pthread_t t;
	void *r = NULL;

	check(!pthread_create(&t, NULL, thread, (void *)(uintptr_t)(seed & 255)));
	check(!pthread_join(t, &r) && (uintptr_t)r == (seed & 255));
}

static void files(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/stat", "r");

	check(f && fgets(line, sizeof(line), f));
	if (f)
		fclose(f);
}

static void *worker(void *arg)
{
	double until = now() + seconds;

	for (unsigned i = (unsigned)(uintptr_t)arg; i < 20 || now() < until; i += THREADS) {
		blocks(i);
		threads(i);
		files();
	}
	return NULL;
}

static void leave_alone(void)
{
	pthread_attr_t a;
	pthread_t t;

	pthread_attr_init(&a);
	pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED);
	for (uintptr_t i = 0; i < 200; i++)
		check(!pthread_create(&t, &a, detached, (void *)(i & 255)));
	for (int i = 0; i < 1000 && n_gone < 200; i++)
		usleep(10000);
	check(n_gone == 200);
	usleep(50000); /* their last breath */
}

static void storm(void)
{
	struct sigaction act = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	struct itimerval often = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	pthread_t t[THREADS];

	sigaction(SIGALRM, &act, NULL);
	if (seconds > 0)
		setitimer(ITIMER_REAL, &often, NULL);
	for (uintptr_t i = 0; i < THREADS; i++)
		check(!pthread_create(&t[i], NULL, worker, (void *)i));
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	setitimer(ITIMER_REAL, &never, NULL);
	check(!(seconds > 0) || n_signals > 100);
}

/* Every second page of what is patched. */
static void lock_pages(void)
{
	unsigned long start, end;
	unsigned n = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");

	while (f && fgets(line, sizeof(line), f)) {
		if (!strstr(line, "cookiemap-patch") || sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		for (start += 4096; start < end; start += 8192)
			n += !mlock((void *)start, 4096);
	}
	if (f)
		fclose(f);
	printf("%s", n ? "cut, " : "whole, ");
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";

	if (!strcmp(how, "one")) {
		keep(malloc(BIG)); /* whatever is done the first time */
		before_call();
		keep(malloc(8 * BIG));
		after_call();
	} else if (!strcmp(how, "hide")) {
		check(!prctl(PR_SET_DUMPABLE, 0));
		check(dlopen("libm.so.6", RTLD_NOW) != NULL);
	} else if (!strcmp(how, "pieces")) {
		lock_pages();
		check(dlopen("libm.so.6", RTLD_NOW) != NULL);
		usleep(20000); /* all of it is looked at */
	} else {
		seconds = strcmp(how, "long") ? 0 : 2;
		storm();
		if (!strcmp(how, "musl"))
			leave_alone();
	}
	puts(n_bad ? "bad" : "done");
	return n_bad != 0;
}
