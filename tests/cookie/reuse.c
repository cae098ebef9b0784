/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * What becomes of the addresses of a region that was closed: they fault, and nobody has them again
 * soon, whoever maps and by whatever means the library can see.
 */

#define MIB    (1ul << 20)
#define GIB    (1ul << 30)
#define N      200
#define N_MORE 2000

struct place {
	uintptr_t start, end;
};

static struct place closed[N];

static struct place place_of(cm_t c, size_t len)
{
	uintptr_t at = (uintptr_t)region_at(c);

	return (struct place){at, at + len};
}

static bool overlaps_closed(struct place p)
{
	for (size_t i = 0; i < N; i++)
		if (p.start < closed[i].end && closed[i].start < p.end)
			return true;
	return false;
}

/* Regions of all sizes and kinds, touched, and closed in another order. */
static void close_many(void)
{
	static const int flags[] = {0, CM_RESERVE, MAP_SHARED, CM_ALIAS, CM_SUPERPAGE};
	static cm_t cookies[N];
	unsigned n_readable = 0;

	for (size_t i = 0; i < N; i++) {
		size_t len = (1 + i * 7 % 40) * PAGE;

		cookies[i] = region_new(len, RW, flags[i % COUNT(flags)]);
		if (flags[i % COUNT(flags)] == CM_SUPERPAGE)
			len = HUGE;
		if (flags[i % COUNT(flags)] != CM_RESERVE)
			region_at(cookies[i])[0] = 1;
		closed[i] = place_of(cookies[i], len);
	}
	for (size_t i = 0; i < N; i++) {
		size_t k = i * 77 % N;
		int r = i % 2 ? cmrevoke(cookies[k]) : cmclose(cookies[k], CM_CLOSE_UNMAP);

		if (r)
			claims_broken("cmclose");
	}
	for (size_t i = 0; i < N; i++)
		n_readable += look_reads((void *)closed[i].start) ||
			      look_reads((void *)(closed[i].end - 1));
	claim(!n_readable, "%d regions are closed, and their memory faults", N);
}

static void further_regions(void)
{
	unsigned n_overlap = 0;

	for (unsigned i = 0; i < N_MORE; i++) {
		size_t len = (1 + i % 16) * PAGE;
		cm_t c = region_new(len, RW, 0);

		n_overlap += overlaps_closed(place_of(c, len));
		if (i % 3 && cmclose(c, i % 3 == 1 ? CM_CLOSE_UNMAP : 0))
			claims_broken("cmclose");
	}
	claim(!n_overlap, "none of %d further regions has an address of theirs", N_MORE);
}

/* What others are given where they say nothing, the library's own allocator included. */
static void further_mappings(void)
{
	unsigned n_overlap = 0;

	for (unsigned i = 0; i < N_MORE; i++) {
		size_t len = (1 + i % 16) * PAGE;
		void *p = mmap(NULL, len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED)
			claims_broken("mmap");
		n_overlap += overlaps_closed((struct place){(uintptr_t)p, (uintptr_t)p + len});
		if (i % 2)
			munmap(p, len);
	}
	claim(!n_overlap, "and none of %d mappings of mmap(2)", N_MORE);
}

static bool is_taken(uintptr_t at)
{
	void *p = mmap((void *)at, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		       0);

	if (p == MAP_FAILED)
		return errno == EEXIST;
	munmap(p, PAGE);
	return false;
}

/* CM_NOREUSE: said when it is made, or when it is closed. */
static void never_again(bool late, size_t len)
{
	cm_t c = region_new(len, RW, late ? 0 : CM_NOREUSE);
	struct place p = place_of(c, len);
	unsigned n = 0;

	region_at(c)[0] = 1;
	if (cmclose(c, CM_CLOSE_UNMAP | (late ? CM_NOREUSE : 0)))
		claims_broken("cmclose");
	claim(!look_reads((void *)p.start), "CM_NOREUSE%s: it faults when closed",
	      late ? " at the end" : "");
	for (uintptr_t at = p.start; at < p.end; at += len / 8)
		n += is_taken(at);
	claim(n == 8, "it is nobody's, by MAP_FIXED_NOREPLACE neither");
	for (unsigned i = 0; i < 300; i++)
		if (cmclose(region_new(17 * GIB, RW, CM_RESERVE), CM_CLOSE_UNMAP))
			claims_broken("cmclose");
	claim(is_taken(p.start) && is_taken(p.end - PAGE), "and stays so, after 300 others");
	claim(cmmmap(p.start, PAGE, RW, CM_EXACT, -1, 0, &c) == -1 && errno == EEXIST,
	      "nor is it a region's again");
}

/* Large ones go round in an area of their own, wider than all of these together. */
static void large_ones(void)
{
	static struct place p[200];
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(p); i++) {
		cm_t c = region_new(17 * GIB, RW, CM_RESERVE);

		p[i] = place_of(c, 17 * GIB);
		if (cmclose(c, CM_CLOSE_UNMAP))
			claims_broken("cmclose");
		for (size_t k = 0; k < i; k++)
			n += p[k].start < p[i].end && p[i].start < p[k].end;
	}
	claim(!n, "none of %zu large regions has addresses of one before it", COUNT(p));
}

/* Without CM_CLOSE_UNMAP the memory is the program's, as any. */
static void kept(void)
{
	cm_t c = region_new(2 * PAGE, RW, 0);
	unsigned char *at = region_at(c);

	at[0] = 3;
	claim(!cmclose(c, 0), "closed without CM_CLOSE_UNMAP");
	claim(at[0] == 3 && look_writes(at + PAGE), "the memory stays, and what is in it");
	claim(!mprotect(at, PAGE, R) && !look_writes(at), "it may be protected as any");
	claim(!munmap(at, 2 * PAGE) && !look_reads(at), "and unmapped");
}

/* Twin: munmap(2) gives addresses to the next. */
static void twin(void)
{
	void *p = mmap(NULL, 64 * MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *q;

	munmap(p, 64 * MIB);
	q = mmap(NULL, 64 * MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	claim(p == q, "mmap(2) gives the same addresses again at once");
	munmap(q, 64 * MIB);
	claim(!is_taken((uintptr_t)p), "and what is unmapped is anybody's");
}

int main(void)
{
	close_many();
	further_regions();
	further_mappings();
	never_again(false, 8 * PAGE);
	never_again(true, 8 * PAGE);
	never_again(false, 64 * PAGE);
	large_ones();
	kept();
	twin();
	return claims_end();
}
