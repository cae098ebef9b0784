/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * flip HOW WHAT [MILLISECONDS]: code in many pages is patched and called by turns; prints what one
 * page costs, in nanoseconds: the median of many passes over the pages.
 *
 *   HOW   rwx      the pages are writable and executable: what there is without flips
 *         bare     they are one or the other, and the shortest SIGSEGV handler there is turns them:
 *                  what the kernel takes for a flip
 *         managed  as rwx, under a policy that flips; ends with 1 if the kernel's own list of
 *                  mappings does not show every page turned
 *   WHAT  store    the first store into each page after it has run
 *         call     the first call of each page after it was patched
 *
 * The two alternate and cost less than reading the clock twice in rwx: a pass calls every page,
 * the next patches every page, and each is timed as a whole. The pages have one between them that
 * stays as it is, and are visited out of order, so that no flip lengthens the neighbour's mapping.
 *
 * Apart from calls.c: a program whose SIGSEGV handler is its own.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include "bench/measure.h"

#define PAGE   4096
#define PAGES  128
#define PASSES 4000
#define FETCH  16 /* of the error code of a page fault: Intel SDM volume 3, 4.7 */

static unsigned char *base;
static uint32_t stamp; /* what the code in the pages returns */

static void fail(const char *what)
{
	fprintf(stderr, "flip: %s\n", what);
	exit(1);
}

static void turn(int signal, siginfo_t *info, void *context)
{
	greg_t error = ((ucontext_t *)context)->uc_mcontext.gregs[REG_ERR];
	unsigned char *page = (unsigned char *)((uintptr_t)info->si_addr & -PAGE);

	(void)signal;
	if (page < base || page >= base + 2 * PAGES * PAGE)
		abort();
	if (mprotect(page, PAGE, PROT_READ | (error & FETCH ? PROT_EXEC : PROT_WRITE)))
		abort();
}

/* 37 is prime to PAGES: every page, and never the one that lies beside the last. */
static unsigned char *visited(unsigned i)
{
	return base + (size_t)(i * 37 % PAGES) * 2 * PAGE;
}

static void store_all(void)
{
	stamp++;
	for (unsigned i = 0; i < PAGES; i++)
		memcpy(visited(i) + 1, &stamp, sizeof stamp);
}

static void call_all(void)
{
	uint32_t (*code)(void);

	for (unsigned i = 0; i < PAGES; i++) {
		unsigned char *page = visited(i);

		memcpy(&code, &page, sizeof code);
		if (code() != stamp)
			fail("an old instruction was run");
	}
}

/* As many mappings with these rights as there are pages, and none with both. */
static void rights_check(const char *rights)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512], found[5];
	uint64_t start, end;
	unsigned n = 0;

	while (maps && fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &start, &end, found) != 3)
			continue;
		if (found[1] == 'w' && found[2] == 'x')
			fail("there is memory that is writable and executable");
		for (unsigned i = 0; i < PAGES; i++)
			n += start <= (uint64_t)visited(i) && (uint64_t)visited(i) < end &&
			     !strncmp(found, rights, 3);
	}
	if (!maps || n != PAGES)
		fail("pages did not turn");
	fclose(maps);
}

static void prepare(const char *how)
{
	static const unsigned char code[] = {0xb8, 0, 0, 0, 0, 0xc3}; /* mov $0, %eax; ret */
	struct sigaction action = {.sa_sigaction = turn, .sa_flags = SA_SIGINFO | SA_NODEFER};
	int bare = !strcmp(how, "bare");

	base = mmap(NULL, 2 * PAGES * PAGE, PROT_READ | PROT_WRITE | (bare ? 0 : PROT_EXEC),
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED || (bare && sigaction(SIGSEGV, &action, NULL)))
		fail("the pages could not be had");
	for (unsigned i = 0; i < PAGES; i++)
		memcpy(visited(i), code, sizeof code);
	for (int i = 0; i < 2; i++) { /* the first passes fault things in */
		store_all();
		if (!strcmp(how, "managed"))
			rights_check("rw-");
		call_all();
		if (!strcmp(how, "managed"))
			rights_check("r-x");
	}
}

static double measure_passes(int want_call, double budget_ns)
{
	static double took[2][PASSES];
	double begin = measure_now_ns(), middle, start;
	unsigned n = 0;

	do {
		start = measure_now_ns();
		store_all();
		middle = measure_now_ns();
		call_all();
		took[0][n] = (middle - start) / PAGES;
		took[1][n++] = (measure_now_ns() - middle) / PAGES;
	} while (n < PASSES && (n < 5 || measure_now_ns() - begin < budget_ns));
	return measure_median(took[want_call], n);
}

static int is_known(const char *word, const char *const *words)
{
	while (*words && strcmp(word, *words))
		words++;
	return *words != NULL;
}

int main(int argc, char **argv)
{
	static const char *const hows[] = {"rwx", "bare", "managed", NULL};
	static const char *const whats[] = {"store", "call", NULL};
	double budget_ms = argc > 3 ? atof(argv[3]) : 100;

	if (argc < 3 || !is_known(argv[1], hows) || !is_known(argv[2], whats)) {
		fprintf(stderr, "usage: flip rwx|bare|managed store|call [MILLISECONDS]\n");
		return 2;
	}
	prepare(argv[1]);
	printf("%.1f\n", measure_passes(!strcmp(argv[2], "call"), budget_ms * 1e6));
	return 0;
}
