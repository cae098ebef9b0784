/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * cookies native|cookie WORK [MILLISECONDS]: does one kind of work with cookies, or what a program
 * does without them, and prints what one costs in nanoseconds: the median of batches.
 *
 * cookies reserved|mapped N: with so many live cookies of a page each, lines of `name value`.
 *
 * Apart from calls.c, which knows nothing of the C interface: here each work has a twin that makes
 * the system calls which the interface makes, and nothing else.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "bench/measure.h"
#include "include/cookiemap.h"

#define BATCH    64
#define RW       (PROT_READ | PROT_WRITE)
#define PART     65536
#define THREADS  2
#define SLICE_US 5000
#define MOST     1000

static size_t length = PART; /* of what is mapped and unmapped */
static cm_t region;          /* a reservation, and its twin; every other part stays reserved */
static char *reserved;
static unsigned part; /* the next of the batch */

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- a region's life ----------------------------------------------------------------------- */

static char *native_map(void)
{
	char *p = mmap(NULL, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	return p;
}

static void native_pair(void)
{
	if (munmap(native_map(), length))
		fail("munmap");
}

static void native_touch(void)
{
	char *p = native_map();

	*(volatile char *)p = 1;
	if (munmap(p, length))
		fail("munmap");
}

static cm_t cookie_map(void)
{
	cm_t c;

	if (cmmmap(0, length, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0, &c))
		fail("cmmmap");
	return c;
}

static void cookie_pair(void)
{
	if (cmclose(cookie_map(), CM_CLOSE_UNMAP))
		fail("cmclose");
}

static void cookie_touch(void)
{
	cm_t c = cookie_map();
	void *p;

	if (cmgetptr(c, &p))
		fail("cmgetptr");
	*(volatile char *)p = 1;
	if (cmclose(c, CM_CLOSE_UNMAP))
		fail("cmclose");
}

/* ---- parts of a region --------------------------------------------------------------------- */

/* The next part that this batch has not had. */
static size_t next_part(void)
{
	return (size_t)(part++ % BATCH) * 2 * PART;
}

static void native_submap(void)
{
	void *p = mmap(reserved + next_part(), PART, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		       -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
}

static void native_unmap(void)
{
	void *p = mmap(reserved + next_part(), PART, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
}

static void native_protect(void)
{
	size_t at = next_part();

	if (mprotect(reserved + at, PART, PROT_READ) || mprotect(reserved + at, PART, RW))
		fail("mprotect");
}

static void cookie_submap(void)
{
	if (cmsubmap(region, next_part(), PART, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
		fail("cmsubmap");
}

static void cookie_unmap(void)
{
	if (cmunmap(region, next_part(), PART))
		fail("cmunmap");
}

static void cookie_protect(void)
{
	size_t at = next_part();

	if (cmprotect(region, at, PART, PROT_READ) || cmprotect(region, at, PART, RW))
		fail("cmprotect");
}

/* ---- what makes no system call ------------------------------------------------------------- */

static void cookie_getptr(void)
{
	void *p;

	for (unsigned i = 0; i < BATCH; i++)
		if (cmgetptr(region, &p))
			fail("cmgetptr");
}

static void cookie_stat(void)
{
	struct cm_stat st;

	for (unsigned i = 0; i < BATCH; i++)
		if (cmstat(region, i % 4, &st))
			fail("cmstat");
}

/* ---- works --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t length;
	unsigned each; /* so many in one go */
	void (*native)(void);
	void (*cookie)(void);
	void (*native_back)(void); /* between two batches, not timed */
	void (*cookie_back)(void);
} works[] = {
	{"map4k", 4096, 1, native_pair, cookie_pair, NULL, NULL},
	{"map64k", PART, 1, native_pair, cookie_pair, NULL, NULL},
	{"map1m", 1 << 20, 1, native_pair, cookie_pair, NULL, NULL},
	{"touch", PART, 1, native_touch, cookie_touch, NULL, NULL},
	{"submap", 0, 1, native_submap, cookie_submap, native_unmap, cookie_unmap},
	{"unmap", 0, 1, native_unmap, cookie_unmap, native_submap, cookie_submap},
	{"protect", 0, 2, native_protect, cookie_protect, NULL, NULL},
	{"getptr", 0, BATCH, NULL, cookie_getptr, NULL, NULL},
	{"stat", 0, BATCH, NULL, cookie_stat, NULL, NULL},
};

#define N_WORKS (sizeof works / sizeof *works)

static double batch(void (*once)(void), void (*back)(void))
{
	double start = measure_now_ns(), took;

	for (unsigned i = 0; i < BATCH; i++)
		once();
	took = (measure_now_ns() - start) / BATCH;
	for (unsigned i = 0; back && i < BATCH; i++)
		back();
	return took;
}

/* As measure(), with something between two batches that does not count. */
static double measure_between(void (*once)(void), void (*back)(void), double budget_ns)
{
	static double took[MOST * 10];
	double begin = measure_now_ns();
	unsigned n = 0;

	batch(once, back); /* faults things in */
	do
		took[n++] = batch(once, back);
	while (n < MOST * 10 && (n < 5 || measure_now_ns() - begin < budget_ns));
	return measure_median(took, n);
}

/* A reservation of every other part, in both forms; all of them filled where that is undone. */
static void prepare(bool filled, bool native)
{
	size_t len = (size_t)BATCH * 2 * PART;

	reserved = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (reserved == MAP_FAILED || cmmmap(0, len, RW, CM_RESERVE, -1, 0, &region))
		fail("a reservation");
	for (unsigned i = 0; filled && i < BATCH; i++)
		(native ? native_submap : cookie_submap)();
}

/* ---- threads ------------------------------------------------------------------------------- */

static struct {
	_Alignas(64) atomic_ulong pairs; /* a line of the cache each */
} threads[THREADS];
static void (*pair)(void);

static void *work(void *argument)
{
	atomic_ulong *pairs = argument;

	for (;;) {
		pair();
		/* relaxed: a count, nothing is published with it */
		atomic_fetch_add_explicit(pairs, 1, memory_order_relaxed);
	}
	return NULL;
}

static unsigned long pairs_of_all(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < THREADS; i++)
		sum += atomic_load_explicit(&threads[i].pairs, memory_order_relaxed);
	return sum;
}

/* Nanoseconds a pair, of all threads together, in one slice of time. */
static double slice(void)
{
	unsigned long before = pairs_of_all(), after;
	double start = measure_now_ns();

	do {
		usleep(SLICE_US);
		after = pairs_of_all();
	} while (after == before);
	return (measure_now_ns() - start) / (double)(after - before);
}

static double measure_threads(bool native, double budget_ns)
{
	static double took[MOST];
	pthread_t thread;
	double begin;
	unsigned n = 0;

	pair = native ? native_pair : cookie_pair;
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, work, &threads[i].pairs))
			fail("pthread_create");
	slice(); /* both have begun by its end */
	begin = measure_now_ns();
	do
		took[n++] = slice();
	while (n < MOST && (n < 5 || measure_now_ns() - begin < budget_ns));
	return measure_median(took, n);
}

/* ---- many live cookies --------------------------------------------------------------------- */

static cm_t *many;

static double private_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "re");
	unsigned long kib, sum = 0;
	char line[256];

	if (!f)
		fail("smaps_rollup");
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "Private_Dirty: %lu", &kib) == 1)
			sum += kib;
	fclose(f);
	return 1024.0 * (double)sum;
}

static uint64_t draw(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* Each depends on what the one before found, so that the processor cannot do several at once. */
static double lookup(unsigned n)
{
	unsigned times = 200000, skip = 0;
	double start = measure_now_ns();
	void *p;

	for (unsigned i = 0; i < times; i++) {
		if (cmgetptr(many[(draw() + skip) % n], &p))
			fail("cmgetptr");
		skip = (uintptr_t)p & 1;
	}
	return (measure_now_ns() - start) / times;
}

/* Regions of a page that lie side by side, so that they are one mapping of the kernel's. */
static void open_many(const char *what, unsigned n, int flags)
{
	double before = private_bytes(), start = measure_now_ns();

	for (unsigned i = 0; i < n; i++)
		if (cmmmap(0, 4096, RW, flags, -1, 0, &many[i]))
			fail("cmmmap");
	printf("%s_open %.1f\n", what, (measure_now_ns() - start) / n);
	printf("%s_bytes %.1f\n", what, (private_bytes() - before) / n);
	printf("%s_lookup %.1f\n", what, lookup(n));
	length = 4096;
	printf("%s_pair %.1f\n", what, measure(cookie_pair, BATCH, 5e7));
	start = measure_now_ns();
	for (unsigned i = 0; i < n; i++)
		if (cmclose(many[i], CM_CLOSE_UNMAP))
			fail("cmclose");
	printf("%s_close %.1f\n", what, (measure_now_ns() - start) / n);
}

/* In a process each: what the first has taken, the second would find. */
static int run_many(const char *what, unsigned n)
{
	many = n ? malloc(n * sizeof *many) : NULL;
	if (!many)
		return 2;
	memset(many, 1, n * sizeof *many); /* it is there before anything is counted */
	open_many(what, n, strcmp(what, "mapped") ? CM_RESERVE : 0);
	return 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: cookies native|cookie threads");
	for (size_t i = 0; i < N_WORKS; i++)
		fprintf(stderr, "|%s", works[i].name);
	fprintf(stderr, " [MILLISECONDS]\n       cookies reserved|mapped N\n");
	return 2;
}

int main(int argc, char **argv)
{
	double budget_ns = (argc > 3 ? atof(argv[3]) : 100) * 1e6;
	bool native = argc > 1 && !strcmp(argv[1], "native");

	if (argc < 3)
		return usage();
	if (!strcmp(argv[1], "reserved") || !strcmp(argv[1], "mapped"))
		return run_many(argv[1], (unsigned)strtoul(argv[2], NULL, 10));
	if (!strcmp(argv[2], "threads")) {
		printf("%.1f\n", measure_threads(native, budget_ns));
		fflush(stdout);
		_exit(0); /* without waiting for them */
	}
	for (size_t i = 0; i < N_WORKS; i++) {
		void (*once)(void) = native ? works[i].native : works[i].cookie;
		void (*back)(void) = native ? works[i].native_back : works[i].cookie_back;

		if (strcmp(argv[2], works[i].name) || !once)
			continue;
		length = works[i].length ? works[i].length : PART;
		prepare(strcmp(argv[2], "submap"), native);
		printf("%.2f\n", measure_between(once, back, budget_ns) / works[i].each);
		return 0;
	}
	return usage();
}
