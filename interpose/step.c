/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/step.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "interpose/arch/x86_64/insn.h"
#include "interpose/arena.h"
#include "interpose/chain.h"
#include "interpose/gate.h"
#include "interpose/pages.h"
#include "interpose/turn.h"
#include "interpose/forbid.h"

/*
 * An instruction that stores into the page it lies in. That page would have to be executable and
 * writable for it; so it is executed from a copy, which is followed by a jump to the instruction
 * behind the original. The page is writable then, and the jump makes it executable again.
 *
 * Copies lie in pages of their own within reach of the original's relative addresses. These pages
 * are managed as the program's are: the first fetch makes them executable, the next copy writable.
 * A copy is kept for its instruction for ever, since nobody can know that no thread is in it; when
 * all places are taken, the program gets its fault. A place is known by address and bytes of what
 * it stands for: code that was changed is another instruction.
 *
 * Context: the handler of SIGSEGV, which may fault on the copies like any other code.
 */

#define STEP_BYTES 64
#define N_AREAS    16   /* regions of the address space with such instructions */
#define N_STEPS    1024 /* copies in each */
#define AREA_BYTES (N_STEPS * (uint64_t)STEP_BYTES)
#define REACH      (1ull << 30) /* of 2^31 that a displacement has */

struct step {
	uint64_t from; /* 0: free */
	uint8_t original[INSN_MAX];
	uint8_t len;
	uint8_t ready;
};

struct area {
	uint64_t base; /* of the copies; 0: none */
	struct step *steps;
	uint32_t n; /* places given away */
};

static struct area areas[N_AREAS];

static uint64_t map_at(uint64_t at, uint64_t len_bytes)
{
	long r = gate_call6(SYS_mmap, (long)at, (long)len_bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (sys_is_error(r))
		return 0;
	if ((uint64_t)r != at) { /* a kernel before 4.17 takes the flag for a wish */
		gate_call6(SYS_munmap, r, (long)len_bytes, 0, 0, 0, 0);
		return 0;
	}
	return (uint64_t)r;
}

static bool is_near(uint64_t a, uint64_t b)
{
	return a - b + REACH < 2 * REACH;
}

/* A free piece of address space near `rip`: by steps of 2 MiB outward, upwards first. */
static uint64_t map_near(uint64_t rip)
{
	const uint64_t stride = 2ull << 20;
	uint64_t home = rip & ~(stride - 1), at = 0;

	for (uint64_t far = stride; !at && far < REACH - stride; far += stride) {
		at = map_at(home + far, AREA_BYTES);
		if (!at && home > far + 65536)
			at = map_at(home - far, AREA_BYTES);
	}
	return at;
}

static struct area *area_make(uint64_t rip)
{
	struct range range;
	uint64_t steps, base;

	if (__atomic_load_n(&areas[N_AREAS - 1].steps, __ATOMIC_RELAXED))
		return NULL; /* they are given away in order: there is none left */
	steps = arena_pages(N_STEPS * sizeof(struct step));
	base = map_near(rip);
	range = (struct range){base, base + AREA_BYTES};
	if (!steps || !base || pages_prepare(range))
		return NULL;
	pages_set(range, PAGE_MANAGED | PAGE_OWNER_SELF << PAGE_OWNER_SHIFT);
	for (unsigned i = 0; i < N_AREAS; i++) {
		struct step *none = NULL;

		if (!__atomic_compare_exchange_n(&areas[i].steps, &none, (struct step *)steps,
						 false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&areas[i].base, base, __ATOMIC_RELEASE);
		return &areas[i];
	}
	return NULL;
}

static struct area *area_for(uint64_t rip)
{
	for (unsigned i = 0; i < N_AREAS; i++) {
		/* pairs with the release in area_make() */
		uint64_t base = __atomic_load_n(&areas[i].base, __ATOMIC_ACQUIRE);

		if (base && is_near(base, rip))
			return &areas[i];
	}
	return area_make(rip);
}

static uint64_t place_of(const struct area *a, const struct step *s)
{
	return a->base + (uint64_t)(s - a->steps) * STEP_BYTES;
}

static struct step *known(const struct area *a, uint64_t rip, const uint8_t *code)
{
	uint32_t n = __atomic_load_n(&a->n, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < n && i < N_STEPS; i++) {
		struct step *s = &a->steps[i];

		/* pairs with the release in add(): the copy is written */
		if (__atomic_load_n(&s->ready, __ATOMIC_ACQUIRE) && s->from == rip &&
		    !memcmp(s->original, code, s->len))
			return s;
	}
	return NULL;
}

static struct step *add(struct area *a, uint64_t rip, const uint8_t *code)
{
	uint8_t copy[INSN_MOVED_MAX];
	struct insn insn;
	struct step *s;
	uint32_t i;
	int len;

	if (insn_decode(code, sizeof(s->original), &insn) || insn.branches)
		return NULL;
	i = __atomic_fetch_add(&a->n, 1, __ATOMIC_ACQ_REL);
	s = &a->steps[i];
	if (i >= N_STEPS) {
		__atomic_store_n(&a->n, N_STEPS, __ATOMIC_RELAXED);
		return NULL;
	}
	len = insn_move(code, sizeof(s->original), rip, place_of(a, s), copy, sizeof(copy));
	if (len < 0)
		return NULL;
	memcpy((void *)place_of(a, s), copy,
	       (size_t)len); /* may fault, as any store to such a page */
	memcpy(s->original, code, insn.len);
	s->len = insn.len;
	s->from = rip;
	__atomic_store_n(&s->ready, 1, __ATOMIC_RELEASE);
	return s;
}

/* The bytes of an instruction at `rip`; what lies on a page that cannot be read is zero. */
static int fetch_code(uint64_t rip, uint8_t code[INSN_MAX])
{
	uint64_t here = page_down(rip + INSN_MAX) != page_down(rip)
				? page_down(rip + INSN_MAX) - rip
				: INSN_MAX;

	memset(code, 0, INSN_MAX);
	if (chain_copy(code, (const void *)rip, here))
		return -EFAULT;
	chain_copy(code + here, (const void *)(rip + here), INSN_MAX - here);
	return 0;
}

/*
 * Sends the thread whose instruction stores into its own page to the copy of it. The page is to be
 * made writable after.
 *
 * Return: 0; -errno: it cannot be done, the fault is the program's.
 */
int step_begin(ucontext_t *uc)
{
	uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
	struct area *a = area_for(rip);
	uint8_t code[INSN_MAX];
	struct step *s;

	if (!a || fetch_code(rip, code))
		return -ENOMEM;
	s = known(a, rip, code);
	if (!s)
		s = add(a, rip, code);
	if (!s)
		return -ENOSPC;
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)place_of(a, s);
	return 0;
}
