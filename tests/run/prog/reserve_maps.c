/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include "tests/run/prog/reserve.h"

/* /proc/self/smaps, read anew for every question. */

struct vma {
	unsigned long start, end;
	long huge_kib;
};

static bool next(FILE *f, struct vma *v)
{
	unsigned long start, end;
	char line[512];

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			*v = (struct vma){start, end, 0};
		else if (sscanf(line, "AnonHugePages: %ld", &v->huge_kib) == 1)
			return true;
	}
	return false;
}

/* How many bytes of a range are mapped. */
static size_t mapped(const void *at, size_t len, long *huge)
{
	unsigned long start = (unsigned long)at, end = start + len;
	FILE *f = fopen("/proc/self/smaps", "re");
	struct vma v = {0};
	size_t n = 0;

	while (f && next(f, &v)) {
		unsigned long from = v.start > start ? v.start : start;
		unsigned long to = v.end < end ? v.end : end;

		if (from >= to)
			continue;
		n += to - from;
		*huge += v.huge_kib;
	}
	if (f)
		fclose(f);
	return n;
}

bool maps_covers(const void *at, size_t len)
{
	long huge = 0;

	return mapped(at, len, &huge) == len;
}

bool maps_any(const void *at, size_t len)
{
	long huge = 0;

	return mapped(at, len, &huge) > 0;
}

/* What of the mapping at an address lies in superpages. */
long maps_huge_kib(const void *at)
{
	long huge = 0;

	mapped(at, 1, &huge);
	return huge;
}

void *memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}
