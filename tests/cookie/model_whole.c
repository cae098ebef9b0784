/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * The model as a whole held against the library, against the kernel's own list of mappings, and
 * against what a fork child finds. Dear, so it is done now and then.
 */

static bool same(const struct cm_stat *a, const struct cm_stat *b)
{
	return a->offset == b->offset && a->len == b->len && a->region_len == b->region_len &&
	       a->prot == b->prot && a->max == b->max && a->flags == b->flags &&
	       a->inherit == b->inherit && a->seals == b->seals && a->kind == b->kind &&
	       a->perms == b->perms && a->ops == b->ops &&
	       !memcmp(a->zero, b->zero, sizeof a->zero);
}

static void print_stat(const char *who, const struct cm_stat *s)
{
	printf("# %s: offset %#zx len %#zx of %#zx, prot %d max %d flags %#x inherit %d seals %#x "
	       "kind %d perms %d ops %#x resident %zd dirty %zd\n",
	       who, s->offset, s->len, s->region_len, s->prot, s->max, (unsigned)s->flags,
	       s->inherit, (unsigned)s->seals, s->kind, s->perms, s->ops, (ssize_t)s->resident,
	       (ssize_t)s->dirty);
}

/* Pages that were stored to are there, private ones are the process's own; more cannot be. */
static bool counts_right(const struct mregion *r, const struct cm_stat *s)
{
	size_t first = s->offset / PAGE, n = s->len / PAGE, least = 0;

	for (size_t i = first; i < first + n; i++)
		least += r->page[i].resident;
	if (s->resident == CM_STAT_UNKNOWN || s->resident > n || s->resident < least)
		return false;
	if (s->dirty == CM_STAT_UNKNOWN)
		return true;
	return s->dirty <= n && (r->page[first].shared || s->dirty >= least);
}

/* One piece: cmstat() tells what the model knows. Return: whether there was one. */
static bool hold_piece(const struct mregion *r, size_t index)
{
	bool counts = chance(10);
	size_t which = counts ? index | CM_STAT_RESIDENT : index;
	struct cm_stat model, library;
	int wanted = ref_stat(r, index, &model);
	int got = cmstat(r->cookie, which, &library) ? errno : 0;

	if (wanted != got)
		disagree("cmstat(%#llx, %zu): %s, not %s", (unsigned long long)r->cookie, index,
			 error_name(got), error_name(wanted));
	if (got)
		return false;
	if (same(&model, &library) &&
	    (counts ? counts_right(r, &library)
		    : library.resident == CM_STAT_UNKNOWN && library.dirty == CM_STAT_UNKNOWN))
		return true;
	print_stat("model", &model);
	print_stat("library", &library);
	disagree("cmstat(%#llx, %zu) tells something else", (unsigned long long)r->cookie, index);
}

/* All of a region's pieces. */
void whole_pieces(const struct mregion *r)
{
	if (r->ops & CM_OP_STAT)
		for (size_t i = 0; hold_piece(r, i); i++)
			;
}

/* One page as /proc/self/maps writes it. */
static void hold_rights(const struct mregion *r, size_t i, const char rights[4])
{
	const struct page *p = &r->page[i];
	const char wanted[4] = {
		p->prot & PROT_READ ? 'r' : '-',
		p->prot & PROT_WRITE ? 'w' : '-',
		p->prot & PROT_EXEC ? 'x' : '-',
		p->shared ? 's' : 'p',
	};

	if (memcmp(wanted, rights, 4))
		disagree("page %zu of %#llx is %.4s, not %.4s", i, (unsigned long long)r->cookie,
			 rights, wanted);
}

static size_t hold_mapping(const struct mregion *r, uint64_t start, uint64_t end,
			   const char *rights)
{
	uint64_t at = (uint64_t)r->start, to = at + r->n_pages * PAGE,
		 from = start > at ? start : at;

	to = end < to ? end : to;
	for (uint64_t page = from; page < to; page += PAGE)
		hold_rights(r, (page - at) / PAGE, rights);
	return from < to ? (to - from) / PAGE : 0;
}

/* The kernel has mapped what the model says. */
void whole_kernel(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	size_t n[MOST_LIVE] = {0};
	unsigned long start, end;
	char rights[8], line[512];

	if (!maps)
		exit(2);
	while (fgets(line, sizeof line, maps)) {
		if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) != 3)
			continue;
		for (unsigned i = 0; i < MOST_LIVE; i++)
			n[i] += live[i] ? hold_mapping(live[i], start, end, rights) : 0;
	}
	fclose(maps);
	for (unsigned i = 0; i < MOST_LIVE; i++)
		if (live[i] && n[i] != live[i]->n_pages)
			disagree("of %#llx, %zu pages are mapped",
				 (unsigned long long)live[i]->cookie, n[i]);
}

/* In the child: the model becomes what is left of it. */
static void become_child(struct mregion *r)
{
	for (size_t i = 0; i < r->n_pages; i++) {
		struct page *p = &r->page[i];

		p->resident = false; /* page tables need not be copied */
		if (p->inherit != CM_INHERIT_ZERO)
			continue;
		p->unsure = false;
		p->stamp = 0;
	}
}

static void hold_child(struct mregion *r)
{
	uint64_t at[MOST_PLACES];
	void *p;

	if (r->no_fork) {
		if (cmgetptr(r->cookie, &p) != -1 || errno != EBADF)
			disagree("the cookie %#llx was inherited", (unsigned long long)r->cookie);
		for (unsigned n = live_places(r, at); n--;)
			look_gone((void *)at[n], r->n_pages * PAGE);
		return;
	}
	become_child(r);
	for (size_t i = 0; i < r->n_pages && i < 64; i++) {
		look_page(r, i);
		look_views(r, i);
	}
	whole_pieces(r);
}

/* A child has the regions that it is to have, and can open one of its own. */
static _Noreturn void child(void)
{
	cm_t cookie;

	if (cmmmap(0, PAGE, PROT_READ, 0, -1, 0, &cookie))
		disagree("in the child: cmmmap: %s", error_name(errno));
	for (unsigned i = 0; i < MOST_LIVE; i++) {
		if (live[i] && live[i]->cookie == cookie)
			disagree("a child's cookie is one of its parent's");
		if (live[i])
			hold_child(live[i]);
	}
	if (cmclose(cookie, CM_CLOSE_UNMAP))
		disagree("in the child: cmclose: %s", error_name(errno));
	_exit(0);
}

void whole_fork(void)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		child();
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("a child");
		exit(2);
	}
	if (status)
		disagree("in the child, which ended with status %#x", (unsigned)status);
}
