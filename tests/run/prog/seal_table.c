/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What mseal(2) seals, printed: every case seals a part of eight pages, and then every page is
 * tried by every call that a seal is about, each on eight new pages.
 *
 *   seal_table WAY OTHER    WAY makes mseal, OTHER the rest: libc, syscall, raw
 *
 * A line is `case: result` or `  call pages`, a letter a page: `.` was done, `P` EPERM, `M` ENOMEM,
 * `A` EACCES, `I` EINVAL, `F` EFAULT, `X` EEXIST. Nothing in it depends on addresses.
 */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seal_call.h"

#define PAGES  8
#define BEFORE 4 /* pages of nothing on either side, so that no neighbour joins */
#define ALL    (PAGES * PAGE)
#define NONE                     \
	{                        \
		0, (size_t)-1, 0 \
	}     /* no second piece */
#define FAR 1 /* instead of the first page: an address that is no program's */

static enum way sealing, trying;
static char *spare; /* two pages that are moved onto others */
static int file;

/* What is sealed: `len` bytes from `at` on, and then perhaps another piece. */
struct piece {
	size_t at, len;
	unsigned long flags;
};

/* pages: w, r anonymous; f private, s shared of a file, read-only and writable; - nothing there */
static const struct row {
	const char *name, *pages;
	int base;
	struct piece piece[2];
} rows[] = {
	{"nothing is sealed", "wwwwwwww", 0, {{0, 0, 0}, NONE}},
	{"all", "wwwwwwww", 0, {{0, ALL, 0}, NONE}},
	{"one in the middle", "wwwwwwww", 0, {{3 * PAGE, PAGE, 0}, NONE}},
	{"the beginning", "wwwwwwww", 0, {{0, 3 * PAGE, 0}, NONE}},
	{"the end", "wwwwwwww", 0, {{5 * PAGE, 3 * PAGE, 0}, NONE}},
	{"read-only memory", "rrrrrrrr", 0, {{2 * PAGE, 4 * PAGE, 0}, NONE}},
	{"several mappings", "wwrrwwrr", 0, {{PAGE, 6 * PAGE, 0}, NONE}},
	{"a file, private", "wwffffww", 0, {{3 * PAGE, 2 * PAGE, 0}, NONE}},
	{"a file, shared", "wwssssww", 0, {{3 * PAGE, 2 * PAGE, 0}, NONE}},
	{"all kinds", "wrfswrfs", 0, {{0, ALL, 0}, NONE}},
	{"a gap at the beginning", "--wwwwww", 0, {{0, ALL, 0}, NONE}},
	{"a gap in the middle", "www-wwww", 0, {{0, ALL, 0}, NONE}},
	{"a gap at the end", "wwwwww--", 0, {{0, ALL, 0}, NONE}},
	{"a gap beside it", "www-wwww", 0, {{4 * PAGE, 4 * PAGE, 0}, NONE}},
	{"nothing but a gap", "--------", 0, {{0, ALL, 0}, NONE}},
	{"no length", "wwwwwwww", 0, {{2 * PAGE, 0, 0}, NONE}},
	{"no length, in a gap", "ww-wwwww", 0, {{2 * PAGE, 0, 0}, NONE}},
	{"no length, unaligned", "wwwwwwww", 0, {{1, 0, 0}, NONE}},
	{"an unaligned address", "wwwwwwww", 0, {{PAGE + 8, PAGE, 0}, NONE}},
	{"an unaligned length", "wwwwwwww", 0, {{PAGE, PAGE + 1, 0}, NONE}},
	{"one byte", "wwwwwwww", 0, {{2 * PAGE, 1, 0}, NONE}},
	{"one byte into a gap", "wwww-www", 0, {{3 * PAGE, PAGE + 1, 0}, NONE}},
	{"a length that wraps", "wwwwwwww", 0, {{PAGE, (size_t)-PAGE, 0}, NONE}},
	{"a length that wraps when rounded", "wwwwwwww", 0, {{0, -(size_t)5, 0}, NONE}},
	{"far beyond", "wwwwwwww", 0, {{0, (size_t)1 << 46, 0}, NONE}},
	{"no program's address", "wwwwwwww", FAR, {{0, PAGE, 0}, NONE}},
	{"a flag", "wwwwwwww", 0, {{0, ALL, 1}, NONE}},
	{"a high flag", "wwwwwwww", 0, {{0, ALL, 1ul << 63}, NONE}},
	{"a flag and no length", "wwwwwwww", 0, {{0, 0, 2}, NONE}},
	{"twice", "wwwwwwww", 0, {{2 * PAGE, 2 * PAGE, 0}, {2 * PAGE, 2 * PAGE, 0}}},
	{"overlapping", "wwwwwwww", 0, {{PAGE, 3 * PAGE, 0}, {3 * PAGE, 3 * PAGE, 0}}},
	{"over what is sealed", "wwwwwwww", 0, {{3 * PAGE, PAGE, 0}, {PAGE, 5 * PAGE, 0}}},
	{"inside what is sealed", "wwwwwwww", 0, {{PAGE, 5 * PAGE, 0}, {3 * PAGE, PAGE, 0}}},
	{"two pieces", "wwwwwwww", 0, {{PAGE, PAGE, 0}, {5 * PAGE, 2 * PAGE, 0}}},
	{"good, then a gap", "wwwww-ww", 0, {{0, 2 * PAGE, 0}, {PAGE, 6 * PAGE, 0}}},
};

static void broken(const char *what)
{
	perror(what);
	exit(99);
}

static void put(char *at, char kind)
{
	int prot = kind == 'w' || kind == 's' ? PROT_READ | PROT_WRITE : PROT_READ;
	int flags = kind == 's' ? MAP_SHARED : MAP_PRIVATE;
	int fd = kind == 'f' || kind == 's' ? file : -1;

	if (kind == '-' ? munmap(at, PAGE)
			: mmap(at, PAGE, prot, flags | MAP_FIXED | (fd < 0 ? MAP_ANONYMOUS : 0), fd,
			       0) == MAP_FAILED)
		broken("a page");
}

/* Eight pages as a row wants them; sealed memory stays, so each are at another address. */
static char *pages_new(const struct row *row)
{
	char *room =
		mmap(NULL, ALL + 2 * BEFORE * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (room == MAP_FAILED)
		broken("room");
	for (int i = 0; i < PAGES; i++)
		put(room + (BEFORE + (size_t)i) * PAGE, row->pages[i]);
	return room + BEFORE * PAGE;
}

/* What the last piece came to, or the first that was refused. */
static long seal(const struct row *row, char *pages)
{
	char *base = row->base == FAR ? (char *)(1ul << 56) : pages;
	const struct piece *p = row->piece;
	long result = way_mseal(sealing, base + p[0].at, p[0].len, p[0].flags);

	if (!result && p[1].len != (size_t)-1)
		result = way_mseal(sealing, base + p[1].at, p[1].len, p[1].flags);
	return result;
}

static long try_mprotect(char *page)
{
	return way_call(trying, SYS_mprotect, (long)page, PAGE, PROT_NONE, 0, 0);
}

static long try_same(char *page)
{
	return way_call(trying, SYS_mprotect, (long)page, PAGE, PROT_READ, 0, 0);
}

static long try_munmap(char *page)
{
	return way_call(trying, SYS_munmap, (long)page, PAGE, 0, 0, 0);
}

static long try_fixed(char *page)
{
	return way_call(trying, SYS_mmap, (long)page, PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
}

static long try_noreplace(char *page)
{
	return way_call(trying, SYS_mmap, (long)page, PAGE, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1);
}

static long try_away(char *page)
{
	return way_call(trying, SYS_mremap, (long)page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			(long)spare);
}

static long try_onto(char *page)
{
	return way_call(trying, SYS_mremap, (long)spare, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
			(long)page);
}

static long try_grow(char *page)
{
	return way_call(trying, SYS_mremap, (long)page, PAGE, 3 * PAGE, MREMAP_MAYMOVE, 0);
}

static long try_shrink(char *page)
{
	return way_call(trying, SYS_mremap, (long)page - (long)PAGE, 2 * PAGE, PAGE, 0, 0);
}

static long try_willneed(char *page)
{
	return way_call(trying, SYS_madvise, (long)page, PAGE, MADV_WILLNEED, 0, 0);
}

static const struct {
	const char *name;
	long (*call)(char *page);
	int from; /* the first page that it can be tried on */
} tries[] = {
	{"mprotect none", try_mprotect, 0}, {"mprotect read", try_same, 0},
	{"munmap", try_munmap, 0},          {"mmap over", try_fixed, 0},
	{"mmap beside", try_noreplace, 0},  {"mremap away", try_away, 0},
	{"mremap onto", try_onto, 0},       {"mremap grow", try_grow, 0},
	{"mremap shrink", try_shrink, 1},   {"madvise", try_willneed, 0},
};

static char letter(long result)
{
	switch (-result) {
	case EPERM:
		return 'P';
	case ENOMEM:
		return 'M';
	case EACCES:
		return 'A';
	case EINVAL:
		return 'I';
	case EFAULT:
		return 'F';
	case EEXIST:
		return 'X';
	default:
		return result < 0 ? '?' : '.';
	}
}

static void try_pages(const struct row *row, size_t number)
{
	char found[PAGES + 1] = "", *pages;

	memset(found, ' ', PAGES);
	for (int i = tries[number].from; i < PAGES; i++) {
		if (tries[number].from && row->pages[i - 1] == '-')
			continue; /* nothing to begin with: EFAULT, or EPERM for what follows */
		pages = pages_new(row);

		spare = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			     -1, 0);
		if (spare == MAP_FAILED)
			broken("spare");
		seal(row, pages);
		found[i] = letter(tries[number].call(pages + i * (int)PAGE));
	}
	printf("  %-14s %s\n", tries[number].name, found);
}

/* What a call over all eight pages comes to: a page that it may not touch keeps all of them. */
static void try_whole(const struct row *row)
{
	char *pages = pages_new(row), left[PAGES + 1] = "";
	unsigned char in;
	long result;

	seal(row, pages);
	result = way_call(trying, SYS_munmap, (long)pages, ALL, 0, 0, 0);
	for (int i = 0; i < PAGES; i++)
		left[i] = mincore(pages + i * (int)PAGE, PAGE, &in) ? '-' : 'm';
	printf("  %-14s %s, left %s\n", "munmap all", errno_name(result), left);
	if (strchr(row->pages, '-'))
		return; /* up to a gap, mprotect does what it can */
	pages = pages_new(row);
	seal(row, pages);
	result = way_call(trying, SYS_mprotect, (long)pages, ALL, PROT_NONE, 0, 0);
	printf("  %-14s %s\n", "mprotect all", errno_name(result));
}

int main(int argc, char **argv)
{
	if (argc != 3 || way_named(argv[1], &sealing) || way_named(argv[2], &trying))
		return 98;
	file = memfd_create("pages", MFD_CLOEXEC);
	if (file < 0 || ftruncate(file, PAGE))
		broken("a file");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		printf("%s: %s\n", rows[i].name, errno_name(seal(&rows[i], pages_new(&rows[i]))));
		for (size_t j = 0; j < sizeof(tries) / sizeof(tries[0]); j++)
			try_pages(&rows[i], j);
		try_whole(&rows[i]);
	}
	return 0;
}
