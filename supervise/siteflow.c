/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/siteflow.h"

#include <errno.h>
#include <stdlib.h>

/*
 * The number in eax at each system call of a function: the one constant that all paths from the
 * function's start leave there, or none. A small forward analysis; a value is none yet (no path
 * comes here), a constant, or unknown, and only ever goes up in that order, so that every
 * instruction is looked at three times at most.
 *
 * Unknown are: what a function begins with, what a call or a system call returns, what is loaded or
 * computed, what stands behind bytes that cannot be decoded, and what comes with a branch from
 * elsewhere in the object (with a distance of 32 bits; compilers make no shorter one between
 * functions). Behind a branch to the inside of an instruction there are two readings of the same
 * bytes: for N_SKEWED instructions, after which they have fallen in, all is unknown. One behind a
 * lock prefix, as libcs have them, counts as one to the prefix.
 *
 * An indirect jump goes to places in its function that nobody tells. There one may come to any
 * instruction, so a constant holds for the next instruction only: `mov $nr,%eax; syscall` is
 * certain still, since a label between the two has no use in a table.
 *
 * In a stretch that no function is known of, functions may begin after whatever does not go on, and
 * where something calls, one ends and one begins.
 */

#define N_SKEWED 32

enum level { NONE_YET, CONSTANT, UNKNOWN };

struct value {
	uint8_t level; /* enum level */
	uint32_t number;
};

/* A branch with a distance of 32 bits, as its bytes may be read. */
struct branch {
	uint64_t from_offset;
	uint64_t target;
	bool is_call;
};

struct siteflow {
	const struct sweep *sweep;
	struct branch *branches; /* by target */
	size_t n_branches;
	size_t n_branches_room;
	struct instruction *insns; /* of the range that is looked at */
	struct value *in;          /* what eax is before each */
	size_t *waiting;           /* those whose value went up; each is twice there at most */
	size_t n_insns;
	size_t n_room;
	size_t n_waiting;
	bool failed; /* no memory for branches */
};

static void take_branch(void *context, uint64_t from_offset, uint64_t target)
{
	struct siteflow *f = context;
	struct branch *more;

	if (f->n_branches == f->n_branches_room) {
		size_t n = f->n_branches_room ? 2 * f->n_branches_room : 4096;

		more = f->failed ? NULL : realloc(f->branches, n * sizeof(*more));
		if (!more) {
			f->failed = true;
			return;
		}
		f->branches = more;
		f->n_branches_room = n;
	}
	f->branches[f->n_branches++] =
		(struct branch){from_offset, target, f->sweep->elf->data[from_offset] == 0xe8};
}

static int by_target(const void *a, const void *b)
{
	const struct branch *x = a, *y = b;

	return x->target < y->target ? -1 : x->target > y->target;
}

/* Takes an object's functions and branches; `s` must stay. Return: NULL without memory. */
struct siteflow *siteflow_new(const struct sweep *s)
{
	struct siteflow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->sweep = s;
	sweep_branches(s->elf, take_branch, f);
	if (f->failed)
		return siteflow_free(f);
	if (f->n_branches)
		qsort(f->branches, f->n_branches, sizeof(*f->branches), by_target);
	return f;
}

/* Takes NULL. Return: NULL. */
struct siteflow *siteflow_free(struct siteflow *f)
{
	if (f) {
		free(f->branches);
		free(f->insns);
		free(f->in);
		free(f->waiting);
		free(f);
	}
	return NULL;
}

static int make_room(struct siteflow *f)
{
	size_t n = f->n_room ? 2 * f->n_room : 1024;
	struct instruction *insns = realloc(f->insns, n * sizeof(*insns));
	struct value *in;
	size_t *waiting;

	if (!insns)
		return -ENOMEM;
	f->insns = insns;
	in = realloc(f->in, n * sizeof(*in));
	if (!in)
		return -ENOMEM;
	f->in = in;
	waiting = realloc(f->waiting, 2 * n * sizeof(*waiting));
	if (!waiting)
		return -ENOMEM;
	f->waiting = waiting;
	f->n_room = n;
	return 0;
}

static int disassemble(struct siteflow *f, const struct elf_range *r)
{
	const uint8_t *code = f->sweep->elf->data + r->offset;

	f->n_insns = f->n_waiting = 0;
	for (uint64_t at = 0; at < r->size; at += f->insns[f->n_insns++].size) {
		if (f->n_insns == f->n_room && make_room(f) < 0)
			return -ENOMEM;
		disasm_next(f->sweep->disasm, code + at, r->size - at, r->addr + at,
			    f->insns + f->n_insns);
		f->in[f->n_insns] = (struct value){NONE_YET, 0};
	}
	return 0;
}

/* What comes to an instruction on one path. */
static void join(struct siteflow *f, size_t i, struct value v)
{
	struct value *in = f->in + i;

	if (in->level == UNKNOWN || v.level == NONE_YET ||
	    (in->level == v.level && in->number == v.number))
		return;
	*in = in->level == NONE_YET ? v : (struct value){UNKNOWN, 0};
	f->waiting[f->n_waiting++] = i;
}

static void join_unknown(struct siteflow *f, size_t i)
{
	join(f, i, (struct value){UNKNOWN, 0});
}

/* The last instruction that begins at or before an address in the range. */
static size_t index_of(const struct siteflow *f, uint64_t addr)
{
	size_t low = 0, high = f->n_insns;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->insns[middle].addr <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low - 1;
}

static void join_target(struct siteflow *f, const struct elf_range *r, uint64_t target,
			struct value v)
{
	uint64_t at = target - r->addr, start;
	size_t i;

	if (at >= r->size)
		return;
	i = index_of(f, target);
	start = f->insns[i].addr - r->addr;
	if (start == at || (start + 1 == at && f->sweep->elf->data[r->offset + start] == 0xf0))
		join(f, i, v);
	else
		for (size_t end = i + N_SKEWED; i < f->n_insns && i < end; i++)
			join_unknown(f, i);
}

static bool goes_on(const struct instruction *insn)
{
	return insn->kind != DISASM_JUMP && insn->kind != DISASM_JUMP_INDIRECT &&
	       insn->kind != DISASM_STOP;
}

static struct value value_after(const struct instruction *insn, struct value in)
{
	switch (insn->kind) {
	case DISASM_OTHER:
	case DISASM_BRANCH:
		return in;
	case DISASM_CONST:
		return (struct value){CONSTANT, (uint32_t)insn->value};
	default:
		return (struct value){UNKNOWN, 0};
	}
}

/* Passes on what comes out of an instruction. */
static void step(struct siteflow *f, const struct elf_range *r, size_t i)
{
	const struct instruction *insn = f->insns + i;
	struct value v = f->in[i];

	if (insn->kind == DISASM_JUMP || insn->kind == DISASM_BRANCH)
		join_target(f, r, insn->value, v);
	else if (insn->kind == DISASM_CALL)
		join_target(f, r, insn->value, (struct value){UNKNOWN, 0});
	if (goes_on(insn) && i + 1 < f->n_insns)
		join(f, i + 1, value_after(insn, v));
}

/* The first branch into a range or behind it. */
static size_t first_branch(const struct siteflow *f, const struct elf_range *r)
{
	size_t low = 0, high = f->n_branches;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (f->branches[middle].target < r->addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Where one may come from outside the range. */
static void enter_from_outside(struct siteflow *f, const struct elf_range *r)
{
	for (size_t i = first_branch(f, r); i < f->n_branches; i++) {
		const struct branch *b = f->branches + i;

		if (b->target - r->addr >= r->size)
			break;
		if (b->from_offset - r->offset >= r->size)
			join_target(f, r, b->target, (struct value){UNKNOWN, 0});
	}
}

/* Where one may come by an indirect jump, in one function: [first, end). */
static void enter_by_table(struct siteflow *f, size_t first, size_t end)
{
	size_t i = first;

	while (i < end && f->insns[i].kind != DISASM_JUMP_INDIRECT)
		i++;
	if (i == end)
		return;
	for (i = first + 1; i < end; i++)
		if (f->insns[i - 1].kind != DISASM_CONST)
			join_unknown(f, i);
}

/* In a stretch: where functions may begin, and the tables of each. */
static void enter_stretch(struct siteflow *f, const struct elf_range *r)
{
	size_t b = first_branch(f, r), first = 0;

	for (size_t i = 1; i < f->n_insns; i++) {
		uint64_t addr = f->insns[i].addr;
		bool called = false;

		if (!goes_on(f->insns + i - 1))
			join_unknown(f, i);
		for (; b < f->n_branches && f->branches[b].target <= addr; b++)
			called |= f->branches[b].is_call && f->branches[b].target == addr;
		if (called) {
			enter_by_table(f, first, i);
			first = i;
		}
	}
	enter_by_table(f, first, f->n_insns);
}

static void enter(struct siteflow *f, const struct elf_range *r, bool is_function)
{
	join_unknown(f, 0);
	enter_from_outside(f, r);
	if (is_function)
		enter_by_table(f, 0, f->n_insns);
	else
		enter_stretch(f, r);
}

/* Where no path that is known leads, one that is not may. */
static void flow(struct siteflow *f, const struct elf_range *r)
{
	for (size_t i = 0; i < f->n_insns; i++) {
		if (f->in[i].level == NONE_YET)
			join_unknown(f, i);
		while (f->n_waiting)
			step(f, r, f->waiting[--f->n_waiting]);
	}
}

/*
 * Adds the system calls of one range, whose bytes are in one text, to `l`, with their numbers.
 * Return: 0 or -ENOMEM.
 */
int siteflow_find(struct siteflow *f, const struct elf_range *r, bool is_function,
		  struct site_list *l)
{
	int e = disassemble(f, r);

	if (e < 0 || !f->n_insns)
		return e;
	enter(f, r, is_function);
	flow(f, r);
	for (size_t i = 0; !e && i < f->n_insns; i++) {
		const struct instruction *insn = f->insns + i;
		struct site s = {.offset = r->offset + (insn->addr - r->addr),
				 .addr = insn->addr,
				 .nr = SITE_UNKNOWN,
				 .kind = insn->kind == DISASM_SYSCALL    ? SITE_SYSCALL
					 : insn->kind == DISASM_SYSENTER ? SITE_SYSENTER
									 : SITE_INT80};

		if (insn->kind != DISASM_SYSCALL && insn->kind != DISASM_SYSENTER &&
		    insn->kind != DISASM_INT80)
			continue;
		if (f->in[i].level == CONSTANT && f->in[i].number <= INT32_MAX)
			s.nr = (int32_t)f->in[i].number;
		e = site_list_add(l, &s);
	}
	return e;
}
