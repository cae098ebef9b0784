/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * Where the instructions of an object begin. Bytes alone do not tell: what looks like an
 * instruction may be the inside of another. One that is known to be one is needed to start from,
 * and each tells where the next begins. So a byte is looked at from the start of the function that
 * holds it, or, outside all functions, of the stretch between them, which is gone through as
 * objdump does: what cannot be decoded is one byte.
 *
 * What follows bytes that cannot be decoded is not certain. Wrong starts fall in with the right
 * ones after a few instructions, so N_SURE good ones in a row are taken for certain again: an
 * object without functions may have a table at the start of its text.
 */

#define N_SURE       32
#define BUDGET_BYTES (1u << 20) /* some 50 ms; of a libc, a few thousand bytes are looked at */

/*
 * The functions of an object and a disassembler. Both, `e` and `s`, must stay until sweep_deinit().
 * Return: 0, -ENOSYS there is no disassembler, -ENOMEM, or -E2BIG.
 */
int sweep_init(struct sweep *s, const struct elf *e)
{
	int r;

	*s = (struct sweep){.elf = e, .budget_bytes = BUDGET_BYTES};
	r = elf_functions(e, &s->functions, &s->n_functions);
	if (r < 0)
		return r;
	s->disasm = disasm_new();
	if (s->disasm)
		return 0;
	sweep_deinit(s);
	return -ENOSYS;
}

void sweep_deinit(struct sweep *s)
{
	free(s->functions);
	disasm_free(s->disasm);
	*s = (struct sweep){0};
}

/* How many functions begin at or before an offset. */
static size_t n_until(const struct sweep *s, uint64_t offset)
{
	size_t low = 0, high = s->n_functions;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->functions[middle].offset <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct elf_range *text_of(const struct elf *e, uint64_t offset)
{
	for (size_t i = 0; i < e->n_texts; i++)
		if (offset >= e->text[i].offset && offset - e->text[i].offset < e->text[i].size)
			return e->text + i;
	return NULL;
}

/*
 * The function, or the stretch between functions, that holds a byte of the file; of size 0 where
 * that is not executable.
 */
struct elf_range sweep_range(const struct sweep *s, uint64_t offset, bool *is_functionp)
{
	const struct elf_range *text = text_of(s->elf, offset), *f;
	size_t n = n_until(s, offset);
	uint64_t start, end;

	*is_functionp = false;
	if (!text)
		return (struct elf_range){0};
	start = text->offset;
	end = text->offset + text->size;
	if (n) {
		f = s->functions + n - 1;
		if (offset - f->offset < f->size) {
			*is_functionp = true;
			return *f;
		}
		if (f->offset + f->size > start)
			start = f->offset + f->size;
	}
	if (n < s->n_functions && s->functions[n].offset < end)
		end = s->functions[n].offset;
	return (struct elf_range){start, text->addr + (start - text->offset), end - start};
}

/* Goes through a range until the last of the marks that lie in it. Return: how many do. */
static size_t sweep_one(struct sweep *s, const struct elf_range *r, struct sweep_mark *marks,
			size_t n)
{
	unsigned good = N_SURE; /* the start of a range is certain */
	struct instruction insn;
	uint64_t at = 0;
	size_t i = 0;

	while (i < n && at < r->size && marks[i].offset - r->offset < r->size) {
		if (!s->budget_bytes)
			break;
		disasm_next(s->disasm, s->elf->data + r->offset + at, r->size - at, r->addr + at,
			    &insn);
		s->budget_bytes -= insn.size < s->budget_bytes ? insn.size : s->budget_bytes;
		at += insn.size;
		good = insn.kind == DISASM_BAD ? 0 : good < N_SURE ? good + 1 : good;
		for (; i < n && marks[i].offset < r->offset + at; i++)
			if (good == N_SURE)
				marks[i].insn = insn;
	}
	for (; i < n && marks[i].offset - r->offset < r->size; i++)
		marks[i].insn.size = 0; /* the budget is spent */
	return i;
}

/*
 * Finds the instructions that the bytes belong to; `marks` are sorted by offset. Where a byte is
 * not executable, the instruction is not certain, or the budget is spent, its size is 0.
 */
void sweep_marks(struct sweep *s, struct sweep_mark *marks, size_t n)
{
	size_t i, done;

	for (i = 0; i < n; i++)
		marks[i].insn = (struct instruction){0};
	for (i = 0; i < n; i += done) {
		bool is_function;
		struct elf_range r = sweep_range(s, marks[i].offset, &is_function);

		done = r.size ? sweep_one(s, &r, marks + i, n - i) : 1;
	}
}

/* How long what begins with these bytes is before its distance of 32 bits, if it is a branch: call,
 * jmp, jcc or xbegin; 0: it is none. Prefixes stand before it and change nothing. */
static unsigned opcode_size(const uint8_t *p)
{
	if (p[0] == 0xe8 || p[0] == 0xe9)
		return 1;
	if ((p[0] == 0x0f && (p[1] & 0xf0) == 0x80) || (p[0] == 0xc7 && p[1] == 0xf8))
		return 2;
	return 0;
}

/*
 * Calls `fn` for all that may be a direct branch with a distance of 32 bits, at any byte of the
 * executable segments, whether an instruction begins there or not: none is missed, however the code
 * is to be read. Branches with a distance of 8 bits are not among them.
 */
void sweep_branches(const struct elf *e, sweep_branch_fn *fn, void *context)
{
	for (size_t i = 0; i < e->n_texts; i++) {
		const struct elf_range *t = e->text + i;
		const uint8_t *p = e->data + t->offset;

		for (uint64_t at = 0; at + 5 <= t->size; at++) {
			unsigned n = opcode_size(p + at);
			int32_t distance;

			if (!n || at + n + 4 > t->size)
				continue;
			memcpy(&distance, p + at + n, 4);
			fn(context, t->offset + at,
			   t->addr + at + n + 4 + (uint64_t)(int64_t)distance);
		}
	}
}
