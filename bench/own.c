/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * own WORK [MILLISECONDS] [PATH]: work for which libc and the loader map memory inside themselves,
 * passing no symbol; prints what it costs once, in nanoseconds.
 *
 *   malloc   malloc of 1 MiB, which is a mapping of its own, and free
 *   thread   a thread is made and waited for
 *   thread1  the same on one processor: what the above takes depends most on whether the other
 *            processors are awake
 *   file     the file PATH is opened, read to its end and closed, by stdio
 *   dlopen   the library PATH is loaded and unloaded
 *
 * Apart from calls.c: there the program makes the calls itself.
 */

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench/measure.h"

static const char *path;

static void fail(const char *what)
{
	fprintf(stderr, "own: %s failed\n", what);
	exit(1);
}

static void work_malloc(void)
{
	char *volatile p = malloc(1 << 20);

	if (!p)
		fail("malloc");
	free(p);
}

static void *nothing(void *argument)
{
	return argument;
}

static void work_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, nothing, NULL) || pthread_join(thread, NULL))
		fail("a thread");
}

static void stay_here(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	if (sched_setaffinity(0, sizeof set, &set))
		fail("staying on one processor");
}

static void work_file(void)
{
	char line[4096];
	FILE *file = fopen(path, "re");

	if (!file || !fread(line, 1, sizeof line, file) || !feof(file))
		fail(path);
	fclose(file);
}

static void work_dlopen(void)
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!library || !dlsym(library, "small_answer") || dlclose(library))
		fail(path);
}

static const struct {
	const char *name;
	void (*once)(void);
	unsigned batch;
	int wants_path;
} works[] = {
	{"malloc", work_malloc, 64, 0},  {"thread", work_thread, 16, 0},
	{"thread1", work_thread, 16, 0}, {"file", work_file, 32, 1},
	{"dlopen", work_dlopen, 8, 1},
};

int main(int argc, char **argv)
{
	double budget_ms = argc > 2 ? atof(argv[2]) : 100;

	/* What libc begins with, said, so that it does not learn from the first free. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	path = argc > 3 ? argv[3] : NULL;
	for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++) {
		if (strcmp(argv[1], works[i].name) || (works[i].wants_path && !path))
			continue;
		if (!strcmp(argv[1], "thread1"))
			stay_here();
		measure(works[i].once, works[i].batch, 0); /* the first batches fault things in */
		printf("%.1f\n", measure(works[i].once, works[i].batch, budget_ms * 1e6));
		return 0;
	}
	fprintf(stderr, "usage: own malloc|thread|thread1|file|dlopen [MILLISECONDS] [PATH]\n");
	return 2;
}
