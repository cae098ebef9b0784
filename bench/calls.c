/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * calls WORK [MILLISECONDS]: does one kind of call over and over and prints what one costs, in
 * nanoseconds. What libc calls inside itself is in own.c.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench/measure.h"

#define BATCH  64
#define LENGTH 65536

static char *page; /* one page, touched, in a mapping of its own */

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void work_pair(void)
{
	void *p = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p, LENGTH))
		fail("mmap and munmap");
}

/* The instruction itself, in the program's own text: not one of libc's symbols, not its wrapper. */
static long raw(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = -1;
	register long r9 __asm__("r9") = 0;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static void work_rawpair(void)
{
	long p = raw(SYS_mmap, 0, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);

	if (p < 0 || raw(SYS_munmap, p, LENGTH, 0, 0))
		fail("raw mmap and munmap");
}

/* Every page of it is brought in: what a program does with memory that it asks for. */
static void work_touch(void)
{
	char *p = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		fail("mmap");
	for (size_t i = 0; i < LENGTH; i += 4096)
		((volatile char *)p)[i] = 1;
	if (munmap(p, LENGTH))
		fail("munmap");
}

static void work_mprotect(void)
{
	static int prot = PROT_READ;

	if (mprotect(page, 4096, prot))
		fail("mprotect");
	prot ^= PROT_WRITE;
}

static void work_madvise(void)
{
	if (madvise(page, 4096, MADV_DONTNEED))
		fail("madvise");
}

static void work_getppid(void)
{
	syscall(SYS_getppid);
}

static const struct {
	const char *name;
	void (*once)(void);
} works[] = {
	{"pair", work_pair},       {"rawpair", work_rawpair}, {"mprotect", work_mprotect},
	{"madvise", work_madvise}, {"getppid", work_getppid}, {"touch", work_touch},
};

int main(int argc, char **argv)
{
	double budget_ms = argc > 2 ? atof(argv[2]) : 100;

	/* Between two that it cannot merge with, whatever else is mapped. */
	page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		fail("mmap");
	page += 4096;
	if (mprotect(page, 4096, PROT_READ | PROT_WRITE))
		fail("mprotect");
	memset(page, 1, 4096);
	for (size_t i = 0; argc > 1 && i < sizeof works / sizeof *works; i++) {
		if (strcmp(argv[1], works[i].name))
			continue;
		measure(works[i].once, BATCH, 0); /* the first batches fault things in */
		printf("%.1f\n", measure(works[i].once, BATCH, budget_ms * 1e6));
		return 0;
	}
	fprintf(stderr,
		"usage: calls pair|rawpair|touch|mprotect|madvise|getppid [MILLISECONDS]\n");
	return 2;
}
