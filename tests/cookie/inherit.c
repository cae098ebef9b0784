/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/cookie/calls.h"
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * What a fork child gets of a region, cminherit(3): its content, its cookie, and whether it is the
 * same memory. Each child looks, writes, and ends with what it has found; then the parent looks.
 */

#define N   4ul
#define LEN (N * PAGE)

/* What a child finds of each page, and the parent afterwards. */
enum found { SAME, ZEROES, FAULTS, OTHER };

struct child {
	cm_t c;
	unsigned char *at;
	enum found *found; /* N of them, shared */
	int *stat_error;
};

static enum found page_of(unsigned char *page, unsigned char byte)
{
	if (!look_reads(page))
		return FAULTS;
	return *page == byte ? SAME : *page ? OTHER : ZEROES;
}

static int look_and_write(void *with)
{
	struct child *child = with;
	struct cm_stat st;

	*child->stat_error = cmstat(child->c, 0, &st) ? errno : 0;
	for (size_t i = 0; i < N; i++) {
		unsigned char *page = child->at + i * PAGE;

		child->found[i] = page_of(page, (unsigned char)('a' + i));
		if (look_writes(page))
			*page = 'Z';
	}
	return 0;
}

/* Fills the region, and has a child look at it. Return: what cmstat() said there, or 0. */
static int fork_of(cm_t c, enum found found[N])
{
	static struct {
		enum found found[N];
		int error;
	} * shared;
	struct child child = {.c = c, .at = region_at(c)};

	if (!shared)
		shared = shared_new(sizeof(*shared));
	memset(shared, 0x55, sizeof(*shared));
	child.found = shared->found;
	child.stat_error = &shared->error;
	for (size_t i = 0; i < N; i++)
		if (look_writes(child.at + i * PAGE))
			memset(child.at + i * PAGE, 'a' + (int)i, PAGE);
	if (child_run(look_and_write, &child))
		claims_broken("a child");
	memcpy(found, shared->found, sizeof(shared->found));
	return shared->error;
}

static bool all_are(const enum found found[N], enum found what)
{
	for (size_t i = 0; i < N; i++)
		if (found[i] != what)
			return false;
	return true;
}

/* Whether the parent's memory has what it has written, or what the child has. */
static bool has_all(cm_t c, bool of_child)
{
	unsigned char *at = region_at(c);

	for (size_t i = 0; i < N; i++)
		if (at[i * PAGE] != (of_child ? 'Z' : 'a' + i))
			return false;
	return true;
}

static int inherit_of(cm_t c, size_t index)
{
	struct cm_stat st;

	return cmstat(c, index, &st) ? -1 : st.inherit;
}

static void copied(void)
{
	cm_t c = region_new(LEN, RW, 0);
	enum found found[N];

	claim(inherit_of(c, 0) == CM_INHERIT_COPY, "COPY is what holds for private memory");
	claim(!fork_of(c, found) && all_are(found, SAME),
	      "the child has the cookie and the content");
	claim(has_all(c, false), "and what it writes is its own");
	claim(!cminherit(c, 0, LEN, CM_INHERIT_ZERO) && !cminherit(c, 0, LEN, CM_INHERIT_COPY) &&
		      !fork_of(c, found) && all_are(found, SAME) && has_all(c, false),
	      "ZERO and COPY again: the same");
}

static void shared(void)
{
	cm_t c = region_new(LEN, RW, MAP_SHARED), alias = region_new(LEN, RW, CM_ALIAS);
	enum found found[N];

	claim(inherit_of(c, 0) == CM_INHERIT_SHARE, "SHARE is what holds for shared memory");
	claim(!fork_of(c, found) && all_are(found, SAME),
	      "the child has the cookie and the content");
	claim(has_all(c, true), "and what it writes is both's");
	claim(!fork_of(alias, found) && all_are(found, SAME) && has_all(alias, true),
	      "so it is with memory of CM_ALIAS");
	claim(!cminherit(c, 0, LEN, CM_INHERIT_SHARE) && !fork_of(c, found) && has_all(c, true),
	      "SHARE said: the same");
}

static void zeroed(void)
{
	cm_t c = region_new(LEN, RW, 0);
	enum found found[N];

	claim(!cminherit(c, 0, LEN, CM_INHERIT_ZERO) && inherit_of(c, 0) == CM_INHERIT_ZERO,
	      "ZERO of all");
	claim(!fork_of(c, found) && all_are(found, ZEROES), "the child has the cookie, and zeroes");
	claim(has_all(c, false), "the parent keeps its content");
	claim(!cminherit(c, 0, LEN, CM_INHERIT_COPY), "COPY of all");
	claim(!cminherit(c, PAGE, 2 * PAGE, CM_INHERIT_ZERO) &&
		      inherit_of(c, 0) == CM_INHERIT_COPY && inherit_of(c, 1) == CM_INHERIT_ZERO &&
		      inherit_of(c, 2) == CM_INHERIT_COPY,
	      "ZERO of the middle");
	claim(!fork_of(c, found) && found[0] == SAME && found[1] == ZEROES && found[2] == ZEROES &&
		      found[3] == SAME,
	      "the child has zeroes there, and the rest");
}

static int zeroed_again(void *with)
{
	cm_t c = *(cm_t *)with;
	enum found found[N];

	return !fork_of(c, found) && all_are(found, ZEROES) ? 1 : 0;
}

static void kept_away(void)
{
	cm_t c = region_new(LEN, RW, 0), reserved = region_new(LEN, RW, CM_RESERVE);
	cm_t parts = region_new(LEN, RW, 0), share = region_new(LEN, RW, MAP_SHARED);
	enum found found[N];

	claim(!cminherit(c, 0, LEN, CM_INHERIT_NONE) && inherit_of(c, 0) == CM_INHERIT_NONE,
	      "NONE");
	claim(fork_of(c, found) == EBADF && all_are(found, FAULTS),
	      "the child has neither cookie nor memory");
	claim(has_all(c, false) && inherit_of(c, 0) == CM_INHERIT_NONE, "the parent has both");
	claim(!cminherit(share, 0, LEN, CM_INHERIT_NONE) && fork_of(share, found) == EBADF &&
		      all_are(found, FAULTS) && has_all(share, false),
	      "so it is with shared memory");
	claim(!cminherit(reserved, 0, LEN, CM_INHERIT_NONE) && fork_of(reserved, found) == EBADF &&
		      all_are(found, FAULTS),
	      "and a reservation");
	claim(!cmsubmap(reserved, PAGE, PAGE, RW, 0, -1, 0) && fork_of(reserved, found) == EBADF &&
		      all_are(found, FAULTS),
	      "and what is mapped into it later");
	claim(!cmunmap(parts, PAGE, PAGE) && !cminherit(parts, 0, LEN, CM_INHERIT_NONE) &&
		      fork_of(parts, found) == EBADF && all_are(found, FAULTS),
	      "and a region with a hole");
	claim(!cminherit(c, 0, LEN, CM_INHERIT_COPY) && !fork_of(c, found) &&
		      all_are(found, SAME) && has_all(c, false),
	      "COPY again: all is there");
}

/* What a child that lacks a region opens in its slot is not the parent's cookie. */
static int open_another(void *with)
{
	cm_t c = *(cm_t *)with, n = 0;

	for (unsigned i = 0; i < 8; i++) {
		n = region_new(PAGE, RW, 0);
		if (n == c)
			return 1;
	}
	for (size_t i = 0; i < n_calls; i++)
		if (calls[i].make(c) != -1 || errno != EBADF)
			return 2;
	return cmclose(n, CM_CLOSE_UNMAP) ? 3 : 0;
}

static void never_given_out_again(void)
{
	cm_t c = region_new(PAGE, RW, 0);

	if (cminherit(c, 0, PAGE, CM_INHERIT_NONE))
		claims_broken("cminherit");
	claim(!child_run(open_another, &c), "what the child opens instead are other cookies");
	claim(!cmstat(c, 0, &outs.stat), "and the parent's lives");
}

/* A child of _Fork() has not been told; its first call sees to it. */
static int by_Fork(void *with)
{
	cm_t c = *(cm_t *)with;
	pid_t pid = _Fork();
	void *p;

	if (pid)
		return child_end(pid);
	if (cmgetptr(c, &p) != -1 || errno != EBADF)
		_exit(1);
	if (cmmmap(0, PAGE, RW, 0, -1, 0, &c))
		_exit(2);
	_exit(0);
}

/* Views go with their region. */
static int has_view(void *with)
{
	return look_reads(*(unsigned char **)with);
}

static void views(void)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	void *view, *late;

	if (cmgetcap(c, &view, R))
		claims_broken("cmgetcap");
	claim(child_run(has_view, &view) == 1, "a child has the views of a region");
	claim(!cminherit(c, 0, LEN, CM_INHERIT_NONE) && child_run(has_view, &view) == 0,
	      "and not those of one that it does not get");
	claim(!cmgetcap(c, &late, PROT_WRITE) && late != view && child_run(has_view, &late) == 0,
	      "nor one that is made after that");
	claim(!cminherit(c, 0, LEN, CM_INHERIT_SHARE) && child_run(has_view, &view) == 1,
	      "and again has them");
}

int main(void)
{
	cm_t c;

	copied();
	shared();
	zeroed();
	c = region_new(LEN, RW, 0);
	claim(!cminherit(c, 0, LEN, CM_INHERIT_ZERO) && child_run(zeroed_again, &c) == 1,
	      "ZERO holds for the child's children");
	kept_away();
	never_given_out_again();
	c = region_new(PAGE, RW, 0);
	claim(!cminherit(c, 0, PAGE, CM_INHERIT_NONE) && !child_run(by_Fork, &c),
	      "a child of _Fork does not get it either");
	views();
	return claims_end();
}
