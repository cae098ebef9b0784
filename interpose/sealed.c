/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/sealed.h"

#include <errno.h>
#include "common/seal.h"
#include "interpose/arena.h"
#include "interpose/attend.h"
#include "interpose/gate.h"
#include "interpose/mm.h"
#include "interpose/seal.h"
#include "interpose/forbid.h"

/*
 * May a call do what it would do to sealed memory? What was sealed when start-up ended is in a list
 * that never changes (interpose/seal.c). What is sealed later is in a region table of its own, made
 * when it is first needed: ranges that the program has sealed, and libraries that it has loaded.
 * Both are here so that there is one place where a call is held against them.
 *
 * mseal(2) keeps what is sealed in all ways, whoever calls, so calls need not be looked at for
 * that. They are looked at for discards, which it lets pass; and all of them where the kernel does
 * not seal, or the program has asked for seals that the kernel does not know (ATTEND_SEALS). Calls
 * that go past the library are the supervisor's, which is told of those.
 *
 * The key that wanted a seal is the `owner` of its region, KEY_NONE the program itself: that is not
 * policy, and not reported.
 *
 * Context: anywhere after the constructor.
 */

#define BATCH 8

static const struct table *later;

static const struct table *later_get(void)
{
	/* pairs with the release in later_make() */
	return __atomic_load_n(&later, __ATOMIC_ACQUIRE);
}

/* Who seals memory here may call mseal(2), so its own bookkeeping is sealed too. */
static uint64_t sealed_pages(size_t len_bytes)
{
	uint64_t at = arena_pages(len_bytes);

	if (at && seal_is_possible())
		seal_pages(at, page_up(len_bytes));
	return at;
}

/* Of two threads that make it at once one is first; the other's is left to itself. */
static const struct table *later_make(void)
{
	const struct table *known = later_get();
	struct table *fresh;
	void *wipe;

	if (known)
		return known;
	fresh = (struct table *)sealed_pages(CM_PAGE);
	wipe = (void *)sealed_pages(CM_PAGE);
	if (!fresh || !wipe || table_init(fresh, sealed_pages, wipe))
		return NULL;
	__atomic_compare_exchange_n(&later, &known, fresh, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_ACQUIRE);
	return later_get();
}

/* A denial, unless it is libc's own call: what dlclose(3) cannot unmap stays, and that is meant. */
static int refuse(const struct mm_call *c, uint64_t key)
{
	if (key != KEY_NONE && state()->supervised && !c->entry)
		gate_control(CONTROL_REPORT, key << 8 | V_DENY, c->caller, (uint64_t)c->nr,
			     c->arg[0], c->arg[1]);
	return -EPERM;
}

static int judge_region(const struct mm_call *c, const struct seal_deed *d, const struct region *r)
{
	bool may = d->seal == SEAL_PROT && !(r->seals & SEAL_PROT);

	if (may && r->seals & SEAL_DOWNGRADE)
		return SEALED_DOWNGRADE;
	return seal_forbids(r->seals, d, 0) ? refuse(c, r->owner) : SEALED_NOT;
}

/* What was sealed later. The tightest of what its regions say. */
static int judge_later(const struct mm_call *c, const struct seal_deed *d)
{
	const struct table *t = later_get();
	struct region found[BATCH];
	uint64_t at = d->range.start;
	int way = SEALED_NOT, n = 0, r;

	if (!t)
		return SEALED_NOT;
	do {
		n = table_overlap(t, (struct range){at, d->range.end}, found, BATCH);
		if (n < 0 || !table_is_whole(t))
			return SEALED_RAW; /* the supervisor was told of all of them */
		for (int i = 0; i < n; i++) {
			r = judge_region(c, d, &found[i]);
			if (r < 0)
				return r;
			way = r > way ? r : way;
			at = found[i].range.end;
		}
	} while (n == BATCH && at < d->range.end);
	return way;
}

/*
 * Whether a range may hold anything sealed: quick, for what allocators ask all the time. Context:
 * as the file.
 */
bool sealed_touches(uint64_t addr, uint64_t len)
{
	struct range r;
	struct sealed s;

	return range_init(&r, addr, len) && (seal_find(r, &s) || arena_holds(r) || later_get());
}

/*
 * Whether seals let a call pass. Reports what they do not.
 *
 * Context: as the file.
 * Return: enum sealed_way, or -EPERM.
 */
int sealed_judge(const struct mm_call *c)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = mm_deeds(c, deed);
	int way = SEALED_NOT, r;
	struct sealed s;

	if (mm_is_protect(c->nr) && c->arg[2] & PROT_GROWSDOWN)
		return SEALED_RAW; /* how far down it reaches, the mappings say */
	for (unsigned i = 0; i < n; i++) {
		bool ours = !state()->kernel_seals || deed[i].seal == SEAL_DISCARD;

		if (ours && seal_find(deed[i].range, &s))
			return refuse(c, s.key);
		if (ours && arena_holds(deed[i].range))
			return refuse(c, KEY_SEAL_DATA);
		r = judge_later(c, &deed[i]);
		if (r < 0)
			return r;
		way = r > way ? r : way;
	}
	return way;
}

/* The kernel has refused a call, EPERM: where that is for a seal of ours, it is reported. */
void sealed_explain(const struct mm_call *c)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = mm_deeds(c, deed);
	struct sealed s;

	for (unsigned i = 0; i < n; i++) {
		if (seal_find(deed[i].range, &s)) {
			refuse(c, s.key);
			return;
		}
		if (judge_later(c, &deed[i]) < 0)
			return;
	}
}

static bool is_complete(unsigned seals)
{
	return (seals & SEAL_KERNEL) == SEAL_KERNEL;
}

/* Where seals that were asked for one after the other have come to what the kernel knows. */
static void complete(const struct table *t, struct range range)
{
	struct region r;

	for (; range.start < range.end; range.start = r.range.end) {
		if (table_overlap(t, range, &r, 1) != 1)
			return;
		if (r.range.end > range.end)
			r.range.end = range.end;
		if (r.range.start < range.start)
			r.range.start = range.start;
		if (is_complete(r.seals))
			seal_pages(r.range.start, range_len(r.range));
	}
}

/* Whether the supervisor has to refuse what the kernel would let pass, for calls past the gate. */
static bool concerns_supervisor(bool kernel, unsigned seals, unsigned key)
{
	if (!kernel || !is_complete(seals))
		return true;
	return key == KEY_NONE ||
	       policy_value(&state()->policy, KEY_SEAL_DISCARD) == DISCARD_NOTIFY;
}

/*
 * Remembers that a range, all of which is mapped, is sealed. `key`: the policy's, KEY_NONE: the
 * program wants it. The kernel is asked to seal what it can.
 *
 * Context: as the file.
 * Return: 0, or -ENOMEM.
 */
int sealed_add(struct range range, unsigned seals, unsigned key)
{
	const struct table *t = later_make();
	bool kernel = seal_is_possible();

	if (!t || !table_seal(t, range, (uint8_t)seals, key))
		return -ENOMEM;
	if (kernel)
		complete(t, range);
	if (!kernel || !is_complete(seals))
		attention_set(ATTEND_SEALS);
	if (state()->supervised && concerns_supervisor(kernel, seals, key) &&
	    gate_control(CONTROL_SEAL, range.start, range_len(range), seals, key, 0) < 0)
		return -ENOMEM; /* it remembers no more than so many */
	return 0;
}

/* Whether a deed leaves nothing of what was at its place. */
static bool takes(const struct seal_deed *d)
{
	return d->seal & (SEAL_UNMAP | SEAL_REPLACE | SEAL_MOVE);
}

/*
 * To be called before a call that was allowed is made: forgets the seals of what it takes from its
 * place. Where that is in too many pieces to be remembered, it is forgotten afterwards instead.
 *
 * Return: 0; -ENOMEM: what is to be moved is in too many pieces, and the call may not be made.
 */
int sealed_take(const struct mm_call *c, struct sealed_taken *tp)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = mm_deeds(c, deed);
	const struct table *t = later_get();

	tp->n = 0;
	tp->left = false;
	for (unsigned i = 0; t && i < n; i++) {
		struct region *room = tp->region + tp->n;

		if (!takes(&deed[i]))
			continue;
		if (table_overlap(t, deed[i].range, room, TABLE_TAKE) == TABLE_TAKE) {
			if (deed[i].seal == SEAL_MOVE)
				return -ENOMEM; /* the first of the deeds: nothing is taken yet */
			tp->left = true;
			continue;
		}
		tp->n += table_take(t, deed[i].range, room, TABLE_TAKE);
	}
	return 0;
}

/* Has the supervisor forget the seals of what a call of the C interface takes from its place. */
void sealed_untell(const struct mm_call *c)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = mm_deeds(c, deed);

	for (unsigned i = 0; state()->supervised && i < n; i++)
		if (takes(&deed[i]))
			gate_control(CONTROL_SEAL, deed[i].range.start, range_len(deed[i].range), 0,
				     KEY_NONE, 0);
}

/* What was left in the table is gone. */
static void forget_left(const struct mm_call *c)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = mm_deeds(c, deed);

	for (unsigned i = 0; i < n; i++)
		if (deed[i].seal & (SEAL_UNMAP | SEAL_REPLACE))
			table_unmap(later_get(), deed[i].range);
}

/* What a call has mapped anew: nothing that was known of its place is so any more. */
static void forget_result(const struct mm_call *c, long result)
{
	const struct table *t = later_get();
	struct region stale;
	struct range r;
	bool known = false;

	if (c->nr == SYS_mmap)
		known = range_init(&r, (uint64_t)result, c->arg[1]);
	else if (c->nr == SYS_mremap && (uint64_t)result != c->arg[0])
		known = range_init(&r, (uint64_t)result, c->arg[2]);
	else if (c->nr == SYS_shmat)
		known = mm_segment(c, (uint64_t)result, &r);
	if (!known || !t || table_overlap(t, r, &stale, 1) < 1)
		return;
	table_unmap(t, r);
	if (state()->supervised)
		gate_control(CONTROL_SEAL, r.start, range_len(r), 0, KEY_NONE, 0);
}

/*
 * And after it: what the kernel has refused to take is sealed as before, and what it has moved
 * where it is now.
 */
void sealed_settle(const struct mm_call *c, long result, const struct sealed_taken *t)
{
	struct seal_deed deed[SEAL_DEEDS];
	bool done = !sys_is_error(result);
	bool moved = done && seal_deeds(c->nr, c->arg, deed) && deed[0].seal == SEAL_MOVE;

	if (done && t->left)
		forget_left(c);
	if (done)
		forget_result(c, result);
	for (unsigned i = 0; i < t->n; i++) {
		struct range r = t->region[i].range;

		if (done && !(moved && range_contains(deed[0].range, r)))
			continue;
		if (moved) {
			r.start += (uint64_t)result - c->arg[0];
			r.end += (uint64_t)result - c->arg[0];
		}
		sealed_add(r, t->region[i].seals, t->region[i].owner);
	}
}
