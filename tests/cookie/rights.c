/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/calls.h"
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * usage: rights [code]
 *
 * What a cookie may be used for: each operation by its right and by no other, rights that only ever
 * become fewer, and memory that really has the rights that cmstat(3) tells.
 */

static uint64_t state = 0x243f6a8885a308d3;

static uint64_t draw(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % below;
}

/* The call on a fresh region whose cookie has kept `ops`. */
static int with_ops(const struct call *f, cm_ops_t ops)
{
	cm_t c = region_new(CALL_BYTES, RW, 0);

	if (cmrestrict(c, ops, NULL))
		claims_broken("cmrestrict");
	errno = 0;
	return f->make(c) ? errno : 0;
}

static void each_by_its_right(void)
{
	unsigned known = 0;

	for (size_t i = 0; i < n_calls; i++) {
		const struct call *f = &calls[i];
		unsigned n_right = 0;

		known |= f->op;
		for (unsigned bit = 0; bit < 32; bit++) {
			int expected = !f->op || f->op == 1u << bit ? 0 : EPERM;

			n_right += with_ops(f, 1u << bit) == expected;
		}
		claim(n_right == 32, "%s works by its right and by none of the others",
		      f->function);
		claim(with_ops(f, CM_OP_ALL) == 0, "%s works with all", f->function);
		claim(with_ops(f, 0) == (f->op ? EPERM : 0), "%s %s with none", f->function,
		      f->op ? "fails" : "works");
		claim(with_ops(f, ~f->op) == (f->op ? EPERM : 0), "%s %s with the others",
		      f->function, f->op ? "fails" : "works");
	}
	claim(known == CM_OP_ALL, "every right is some function's");
}

/* Rights of an operation say nothing about others on the same region. */
static void not_of_the_memory(void)
{
	cm_t c = region_new(CALL_BYTES, RW, 0);
	unsigned char *at = region_at(c);

	if (cmrestrict(c, 0, NULL))
		claims_broken("cmrestrict");
	claim(look_writes(at) && look_reads(at), "memory stays as it is when all rights are gone");
	at[0] = 7;
	claim(at[0] == 7, "and keeps what is written");
}

static void ops_only_narrow(void)
{
	unsigned n_wrong = 0, n_steps = 0;

	for (unsigned n = 0; n < 200; n++) {
		cm_t c = region_new(PAGE, RW, 0);
		cm_ops_t model = CM_OP_ALL, old = 0;

		for (unsigned k = 0; k < 12; k++, n_steps++) {
			cm_ops_t ops = (cm_ops_t)(draw(1ul << 32) | draw(1ul << 32));
			cm_ops_t before = model;
			struct cm_stat st;
			int stat;

			n_wrong += cmrestrict(c, ops, &old) || old != before;
			model &= ops;
			stat = cmstat(c, 0, &st);
			n_wrong += model & CM_OP_STAT ? stat || st.ops != model : !stat;
		}
	}
	claim(!n_wrong, "%u calls of cmrestrict only take away, and cmstat agrees", n_steps);
}

static void perms_only_narrow(void)
{
	unsigned n_wrong = 0, n_steps = 0;

	for (unsigned n = 0; n < 200; n++) {
		int max = (int)draw(8), prot = max & RW;
		struct cm_stat st = {0};
		cm_perm_t model, old;
		struct cmreq r;
		cm_t c;

		CMREQ_INIT(&r, PAGE, prot);
		CMREQ_SETMAX(&r, max);
		CMREQ_SETFLAGS(&r, MAP_PRIVATE);
		if (cmmmapreq(&r, &c))
			claims_broken("cmmmapreq");
		model = max;
		for (unsigned k = 0; k < 6; k++, n_steps++) {
			cm_perm_t perms = (cm_perm_t)(draw(8) | draw(8));

			n_wrong += cmandperm(c, perms, &old) || old != model;
			model &= perms;
			n_wrong += cmstat(c, 0, &st) || st.perms != model || st.max != max;
		}
	}
	claim(!n_wrong, "%u calls of cmandperm only take away, and cmstat agrees", n_steps);
}

/* What cmandperm() leaves is what cmgetcap() gives: each of the rights by each mask. */
static void perms_hold(void)
{
	static const int asked[] = {R, PROT_WRITE, RW};
	unsigned n_wrong = 0;

	for (int mask = 0; mask < 4; mask++)
		for (size_t i = 0; i < COUNT(asked); i++) {
			cm_t c = region_new(PAGE, RW | PROT_MAX(RW), CM_ALIAS);
			bool may = !(asked[i] & ~mask);
			void *p;

			if (cmandperm(c, mask, NULL))
				claims_broken("cmandperm");
			errno = 0;
			n_wrong += cmgetcap(c, &p, asked[i]) ? may || errno != EACCES : !may;
		}
	claim(!n_wrong, "cmgetcap gives what cmandperm has left, and no more");
}

#define N_PAGES 16

/* What each page should be. */
struct page {
	bool mapped;
	int prot, max;
};

static bool with_code; /* memory that can be executed, too: where no policy is against it */

static int draw_prot(void)
{
	static const int prots[] = {PROT_NONE, R, RW, PROT_WRITE, RX};

	return prots[draw(with_code ? COUNT(prots) : COUNT(prots) - 1)];
}

/* A random change, and what it makes of the model. Return: whether the answer was right. */
static bool change(cm_t c, struct page *pages)
{
	size_t at = draw(N_PAGES), n = 1 + draw(N_PAGES - at);
	int prot = draw_prot(), max = draw(2) ? RWX : prot | (int)draw(4), expected = 0, r;
	unsigned what = (unsigned)draw(3);
	struct page now = {true, prot, max};

	for (size_t i = at; what == 1 && i < at + n; i++)
		if (!pages[i].mapped)
			expected = ENOMEM;
	for (size_t i = at; what == 1 && !expected && i < at + n; i++)
		if (prot & ~pages[i].max)
			expected = EACCES;
	errno = 0;
	if (what == 0) {
		r = cmsubmap(c, at * PAGE, n * PAGE, prot | PROT_MAX(max), 0, -1, 0);
		now.max = max ? max : RWX;
	} else if (what == 1) {
		r = cmprotect(c, at * PAGE, n * PAGE, prot);
	} else {
		r = cmunmap(c, at * PAGE, n * PAGE);
		now = (struct page){false, 0, RWX};
	}
	for (size_t i = at; !expected && i < at + n; i++) {
		int kept = pages[i].max;

		pages[i] = now;
		if (what == 1)
			pages[i].max = kept;
	}
	return (r ? errno : 0) == expected;
}

/* cmstat() tells all pages, in order, each piece as large as it can be. */
static bool stat_agrees(cm_t c, const struct page *pages)
{
	struct cm_stat st, before = {0};
	size_t at = 0, i = 0;

	for (; !cmstat(c, i, &st); before = st, i++) {
		if (st.offset != at * PAGE || st.region_len != N_PAGES * PAGE || !st.len ||
		    st.len % PAGE)
			return false;
		if (i && before.kind == st.kind && before.prot == st.prot && before.max == st.max)
			return false;
		for (size_t end = at + st.len / PAGE; at < end; at++)
			if (pages[at].mapped != (st.kind == CM_KIND_ANON) ||
			    pages[at].prot != st.prot || pages[at].max != st.max)
				return false;
	}
	return errno == ENOENT && at == N_PAGES;
}

static bool memory_agrees(unsigned char *at, const struct page *pages)
{
	for (size_t i = 0; i < N_PAGES; i++) {
		unsigned char *p = at + i * PAGE;
		bool writes = pages[i].prot & PROT_WRITE;
		struct look l;

		if (look_reads(p) != !!pages[i].prot || look_writes(p) != writes)
			return false;
		if (!look_maps((uintptr_t)p, &l) || l.prot != pages[i].prot || l.shared)
			return false;
	}
	return true;
}

static void memory_is_what_is_told(void)
{
	unsigned n_wrong = 0, n_stat = 0, n_memory = 0;

	for (unsigned n = 0; n < 20; n++) {
		cm_t c = region_new(N_PAGES * PAGE, RW, n % 2 ? CM_RESERVE : 0);
		unsigned char *at = region_at(c);
		struct page pages[N_PAGES];

		for (size_t i = 0; i < N_PAGES; i++)
			pages[i] =
				n % 2 ? (struct page){false, 0, RWX} : (struct page){true, RW, RWX};
		for (unsigned k = 0; k < 40; k++) {
			n_wrong += !change(c, pages);
			n_stat += !stat_agrees(c, pages);
			n_memory += k % 8 == 0 && !memory_agrees(at, pages);
		}
		if (cmclose(c, CM_CLOSE_UNMAP))
			claims_broken("cmclose");
	}
	claim(!n_wrong, "800 random changes are answered as they should be");
	claim(!n_stat, "cmstat tells the memory piece by piece after each");
	claim(!n_memory, "and that is what the memory is, by touching it and by /proc");
}

/* The looks can see what is not there. */
static void twin(void)
{
	cm_t c = region_new(N_PAGES * PAGE, RW, 0);
	struct page pages[N_PAGES];

	for (size_t i = 0; i < N_PAGES; i++)
		pages[i] = (struct page){true, RW, RWX};
	claim(stat_agrees(c, pages) && memory_agrees(region_at(c), pages),
	      "they agree on a region");
	if (cmprotect(c, 5 * PAGE, PAGE, R))
		claims_broken("cmprotect");
	claim(!stat_agrees(c, pages), "and cmstat is seen not to, one page changed");
	claim(!memory_agrees(region_at(c), pages), "and neither memory");
}

int main(int argc, char **argv)
{
	with_code = argc == 2 && !strcmp(argv[1], "code");
	each_by_its_right();
	not_of_the_memory();
	ops_only_narrow();
	perms_only_narrow();
	perms_hold();
	memory_is_what_is_told();
	twin();
	return claims_end();
}
