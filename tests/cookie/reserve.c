/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * How regions are laid out: reservations and what they cost, lengths and alignments, superpages,
 * names, and where they lie.
 */

#define MIB (1ul << 20)
#define TIB (1ul << 40)

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static size_t sum_kb(const char *path, const char *what)
{
	FILE *file = fopen(path, "r");
	size_t sum = 0, kb;
	char line[256];

	if (!file)
		claims_broken(path);
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, what, strlen(what)) && sscanf(line, "%*s %zu", &kb) == 1)
			sum += kb;
	fclose(file);
	return sum;
}

/* Memory of the process's own, counted page by page, and its page tables. */
static size_t cost_bytes(void)
{
	return (sum_kb("/proc/self/smaps_rollup", "Anonymous:") +
		sum_kb("/proc/self/status", "VmPTE:"))
	       << 10;
}

static void large_reservations(void)
{
	size_t before, after;
	double best = 1e9;
	struct cm_stat st;
	cm_t c = 0;

	cost_bytes();
	if (cmclose(region_new(PAGE, RW, CM_RESERVE),
		    CM_CLOSE_UNMAP)) /* the first pays the table */
		claims_broken("cmclose");
	before = cost_bytes();
	for (unsigned i = 0; i < 8; i++) {
		double start = now_us();

		c = region_new(TIB, RW, CM_RESERVE);
		start = now_us() - start;
		best = start < best ? start : best;
		if (i < 7 && cmclose(c, CM_CLOSE_UNMAP))
			claims_broken("cmclose");
	}
	after = cost_bytes();
	claim(after < before + 64 * 1024, "a reservation of 1 TiB costs less than 64 KiB");
	claim(best < 1000 * slower(), "and less than a millisecond");
	claim_note("%zu bytes, %.1f us", after > before ? after - before : 0, best);
	claim(!cmstat(c, 0, &st) && st.kind == CM_KIND_RESERVED && st.len == TIB &&
		      st.region_len == TIB && st.flags & CM_RESERVE && !st.prot,
	      "cmstat says what it is");
	claim(!look_reads(region_at(c)) && !look_reads(region_at(c) + TIB - 1),
	      "none can be touched");
	claim(!cmsubmap(c, TIB - PAGE, PAGE, RW, 0, -1, 0) && look_writes(region_at(c) + TIB - 1),
	      "its last page can be filled");
	claim(!cmclose(c, CM_CLOSE_UNMAP), "and all of it be closed");
}

static size_t len_of(size_t len, int flags)
{
	cm_t c = region_new(len, RW, flags);
	struct cm_stat st;

	if (cmstat(c, 0, &st))
		claims_broken("cmstat");
	if (flags & CM_SUPERPAGE && (uintptr_t)region_at(c) % HUGE)
		return 0;
	/* all that it says is there */
	if (!look_writes(region_at(c)) || !look_writes(region_at(c) + st.region_len - 1))
		return 0;
	cmclose(c, CM_CLOSE_UNMAP);
	return st.region_len;
}

static void lengths(void)
{
	claim(len_of(1, 0) == PAGE, "a byte is a page");
	claim(len_of(PAGE + 1, 0) == 2 * PAGE, "a page and a byte are two");
	claim(len_of(HUGE + PAGE, 0) == HUGE + PAGE, "nothing more is rounded without a flag");
	claim(len_of(1, CM_SUPERPAGE) == HUGE, "CM_SUPERPAGE: a byte is a superpage, aligned");
	claim(len_of(HUGE, CM_SUPERPAGE) == HUGE, "CM_SUPERPAGE: a superpage is one, aligned");
	claim(len_of(HUGE + 1, CM_SUPERPAGE) == 2 * HUGE, "CM_SUPERPAGE: and a byte, two");
	claim(len_of(PAGE, CM_ROUND) == PAGE, "CM_ROUND: a page is a page");
	claim(len_of(HUGE - PAGE, CM_ROUND) == HUGE - PAGE, "CM_ROUND: what is less remains");
	claim(len_of(HUGE, CM_ROUND) == HUGE, "CM_ROUND: a superpage is one");
	claim(len_of(3 * MIB, CM_ROUND) == 4 * MIB, "CM_ROUND: 3 MiB are 4");
	claim(len_of(3 * MIB, CM_ROUND | CM_SUPERPAGE) == 4 * MIB, "both: 3 MiB are 4, aligned");
}

/* The word of the three that is in brackets. */
static bool thp_is(const char *word)
{
	FILE *file = fopen("/sys/kernel/mm/transparent_hugepage/enabled", "r");
	char line[80] = "[never]";
	bool is;

	if (!file || !fgets(line, sizeof(line), file))
		snprintf(line, sizeof(line), "[never]");
	if (file)
		fclose(file);
	is = strstr(line, word);
	return is;
}

static size_t huge_bytes(unsigned char *at)
{
	struct look l;

	return look_smaps((uintptr_t)at, &l) ? l.huge_bytes : 0;
}

static bool is_advised(unsigned char *at)
{
	struct look l;

	return look_smaps((uintptr_t)at, &l) && strstr(l.flags, " hg");
}

static void superpages(void)
{
	bool none = thp_is("[never]"), all = thp_is("[always]");
	cm_t plain = region_new(8 * MIB, RW, 0), super = region_new(8 * MIB, RW, CM_SUPERPAGE);
	cm_t reserved = region_new(8 * MIB, RW, CM_RESERVE | CM_SUPERPAGE);
	unsigned char *part = region_at(reserved) + HUGE;

	region_fill(plain, 8 * MIB, 1);
	region_fill(super, 8 * MIB, 1);
	if (none)
		claim_note("the kernel is told never to use superpages");
	claim(none || huge_bytes(region_at(super)),
	      "CM_SUPERPAGE: superpages, where there are any");
	claim(all || !huge_bytes(region_at(plain)), "none without, unless for everybody");
	claim(none || is_advised(region_at(super)), "the kernel was advised");
	claim(!is_advised(region_at(plain)), "and not without");
	claim(!cmsubmap(reserved, HUGE, HUGE, RW, 0, -1, 0), "a part of a reservation of them");
	memset(part, 1, HUGE);
	claim(none || huge_bytes(part), "is one");
}

static bool is_named(unsigned char *at, const char *name)
{
	struct look l;

	return look_maps((uintptr_t)at, &l) && !strcmp(l.name, name);
}

static cm_t named(const char *name, int flags)
{
	struct cmreq r;
	cm_t c;

	CMREQ_INIT(&r, PAGE, RW);
	CMREQ_SETFLAGS(&r, flags);
	CMREQ_SETNAME(&r, name);
	if (cmmmapreq(&r, &c) || c != r.cookie)
		claims_broken("cmmmapreq");
	return c;
}

static void names(void)
{
	void *own = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool kernel_has = !prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, own, PAGE, "x");
	int fd = cmmemfd("n m", CM_SHARE), plain = cmmemfd("n m", 0);

	if (!kernel_has)
		claim_note("the kernel does not name anonymous memory");
	claim(!kernel_has || is_named(region_at(named("a b", 0)), "[anon:a b]"),
	      "anonymous memory has its name, where the kernel has any");
	claim(is_named(region_at(region_new(PAGE, RW, 0)), ""), "and none without");
	claim(is_named(region_at(named("a b", CM_ALIAS)), "/memfd:a b (deleted)"),
	      "an object has its name");
	claim(is_named(region_at(region_new(PAGE, RW, CM_ALIAS)), "/memfd:cookie (deleted)"),
	      "or is called cookie");
	if (ftruncate(fd, PAGE) || ftruncate(plain, PAGE))
		claims_broken("ftruncate");
	claim(is_named(region_at(region_of(fd, PAGE, RW, MAP_SHARED)),
		       "/memfd:share:n m (deleted)"),
	      "cmmemfd of CM_SHARE says so in the name");
	claim(is_named(region_at(region_of(plain, PAGE, RW, MAP_SHARED)), "/memfd:n m (deleted)"),
	      "and not without");
}

static size_t resident(cm_t c, size_t index)
{
	struct cm_stat st;

	if (cmstat(c, index | CM_STAT_RESIDENT, &st))
		claims_broken("cmstat");
	return st.resident;
}

static void populated(void)
{
	cm_t full = region_new(64 * PAGE, RW, MAP_POPULATE), empty = region_new(64 * PAGE, RW, 0);
	struct cm_stat st;
	unsigned n = 0;

	claim(resident(full, 0) == 64, "MAP_POPULATE: all of it is there");
	claim(resident(empty, 0) == 0, "nothing is, without");
	region_at(empty)[3 * PAGE] = 1;
	region_at(empty)[5 * PAGE] = 1;
	claim(resident(empty, 0) == 2, "and what is touched is counted");
	claim(!cmstat(empty, 0, &st) && st.resident == CM_STAT_UNKNOWN &&
		      st.dirty == CM_STAT_UNKNOWN,
	      "what is not asked for is not counted");
	for (unsigned i = 0; i < 64; i++) {
		unsigned char vec = 0;

		n += !cmincore(empty, i * PAGE, 1, &vec) && (vec & 1) == (i == 3 || i == 5);
	}
	claim(n == 64, "cmincore says the same page by page");
}

static void wishes(void)
{
	unsigned char *free = mmap(NULL, 64 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cm_t c, d;

	munmap(free, 64 * PAGE);
	claim(!cmmmap(free + 8 * PAGE, 4 * PAGE, RW, CM_EXACT, -1, 0, &c) &&
		      region_at(c) == free + 8 * PAGE,
	      "CM_EXACT: it lies where it is wished");
	claim(!cmmmap(free + 10 * PAGE, PAGE, RW, 0, -1, 0, &d) && region_at(d) != free + 10 * PAGE,
	      "a wish for what is taken is none");
	claim(cmmmap(free + 11 * PAGE, 8 * PAGE, RW, CM_EXACT, -1, 0, &d) == -1 &&
		      errno == EEXIST && look_is_free(free + 12 * PAGE, 8 * PAGE),
	      "CM_EXACT of what is taken in part: EEXIST, and nothing is mapped");
	region_at(c)[0] = 1;
	claim(!cmmmap(free + 30 * PAGE + 5, PAGE, RW, 0, -1, 0, &d) &&
		      region_at(d) == free + 30 * PAGE,
	      "a wish is rounded down to a page");
}

static void beginnings(void)
{
	struct cm_stat st[2];
	int fd = file_new(2);
	struct cmreq r;
	cm_t c;

	CMREQ_INIT(&r, 4 * PAGE, R);
	CMREQ_SETFD(&r, fd);
	CMREQ_SETMAPOFFSET(&r, 2 * PAGE);
	claim(!cmmmap(&r, &c), "a mapping that begins within the region");
	claim(!cmstat(c, 0, &st[0]) && !cmstat(c, 1, &st[1]) && st[0].kind == CM_KIND_RESERVED &&
		      st[0].len == 2 * PAGE && st[1].kind == CM_KIND_FILE &&
		      st[1].offset == 2 * PAGE && st[1].len == 2 * PAGE,
	      "what is before it is reserved");
	claim(!look_reads(region_at(c) + PAGE) && region_at(c)[2 * PAGE] == 'a' &&
		      region_at(c)[3 * PAGE] == 'b',
	      "and the file's first page is where it begins");
	close(fd);
}

static void sealed(void)
{
	cm_t c = region_new(4 * PAGE, RW, CM_SEALED), plain = region_new(4 * PAGE, RW, 0);
	struct cm_stat st;

	claim(!cmstat(c, 0, &st) && st.seals == CM_SEAL_ALL, "CM_SEALED: all seals from the start");
	claim(!cmstat(plain, 0, &st) && !st.seals, "and none without");
	claim(look_writes(region_at(c)), "it is writable");
	claim(cmprotect(c, 0, PAGE, R) == -1 && errno == EPERM && look_writes(region_at(c)),
	      "and stays so");
	claim(!cmprotect(plain, 0, PAGE, R) && !look_writes(region_at(plain)),
	      "unlike what is not sealed");
}

int main(void)
{
	large_reservations();
	lengths();
	superpages();
	names();
	populated();
	wishes();
	beginnings();
	sealed();
	return claims_end();
}
