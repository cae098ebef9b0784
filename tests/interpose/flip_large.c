/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Large ranges. A code cache is reserved in one piece and used in small parts: that must not cost
 * memory, nor mappings, of which the kernel gives a process 65530 (vm.max_map_count). Where pages
 * alternate between executed and written, each is a mapping of its own unless the library sees to
 * it that they are not.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MB            (1024ul * 1024)
#define CACHE         (240 * MB)
#define HUGE_CACHE    (8192 * MB)
#define N_ALTERNATING 20000u
#define MAX_VMAS      40000u
#define N_BEYOND      70000u

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Maps `len`, uses 10 pages far from each other, and says whether that stayed cheap. */
static void cache(size_t len, int prot)
{
	unsigned long rss = flip_resident_pages();
	unsigned vmas = flip_look();
	unsigned char *p = flip_map(NULL, len, prot, ANON | MAP_NORESERVE);
	double t;

	if (prot != RWX && mprotect(p, len, RWX))
		flip_broken("mprotect");
	t = now();
	for (uint32_t i = 0; i < 10; i++) {
		unsigned char *at = p + len / 10 * i / PAGE * PAGE;

		flip_check("cache", at, i);
		flip_check("cache", at, i + 1);
	}
	t = now() - t;
	rss = flip_resident_pages() - rss;
	vmas = flip_look() - vmas;
	/* what a page costs that is not used is far below its thousandth part */
	printf("memory %s, mappings %s\n", rss < 600 + len / PAGE / 1024 ? "small" : "large",
	       vmas < 45 ? "few" : "many");
	printf("# %lu KB resident, %u mappings more, %.3f ms\n", rss * 4, vmas, t * 1000);
	for (uint32_t i = 0; i < 10; i++)
		if (flip_call(p + len / 10 * i / PAGE * PAGE) != i + 1)
			printf("page %u is lost\n", i);
	if (munmap(p, len))
		flip_broken("munmap");
	printf("given back: %d\n", flip_look() <= vmas + 200);
}

static void code_cache(void)
{
	cache(CACHE, RWX);
}

static void code_cache_reserved(void)
{
	cache(CACHE, PROT_NONE);
}

static void huge_cache(void)
{
	cache(HUGE_CACHE, RWX);
	cache(HUGE_CACHE, PROT_NONE);
}

static unsigned wrong(unsigned char *p, uint32_t n, uint32_t add)
{
	unsigned n_wrong = 0;

	for (uint32_t i = 0; i < n; i++)
		n_wrong += flip_call(p + i * PAGE) != i + add;
	return n_wrong;
}

static void alternate(uint32_t n, unsigned max_vmas)
{
	unsigned char *p = flip_rwx(n);
	unsigned most = 0, vmas;
	double t = now();

	for (uint32_t i = 0; i < n; i++)
		flip_emit(p + i * PAGE, i);
	for (uint32_t odd = 0; odd < 2; odd++) {
		for (uint32_t i = odd; i < n; i += 2)
			if (flip_call(p + i * PAGE) != i)
				printf("page %u is lost\n", i);
		vmas = flip_look();
		most = vmas > most ? vmas : most;
		for (uint32_t i = 1 - odd; i < n; i += 2)
			flip_emit(p + i * PAGE, i);
		vmas = flip_look();
		most = vmas > most ? vmas : most;
	}
	printf("mappings: %s\n", most < max_vmas ? "within bounds" : "too many");
	printf("%u wrong\n", wrong(p, n, 0));
	for (uint32_t i = 0; i < n; i += 3)
		flip_emit(p + i * PAGE, i);
	printf("%u wrong\n", wrong(p, n, 0));
	printf("# %u pages, at most %u mappings, %.2f s\n", n, most, now() - t);
	/* Something else must have room for its mappings too. */
	flip_map(NULL, PAGE, PROT_READ, ANON);
	if (munmap(p, n * PAGE))
		flip_broken("munmap");
}

static void alternating(void)
{
	alternate(N_ALTERNATING, MAX_VMAS);
}

static void beyond_the_limit(void)
{
	alternate(N_BEYOND, 65530);
}

/* A range of which every other page was unmapped or made read-only: many ranges, not one. */
static void fragments(void)
{
	unsigned char *p = flip_rwx(4000);
	unsigned n_wrong = 0;

	for (uint32_t i = 0; i < 4000; i += 2)
		if (i % 4 ? munmap(p + i * PAGE, PAGE) : mprotect(p + i * PAGE, PAGE, PROT_READ))
			flip_broken("fragment");
	for (uint32_t i = 1; i < 4000; i += 2) {
		flip_emit(p + i * PAGE, i);
		n_wrong += flip_call(p + i * PAGE) != i;
	}
	flip_look();
	printf("%u wrong\n", n_wrong);
	flip_show("read-only", 'w', p, p);
	flip_show("unmapped", 'x', p + 2 * PAGE, p);
}

static volatile int stop;
static unsigned char *pieces;

/* Uses one page in 16, over and over. */
static void *use_pages(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; !stop; i++) {
		unsigned char *at = pieces + i % 64 * 16 * PAGE;

		flip_check("used page", at, i);
	}
	return NULL;
}

/*
 * Where there are many pieces already, pages may be flipped several at a time. What is done to one
 * page must hold for it whatever is flipped around it: the neighbour of one that a thread uses is
 * taken rights, and becomes plain memory.
 */
static void neighbours_rights(void)
{
	unsigned stored = 0, executed = 0;
	double end;
	pthread_t t;

	pieces = flip_rwx(12000);
	for (uint32_t i = 0; i < 12000; i += 2)
		flip_check("piece", pieces + i * PAGE, i);
	if (pthread_create(&t, NULL, use_pages, NULL))
		flip_broken("pthread_create");
	end = now() + 2;
	for (uint32_t i = 0; now() < end; i++) {
		unsigned char *at = pieces + (i % 64 * 16 + 3) * PAGE;

		if (mprotect(at, PAGE, RX))
			flip_broken("mprotect");
		stored += !strcmp(flip_try('w', at, at), "written");
		flip_map(at, PAGE, RW, ANON | MAP_FIXED);
		flip_emit(at, i);
		executed += !strncmp(flip_try('x', at, at), "returns", 7);
		flip_map(at, PAGE, RWX, ANON | MAP_FIXED);
		flip_check("neighbour", at, i);
	}
	stop = 1;
	pthread_join(t, NULL);
	printf("stored to RX %u times, executed RW %u times\n", stored, executed);
	flip_look();
}

const struct flip_case flip_large[] = {
	{"neighbours_rights", neighbours_rights},
	{"code_cache", code_cache},
	{"code_cache_reserved", code_cache_reserved},
	{"huge_cache", huge_cache},
	{"alternating", alternating},
	{"beyond_the_limit", beyond_the_limit},
	{"fragments", fragments},
	{NULL, NULL},
};
