/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * A process that has as many mappings as the kernel gives it (vm.max_map_count), or a few less:
 * what is refused then changes nothing, views included, and what is done is done everywhere.
 * Nothing that allocates may be called while there are so many.
 */

#define PAGES (8ul << 20) /* of address space to be cut into pieces */
#define SPARE 64          /* mappings for what has to work */
#define MOST  6           /* no call takes more than that */
#define LEN   (4 * PAGE)

static char *pieces;
static size_t n_cut; /* every other page of it is a mapping, which makes two more */
static char *odd;    /* two pages that are one mapping or two */
static bool odd_is_cut;

/* Until the kernel gives no further one. */
static void cut(void)
{
	while (!mprotect(pieces + n_cut * PAGE, PAGE, R)) {
		n_cut += 2;
		if (n_cut >= PAGES)
			claims_broken("vm.max_map_count is too large for this test");
	}
	if (!odd_is_cut)
		odd_is_cut = !mprotect(odd, PAGE, R);
}

static void set(char *page, int prot)
{
	if (mprotect(page, PAGE, prot))
		claims_broken("mprotect");
}

/* Makes room for so many mappings. */
static void spare(unsigned n)
{
	bool one = n % 2;

	for (n += one && !odd_is_cut; n > 1; n -= 2) {
		n_cut -= 2;
		set(pieces + n_cut * PAGE, PROT_NONE);
	}
	if (one) {
		set(odd, odd_is_cut ? PROT_NONE : R);
		odd_is_cut = !odd_is_cut;
	}
}

static char *nothing(size_t len)
{
	void *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		claims_broken("mmap");
	return p;
}

static bool is_all(const unsigned char *at, unsigned char byte)
{
	for (size_t i = 0; i < LEN; i += PAGE)
		if (!look_reads(at + i) || at[i] != byte)
			return false;
	return true;
}

static unsigned char *view_of(cm_t c)
{
	void *p;

	if (cmgetcap(c, &p, R))
		claims_broken("cmgetcap");
	return p;
}

static bool is_one_piece(cm_t c)
{
	struct cm_stat st;

	return !cmstat(c, 0, &st) && st.len == LEN && st.prot == RW;
}

static bool is_gone(const unsigned char *at)
{
	return look_reads(at) && !look_reads(at + PAGE) && look_reads(at + 2 * PAGE);
}

/* A part of a region with a view. Return: what there is of it fits the answer. */
static bool part(unsigned room, bool *donep)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	unsigned char *at = region_at(c), *view;
	int r, error;
	bool good;

	region_fill(c, LEN, 'a');
	view = view_of(c);
	cut();
	spare(room);
	r = cmunmap(c, PAGE, PAGE);
	error = errno;
	good = r ? error == ENOMEM && is_all(at, 'a') && is_all(view, 'a') && is_one_piece(c)
		 : is_gone(at) && is_gone(view);
	*donep = !r;
	spare(SPARE);
	return good && !cmclose(c, CM_CLOSE_UNMAP);
}

/* A region whose neighbours are one mapping with it, for the kernel. Return: likewise. */
static bool whole(unsigned room, int fd, bool *donep)
{
	unsigned char *at, *view;
	int r, error;
	cm_t c[3];
	bool good;

	for (int i = 0; i < 3; i++)
		if (cmmmap(0, LEN, RW, MAP_SHARED, fd, i * LEN, &c[i]))
			claims_broken("cmmmap");
	at = region_at(c[1]);
	memset(at, 'w', LEN);
	view = view_of(c[1]);
	cut();
	spare(room);
	r = cmclose(c[1], CM_CLOSE_UNMAP);
	error = errno;
	good = r ? error == ENOMEM && is_all(at, 'w') && is_all(view, 'w') && is_one_piece(c[1])
		 : !look_reads(at) && !look_reads(view);
	*donep = !r;
	spare(SPARE);
	for (int i = 0; i < 3; i++)
		good &= (i == 1 && !r) || !cmclose(c[i], CM_CLOSE_UNMAP);
	return good;
}

int main(void)
{
	unsigned n_parts = 0, n_wholes = 0, n_part_done = 0, n_whole_done = 0;
	int fd = file_new(12);
	bool done;

	odd = nothing(4 * PAGE) + PAGE; /* a page before it, and one behind, are gone */
	if (munmap(odd - PAGE, PAGE) || munmap(odd + 2 * PAGE, PAGE))
		claims_broken("munmap");
	pieces = nothing(PAGES * PAGE);
	look_reads(pieces);                 /* its handlers */
	claim(n_cut == 0, "the beginning"); /* and stdio's buffer */
	cut();
	spare(SPARE);
	for (unsigned room = 0; room <= MOST; room++) {
		n_parts += part(room, &done);
		n_part_done += done;
		n_wholes += whole(room, fd, &done);
		n_whole_done += done;
	}
	claim(n_parts == MOST + 1, "cmunmap of a part, at the limit: all views of it, or nothing");
	claim(n_part_done && n_part_done <= MOST, "it comes to both");
	claim(n_wholes == MOST + 1, "cmclose likewise");
	claim(n_whole_done && n_whole_done <= MOST, "it comes to both");
	return claims_end();
}
