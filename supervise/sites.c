/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/call.h"
#include "supervise/siteflow.h"
#include "supervise/sweep.h"

/*
 * Where an ELF object makes system calls: all of them, or those of the mmap family that can be sent
 * through the gate by writing `jmp rel32` over the `mov $nr,%eax` (b8 nr, five bytes) that stands
 * directly before the `syscall`. For that it must hold that
 *
 *   - both are instructions, not the inside of others, for all that is known (sweep.c),
 *   - the number is of a call that the filter lets pass at the gate (GATE in common/call.h),
 *   - nothing jumps to a byte of the two but the first: distances of 32 bits are looked for at
 *     every byte of the text, whether an instruction begins there or not; distances of 8 bits at
 *     every byte in reach, and of those the ones that belong to a branch count,
 *   - munmap's result is looked at in the next instruction. What unmaps the stack that it runs on
 *     (musl's __unmapself) does not look, and a stub needs a stack.
 *
 * Jumps through tables or registers go to labels of the source, and none is inside an instruction.
 *
 * A site that is missing here is slower; one that should not be here breaks a program. So whatever
 * is not certain is not patchable.
 */

#define MOV_EAX        0xb8
#define SHORT          128  /* a branch with a distance of 8 bits reaches that far */
#define MAX_PATCHABLE  1024 /* a libc has ten: what has more was not made by a compiler */
#define MARKS_PER_SITE 16

/* Whether the filter lets this call pass at the gate. */
bool site_is_call(int32_t nr)
{
	enum { NOTIFY, GATE };
	static const struct {
		int32_t nr;
		int how;
	} calls[] = {
#define ROW(NAME, name, n_args, how) {SYS_##name, how},
		CM_MM_CALLS(ROW)
#undef ROW
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].nr == nr)
			return calls[i].how == GATE;
	return false;
}

static bool looks_at_result(const uint8_t *p)
{
	static const uint8_t cmp[] = {0x48, 0x3d}, page[] = {0xf0, 0xff, 0xff};

	return !memcmp(p, cmp, 2) && p[2] <= 1 && !memcmp(p + 3, page, 3);
}

/*
 * Whether `bytes`, of which there are `n` and which begin where the site's `mov` does (s->offset -
 * SITE_MOV_SIZE), are still those of a patchable site: `mov $nr,%eax; syscall` for the number that
 * `s` has and, for munmap, the look at the result, for which SITE_SPAN bytes are needed. The rest
 * of what patchable means is not seen here.
 * Context: `s` may come from anywhere.
 */
bool site_is_intact(const struct site *s, const uint8_t *bytes, size_t n)
{
	int32_t nr;

	if (n < SITE_SIZE || !site_is_call(s->nr))
		return false;
	memcpy(&nr, bytes + 1, sizeof(nr));
	if (bytes[0] != MOV_EAX || nr != s->nr || bytes[5] != 0x0f || bytes[6] != 0x05)
		return false;
	return nr != SYS_munmap || (n >= SITE_SPAN && looks_at_result(bytes + SITE_SIZE));
}

void site_list_deinit(struct site_list *l)
{
	free(l->at);
	*l = (struct site_list){0};
}

/* Room doubles, so how much there is need not be kept. Return: 0 or -ENOMEM. */
int site_list_add(struct site_list *l, const struct site *s)
{
	struct site *more;

	if (!(l->n & (l->n - 1))) {
		more = realloc(l->at, (l->n ? 2 * l->n : 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		l->at = more;
	}
	l->at[l->n++] = *s;
	return 0;
}

/* The offset of the next pair of bytes in a text that may be a system call, `end` if there is none:
 * syscall 0f 05, sysenter 0f 34, int $0x80 cd 80. */
static uint64_t next_call(const struct elf *e, uint64_t at, uint64_t end)
{
	for (; at + 2 <= end; at++) {
		const uint8_t *p = e->data + at;

		if ((p[0] == 0x0f && (p[1] == 0x05 || p[1] == 0x34)) ||
		    (p[0] == 0xcd && p[1] == 0x80))
			return at;
	}
	return end;
}

/* What has the bytes of a patchable site, in one text. */
static int find_bytes(const struct elf *e, const struct elf_range *t, struct site_list *l)
{
	const uint8_t *start = e->data + t->offset, *end = start + t->size, *p = start;
	struct site s = {.kind = SITE_SYSCALL, .patchable = true};
	int r = 0;

	while (!r && l->n < MAX_PATCHABLE && (p = memmem(p, (size_t)(end - p), "\x0f\x05", 2))) {
		if (p - start >= SITE_MOV_SIZE) {
			memcpy(&s.nr, p - SITE_MOV_SIZE + 1, sizeof(s.nr));
			s.offset = (uint64_t)(p - e->data);
			s.addr = t->addr + (uint64_t)(p - start);
			if (site_is_intact(&s, p - SITE_MOV_SIZE,
					   (size_t)(end - p) + SITE_MOV_SIZE))
				r = site_list_add(l, &s);
		}
		p += 2;
	}
	return r;
}

/* Whether an address is inside a site: a byte of it, and not its first. */
static bool is_inside(const struct site *s, uint64_t addr)
{
	uint64_t distance = addr - (s->addr - SITE_MOV_SIZE);

	return distance >= 1 && distance < SITE_SIZE;
}

static void refuse_target(void *context, uint64_t from_offset, uint64_t target)
{
	struct site_list *l = context;
	size_t low = 0, high = l->n;

	while (low < high) { /* the first that ends behind the target */
		size_t middle = low + (high - low) / 2;

		if (l->at[middle].addr + 2 <= target)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < l->n && is_inside(l->at + low, target))
		l->at[low].patchable = false;
}

static bool is_short_branch(uint8_t opcode)
{
	return (opcode & 0xf0) == 0x70 || opcode == 0xeb || (opcode & 0xfc) == 0xe0;
}

struct marks {
	struct sweep_mark *at;
	size_t n;
};

/* The bytes in reach that would, as a branch with a distance of 8 bits, go into the site. Where
 * there is no room for one more the site is refused. */
static void mark_short(const struct elf *e, const struct elf_range *t, struct site *s,
		       struct marks *m, size_t n_room)
{
	uint64_t at = s->offset - t->offset,
		 i = at > SHORT + SITE_SIZE ? at - SHORT - SITE_SIZE : 0;
	uint64_t end = t->size - at > SHORT + SITE_SIZE ? at + SHORT + SITE_SIZE : t->size;

	for (; i + 2 <= end; i++) {
		const uint8_t *p = e->data + t->offset + i;

		if (!is_short_branch(p[0]) ||
		    !is_inside(s, t->addr + i + 2 + (uint64_t)(int64_t)(int8_t)p[1]))
			continue;
		if (m->n == n_room)
			s->patchable = false;
		else
			m->at[m->n++].offset = t->offset + i;
	}
}

static int by_offset(const void *a, const void *b)
{
	const struct sweep_mark *x = a, *y = b;

	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The mark of an offset, which is among them. */
static const struct sweep_mark *mark_at(const struct marks *m, uint64_t offset)
{
	struct sweep_mark key = {.offset = offset};

	return bsearch(&key, m->at, m->n, sizeof(*m->at), by_offset);
}

static bool goes_into(const struct elf *e, const struct sweep_mark *m, const struct site *s)
{
	const uint8_t *p = e->data + m->offset;
	uint64_t next = s->addr + (m->offset - s->offset) + 2;

	if (m->insn.size)
		return (m->insn.kind == DISASM_BRANCH || m->insn.kind == DISASM_JUMP) &&
		       is_inside(s, m->insn.value);
	return is_short_branch(p[0]) && is_inside(s, next + (uint64_t)(int64_t)(int8_t)p[1]);
}

static void judge(const struct elf *e, const struct marks *m, struct site *s)
{
	uint64_t start = s->offset - SITE_MOV_SIZE;
	const struct sweep_mark *mov = mark_at(m, start), *end = m->at + m->n, *p;

	/* Then what follows it, 0f 05, is an instruction as well. */
	if (mov->insn.size != SITE_MOV_SIZE || mov->insn.addr != s->addr - SITE_MOV_SIZE ||
	    mov->insn.kind != DISASM_CONST)
		s->patchable = false;
	for (p = mov; p > m->at && p[-1].offset + 2 * SHORT > s->offset; p--)
		;
	for (; s->patchable && p < end && p->offset < s->offset + 2 * SHORT; p++)
		if (goes_into(e, p, s))
			s->patchable = false;
}

static const struct elf_range *text_with(const struct elf *e, uint64_t offset)
{
	const struct elf_range *t = e->text;

	while (offset - t->offset >= t->size)
		t++;
	return t;
}

/* Leaves only those that are instructions, and that nothing jumps into. */
static int refuse_uncertain(struct sweep *sweep, struct site_list *l)
{
	size_t n_room = l->n * MARKS_PER_SITE, n = 0;
	struct marks m = {.at = calloc(n_room, sizeof(*m.at))};

	if (!m.at)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		m.at[m.n++].offset = l->at[i].offset - SITE_MOV_SIZE;
	for (size_t i = 0; i < l->n; i++)
		mark_short(sweep->elf, text_with(sweep->elf, l->at[i].offset), l->at + i, &m,
			   n_room);
	qsort(m.at, m.n, sizeof(*m.at), by_offset);
	sweep_marks(sweep, m.at, m.n);
	for (size_t i = 0; i < l->n; i++) {
		judge(sweep->elf, &m, l->at + i);
		if (l->at[i].patchable)
			l->at[n++] = l->at[i];
	}
	l->n = n;
	free(m.at);
	return 0;
}

static int find_patchable(struct sweep *sweep, struct site_list *l)
{
	int r = 0;

	for (size_t i = 0; !r && i < sweep->elf->n_texts; i++)
		r = find_bytes(sweep->elf, sweep->elf->text + i, l);
	if (r < 0 || !l->n)
		return r;
	sweep_branches(sweep->elf, refuse_target, l);
	return refuse_uncertain(sweep, l);
}

static int find_all(const struct sweep *sweep, struct site_list *l)
{
	const struct elf *e = sweep->elf;
	struct siteflow *flow = siteflow_new(sweep);
	int r = flow ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < e->n_texts; i++) {
		uint64_t end = e->text[i].offset + e->text[i].size;
		uint64_t at = next_call(e, e->text[i].offset, end);

		while (!r && at < end) {
			bool is_function;
			struct elf_range range = sweep_range(sweep, at, &is_function);

			r = siteflow_find(flow, &range, is_function, l);
			at = next_call(e, range.offset + range.size, end);
		}
	}
	siteflow_free(flow);
	return r;
}

/* Tells in `all` what the other list knows; both are sorted. */
static void merge(struct site_list *all, const struct site_list *patchable)
{
	size_t k = 0;

	for (size_t i = 0; i < all->n; i++) {
		while (k < patchable->n && patchable->at[k].offset < all->at[i].offset)
			k++;
		if (k < patchable->n && patchable->at[k].offset == all->at[i].offset)
			all->at[i] = patchable->at[k];
	}
}

static int find(struct sweep *sweep, enum sites_what what, struct site_list *lp)
{
	struct site_list patchable = {0}, all = {0};
	int r = find_patchable(sweep, &patchable);

	if (!r && what == SITES_ALL) {
		r = find_all(sweep, &all);
		merge(&all, &patchable);
		site_list_deinit(&patchable);
	} else {
		all = patchable;
	}
	if (r < 0)
		site_list_deinit(&all);
	else
		*lp = all;
	return r;
}

/*
 * Finds the system calls of the ELF object that `data` holds: those that can be patched, at most
 * MAX_PATCHABLE, or all. *lp is sorted by offset and the caller's to deinit.
 *
 * The first is for the start of every program: only what holds bytes of a patchable site is
 * disassembled, and at most a megabyte of it. The second disassembles every function that may hold
 * a call, whole, to learn the numbers; it is for tools.
 *
 * Return: 0 and *lp written, -ENOEXEC as elf_init(), -ENOSYS there is no disassembler, -E2BIG too
 * many functions, or -ENOMEM. Context: allocates; loads Capstone where it was not yet.
 */
int sites_find(const uint8_t *data, size_t size, enum sites_what what, struct site_list *lp)
{
	struct sweep sweep;
	struct elf e;
	int r = elf_init(&e, data, size);

	if (!r)
		r = sweep_init(&sweep, &e);
	if (r < 0)
		return r;
	r = find(&sweep, what, lp);
	sweep_deinit(&sweep);
	return r;
}
