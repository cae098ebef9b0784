/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * stepped WORK: a program for steps.c to count: an int3 when main begins, then, when the work has
 * been done a few times so that every symbol is bound, one before and one after doing it once more.
 *
 * WORK is pair, mprotect, malloc, or none.
 */

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static char *page;

static void work_none(void)
{
}

static void work_pair(void)
{
	void *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p, 65536))
		abort();
}

static void work_mprotect(void)
{
	static int prot = PROT_READ;

	if (mprotect(page, 4096, prot))
		abort();
	prot ^= PROT_WRITE;
}

static void work_malloc(void)
{
	char *volatile p = malloc(1 << 20);

	if (!p)
		abort();
	free(p);
}

static const struct {
	const char *name;
	void (*once)(void);
} works[] = {
	{"none", work_none},
	{"pair", work_pair},
	{"mprotect", work_mprotect},
	{"malloc", work_malloc},
};

static void mark(void)
{
	__asm__ volatile("int3" ::: "memory");
}

int main(int argc, char **argv)
{
	mark();
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++) {
		if (strcmp(argv[1], works[i].name))
			continue;
		for (int n = 0; n < 4; n++)
			works[i].once();
		mark();
		works[i].once();
		mark();
		return 0;
	}
	return 2;
}
