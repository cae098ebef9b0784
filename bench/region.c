/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What an operation of the region table costs, and how much memory a region takes, at 1 000 and at
 * 1 000 000 regions. Every line is `name value unit`; for a time, the median of several rounds, and
 * a second line with the spread between the 10th and the 90th percentile.
 *
 * Places are drawn at random, and each depends on the answer before, so that the processor cannot
 * work on several at once: a program does one mapping call at a time.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "cookie/region.h"
#include "cookie/table.h"

#define ROUNDS   21
#define BASE     0x100000000000ull
#define STRIDE   (16 * CM_PAGE)
#define MAX_STEP 20000

struct bench {
	struct regions t;
	unsigned n; /* regions */
	unsigned *order;
	uint64_t seed;
};

/* As arena_pages() of interpose/arena.c, whose table this is. */
static uint64_t pages(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return 0;
	if (len >= 2 << 20)
		madvise(p, len, MADV_HUGEPAGE);
	return (uint64_t)p;
}

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return 1e9 * (double)ts.tv_sec + (double)ts.tv_nsec;
}

static uint64_t draw(struct bench *b)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed;
}

static struct region region_at(unsigned i)
{
	uint64_t start = BASE + i * STRIDE;

	return (struct region){.range = {start, start + (1 + i % 8) * CM_PAGE},
			       .owner = 1 + i % 50,
			       .prot = 3,
			       .max_prot = 3};
}

static void must(int r)
{
	if (r) {
		fprintf(stderr, "region operation failed: %s\n", strerror(-r));
		exit(1);
	}
}

static void set(struct bench *b, const struct region *r)
{
	int error;

	while ((error = regions_set(&b->t, r)) == -ENOMEM)
		must(regions_grow(&b->t, pages));
	must(error);
}

static void protect(struct bench *b, struct range range, uint8_t prot)
{
	int error;

	while ((error = regions_protect(&b->t, range, prot)) == -ENOMEM)
		must(regions_grow(&b->t, pages));
	must(error);
}

/* Regions 0..n in random, ascending or descending order. */
static void fill(struct bench *b, unsigned n, int how)
{
	b->n = n;
	must(regions_init(&b->t, pages));
	for (unsigned i = 0; i < n; i++)
		b->order[i] = how < 0 ? n - 1 - i : i;
	for (unsigned i = n - 1; how == 0 && i; i--) {
		unsigned j = (unsigned)(draw(b) % (i + 1)), swap = b->order[i];

		b->order[i] = b->order[j];
		b->order[j] = swap;
	}
	for (unsigned i = 0; i < n; i++) {
		struct region r = region_at(b->order[i]);

		set(b, &r);
	}
}

static unsigned steps(const struct bench *b)
{
	return b->n / 4 < MAX_STEP ? b->n / 4 : MAX_STEP;
}

/* One round of each measure: nanoseconds an operation. The first `steps` of `order` are touched. */
static double round_lookup(struct bench *b)
{
	unsigned n = steps(b), got = 0;
	double t = now_ns();

	for (unsigned i = 0; i < n; i++) {
		struct region r = region_at(b->order[i + (got >> 31)]), found;

		if (!regions_first(&b->t, r.range, &found))
			exit(1);
		got = found.owner;
	}
	return (now_ns() - t) / n;
}

static double round_remove(struct bench *b)
{
	unsigned n = steps(b);
	double t = now_ns();

	for (unsigned i = 0; i < n; i++)
		must(regions_clear(&b->t, region_at(b->order[i]).range));
	return (now_ns() - t) / n;
}

static double round_insert(struct bench *b)
{
	unsigned n = steps(b);
	double t = now_ns();

	for (unsigned i = 0; i < n; i++) {
		struct region r = region_at(b->order[i]);

		set(b, &r);
	}
	return (now_ns() - t) / n;
}

/* What mmap and munmap of the same place do, again and again. */
static double round_pair(struct bench *b)
{
	struct region r = region_at(b->order[draw(b) % b->n]);
	unsigned n = 2000;
	double t;

	r.range.start += 8 * CM_PAGE;
	r.range.end = r.range.start + CM_PAGE;
	t = now_ns();
	for (unsigned i = 0; i < n; i++) {
		set(b, &r);
		must(regions_clear(&b->t, r.range));
	}
	return (now_ns() - t) / (2 * n);
}

static double round_protect(struct bench *b)
{
	unsigned n = steps(b);
	double t = now_ns();

	for (unsigned i = 0; i < n; i++)
		protect(b, region_at(b->order[i]).range, i & 1 ? 1 : 5);
	t = (now_ns() - t) / n;
	for (unsigned i = 0; i < n; i++)
		protect(b, region_at(b->order[i]).range, 3);
	return t;
}

/* RW and RX by turns on one page in the middle of a region: split and made whole. */
static double round_toggle(struct bench *b)
{
	struct region r = region_at(b->order[draw(b) % b->n] | 7);
	unsigned n = 2000;
	double t;

	r.range.start += 3 * CM_PAGE;
	r.range.end = r.range.start + CM_PAGE;
	t = now_ns();
	for (unsigned i = 0; i < n; i++)
		protect(b, r.range, i & 1 ? 3 : 5);
	return (now_ns() - t) / n;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *name, unsigned n, double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	printf("region_%s_%u %.1f ns\n", name, n, v[ROUNDS / 2]);
	printf("region_%s_%u_spread %.1f ns\n", name, n,
	       v[ROUNDS - 1 - ROUNDS / 10] - v[ROUNDS / 10]);
}

static const struct {
	const char *name;
	double (*round)(struct bench *b);
} measures[] = {
	{"lookup", round_lookup}, {"remove", round_remove},   {"insert", round_insert},
	{"pair", round_pair},     {"protect", round_protect}, {"toggle", round_toggle},
};

#define N_MEASURES (sizeof(measures) / sizeof(*measures))

static void bench_times(struct bench *b, unsigned n)
{
	static double v[N_MEASURES][ROUNDS];

	fill(b, n, 0);
	printf("region_bytes_random_%u %.1f bytes\n", n, (double)b->t.arena_bytes / n);
	for (unsigned r = 0; r < ROUNDS; r++) {
		for (unsigned m = 0; m < N_MEASURES; m++)
			v[m][r] = measures[m].round(b);
	}
	for (unsigned m = 0; m < N_MEASURES; m++)
		report(measures[m].name, n, v[m]);
}

/* The same pair through the locked table, as a wrapper does it: what a program pays. */
static void bench_table(void)
{
	struct region r = region_at(0), taken[TABLE_TAKE];
	static double map[ROUNDS], take[ROUNDS];
	struct table table;

	must(table_init(&table, pages, (void *)pages(CM_PAGE)));
	for (unsigned i = 0; i < 1000; i++) {
		r = region_at(i);
		table_map(&table, &r);
	}
	r.range.start += 8 * CM_PAGE;
	r.range.end = r.range.start + CM_PAGE;
	for (unsigned round = 0; round < ROUNDS; round++) {
		double t = now_ns();

		for (unsigned i = 0; i < 2000; i++) {
			table_map(&table, &r);
			table_unmap(&table, r.range);
		}
		map[round] = (now_ns() - t) / 4000;
		t = now_ns();
		for (unsigned i = 0; i < 2000; i++) {
			table_map(&table, &r);
			table_take(&table, r.range, taken, TABLE_TAKE);
		}
		take[round] = (now_ns() - t) / 4000;
	}
	report("locked_map_unmap", 1000, map);
	report("locked_map_take", 1000, take);
}

int main(void)
{
	static const unsigned sizes[] = {1000, 1000000};
	struct bench b = {.seed = 0x9e3779b97f4a7c15ull};

	b.order = calloc(sizes[1] + 1, sizeof(*b.order));
	if (!b.order)
		return 1;
	for (unsigned i = 0; i < 2; i++) {
		bench_times(&b, sizes[i]);
		fill(&b, sizes[i], 1);
		printf("region_bytes_ascending_%u %.1f bytes\n", sizes[i],
		       (double)b.t.arena_bytes / sizes[i]);
		fill(&b, sizes[i], -1);
		printf("region_bytes_descending_%u %.1f bytes\n", sizes[i],
		       (double)b.t.arena_bytes / sizes[i]);
	}
	bench_table();
	return 0;
}
