/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/flip.h"

#include <errno.h>
#include <sys/mman.h>
#include "interpose/chain.h"
#include "interpose/fault.h"
#include "interpose/gate.h"
#include "interpose/mm.h"
#include "interpose/pages.h"
#include "interpose/turn.h"
#include "interpose/forbid.h"

/*
 * flip: memory that a program believes to be writable and executable at once is never both. What
 * may have such memory (policy: wx.jit, or the word flip) asks for it, and gets it without
 * execution: its pages are managed from then on. Which of the two a page is at the moment is
 * decided by who faults on it (fault.c).
 *
 * Here: which pages are managed. mmap and mprotect that ask for both begin it, anything else that
 * maps, unmaps, moves or protects them ends it or takes it along.
 *
 * Holds: a page is managed from before the kernel could let anybody see it as the program believes
 * it to be, until after it could for the last time. A call that ends it marks the words first and
 * clears after the kernel those that nobody has set anew meanwhile: another thread may have been
 * given the same addresses.
 *
 * Context: as the calls themselves. Takes no lock.
 */

#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)

static bool asks_both(const struct mm_call *c)
{
	const uint64_t both = PROT_WRITE | PROT_EXEC;

	return (c->nr == SYS_mmap || mm_is_protect(c->nr)) && (c->arg[2] & both) == both;
}

/* Whether flip has anything to do with this call: not where there is no gate, for there is no
 * policy either. Context: as the file. */
bool flip_concerns(const struct mm_call *c)
{
	return state()->gate && (flip_is_active() || asks_both(c));
}

/*
 * Whether the policy serves this request by flip. What it refuses, and what it allows as it stands,
 * goes on unchanged: the supervisor has the same policy, and reports. Code of no file is trusted
 * where such code exists already.
 */
static bool is_granted(const struct mm_call *c)
{
	const struct module *caller = judge_caller(c);
	struct policy_ask ask = {
		.deeds = DEED_WX | (mm_is_protect(c->nr) ? DEED_ADD_X : 0),
		.kernel_key = KEY_NONE,
		.caller = caller && !caller->name->libc ? caller->name->path : NULL,
		.jit_image = (caller && !caller->name->libc) || flip_is_active(),
	};
	struct policy_ruling r;

	if (c->nr == SYS_mmap && c->arg[3] & MAP_HUGETLB)
		return false; /* pages that change one by one are not to be had */
	if (policy_value(&state()->policy, KEY_K_MDWE))
		return false; /* the kernel would refuse every flip */
	policy_rule(&state()->policy, &ask, &r);
	return r.verdict == V_FLIP;
}

static page_word fresh_word(const struct mm_call *c)
{
	uint32_t owner = judge_owner(c);

	return (page_word)(PAGE_MANAGED | (owner < PAGE_OWNER_SELF ? owner : 0)
						  << PAGE_OWNER_SHIFT);
}

static void begin_one(page_word *word, uint64_t fresh)
{
	page_word none = 0;

	__atomic_compare_exchange_n(word, &none, (page_word)fresh | PAGE_PENDING, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

/* Another thread that changes the page along with its own is waited for, as long as that is
 * sensible. */
static void mark_one(page_word *word, uint64_t unused)
{
	page_word now = page_get(word);

	(void)unused;
	if (now & PAGE_BUSY) {
		turn_pass(word, TURN_LONG);
		now = page_get(word);
	}
	while (now & PAGE_MANAGED &&
	       !__atomic_compare_exchange_n(word, &now, now | PAGE_PENDING, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_RELAXED))
		;
}

static void keep_one(page_word *word, uint64_t unused)
{
	(void)unused;
	if (page_get(word) & PAGE_PENDING)
		__atomic_fetch_and(word, (page_word)~PAGE_PENDING, __ATOMIC_ACQ_REL);
}

static void clear_one(page_word *word, uint64_t unused)
{
	page_word now = page_get(word);

	(void)unused;
	while (now & PAGE_PENDING &&
	       !__atomic_compare_exchange_n(word, &now, 0, false, __ATOMIC_ACQ_REL,
					    __ATOMIC_ACQUIRE))
		;
}

/* Ends the managing of a range with the call that does so, if the kernel makes it. */
static long leave(const struct mm_call *c, struct range range)
{
	long r;

	pages_each(range, mark_one, 0);
	r = mm_judged(c);
	pages_each(range, sys_is_error(r) ? keep_one : clear_one, 0);
	return r;
}

static int prepare(struct range range)
{
	int r = pages_prepare(range);

	return r ? r : chain_start();
}

static long serve_mmap(const struct mm_call *c)
{
	bool fixed = c->arg[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	bool flips = asks_both(c) && is_granted(c);
	struct mm_call served = *c;
	struct range range;
	long r;

	if (flips)
		served.arg[2] &= ~(uint64_t)PROT_EXEC;
	if (flips && fixed && range_init(&range, c->arg[0], c->arg[1]) && prepare(range))
		return -ENOMEM;
	r = mm_judged(&served);
	if (sys_is_error(r) || !range_init(&range, (uint64_t)r, c->arg[1]))
		return r;
	if (flips && !fixed && prepare(range)) {
		gate_call6(SYS_munmap, r, (long)range_len(range), 0, 0, 0, 0);
		return -ENOMEM;
	}
	pages_set(range, flips ? fresh_word(c) : 0);
	return r;
}

static bool has_run(uint64_t addr)
{
	const page_word *word = pages_find(addr);

	return word && page_get(word) & PAGE_RAN;
}

/*
 * Where wx.writers has a say, pages that have run are not to be had by a call that is about
 * something else: they become readable only, and whoever stores is asked. Pages that never ran stay
 * writable: the kernel would not merge them with their neighbours any more once they are used
 * (their anon_vma would be another).
 */
static void rest(struct range range)
{
	if (policy_value(&state()->policy, KEY_WX_WRITERS) == WRITERS_ANY || !pages_any(range))
		return;
	for (struct range r = {range.start, range.start}; r.end < range.end; r.start = r.end) {
		bool ran = has_run(r.start);

		while (r.end < range.end && has_run(r.end) == ran)
			r.end += CM_PAGE;
		if (ran)
			gate_call6(SYS_mprotect, (long)r.start, (long)range_len(r), PROT_READ, 0, 0,
				   0);
	}
}

/* mprotect(2) changes what lies before a gap, and then says ENOMEM. Return: where the gap begins.
 */
static uint64_t gap_of(struct range range)
{
	unsigned char resident;

	while (range.start < range.end &&
	       !sys_raw6(SYS_mincore, (long)range.start, CM_PAGE, (long)&resident, 0, 0, 0))
		range.start += CM_PAGE;
	return range.start;
}

/* A range that is managed as a whole is as the program wants it already. */
static long protect_both(const struct mm_call *c, struct range range)
{
	struct mm_call served = *c;
	long r;

	if (pages_all(range) && c->nr == SYS_mprotect && !(c->arg[2] & ~(uint64_t)RWX))
		return 0;
	if (!is_granted(c))
		return leave(c, range);
	if (prepare(range))
		return -ENOMEM;
	served.arg[2] &= ~(uint64_t)PROT_EXEC;
	pages_each(range, begin_one, fresh_word(c));
	r = mm_judged(&served);
	rest(range);
	if (r == -ENOMEM)
		pages_each((struct range){range.start, gap_of(range)}, keep_one, 0);
	pages_each(range, sys_is_error(r) ? clear_one : keep_one, 0);
	return r;
}

static long serve_protect(const struct mm_call *c)
{
	struct range range;

	if (!range_init(&range, c->arg[0], c->arg[1]))
		return mm_judged(c);
	return asks_both(c) ? protect_both(c, range) : leave(c, range);
}

static void move_one(page_word *word, uint64_t to)
{
	struct range page = {*(uint64_t *)to, *(uint64_t *)to + CM_PAGE};

	pages_set(page, page_get(word) & (page_word) ~(PAGE_PENDING | PAGE_BUSY));
	*(uint64_t *)to = page.end;
}

static void writable_one(page_word *word, uint64_t unused)
{
	(void)unused;
	__atomic_fetch_and(word, (page_word)~PAGE_X, __ATOMIC_ACQ_REL);
}

/* The kernel moves no range of several VMAs (mm/mremap.c), which is what flipping makes of one. */
static void make_one(struct range range)
{
	if (!gate_call6(SYS_mprotect, (long)range.start, (long)range_len(range),
			PROT_READ | PROT_WRITE, 0, 0, 0))
		pages_each(range, writable_one, 0);
}

#define MOVE_TRIES 100

/*
 * The call itself. Memory that is managed as a whole is one VMA for the time of it. Another thread
 * may fetch from it in between; then the kernel says EFAULT, and it is tried again. A call that
 * changes nothing is not made: it would only make the pages one.
 */
static long remap(const struct mm_call *c, struct range from)
{
	bool whole = pages_all(from);
	long r;

	if (!whole && c->arg[1] != c->arg[2])
		return -EFAULT; /* two VMAs for the program, whatever they are for the kernel now */
	if (whole && c->arg[1] == c->arg[2] && !(c->arg[3] & ~(uint64_t)MREMAP_MAYMOVE))
		return (long)from.start;
	for (int i = 0; i < MOVE_TRIES; i++) {
		if (whole)
			make_one(from);
		r = mm_judged(c);
		if (!whole || r != -EFAULT)
			break;
	}
	return r;
}

/* The words go where the memory has gone; memory that has grown is like its first page. */
static void follow(const struct mm_call *c, struct range from, struct range to, page_word first)
{
	bool stays = c->arg[3] & MREMAP_DONTUNMAP || !c->arg[1] || to.start == from.start;
	uint64_t at = to.start;

	if (to.start != from.start)
		pages_each(from, move_one, (uint64_t)&at);
	if (range_len(to) > range_len(from))
		pages_set((struct range){to.start + range_len(from), to.end}, first);
	if (to.start == from.start && range_len(to) < range_len(from))
		pages_set((struct range){to.end, from.end}, 0);
	pages_each(from, stays ? keep_one : clear_one, 0);
}

static long serve_mremap(const struct mm_call *c)
{
	struct range from, to;
	page_word first;
	long r;

	if (!range_init(&from, c->arg[0], c->arg[1] ? c->arg[1] : CM_PAGE))
		return mm_judged(c);
	if (!pages_any(from)) {
		r = mm_judged(c);
		if (!sys_is_error(r) && range_init(&to, (uint64_t)r, c->arg[2]))
			pages_set(to, 0);
		return r;
	}
	first = page_get(pages_find(from.start)) & (page_word) ~(PAGE_PENDING | PAGE_BUSY | PAGE_X);
	pages_each(from, mark_one, 0);
	r = remap(c, from);
	if (sys_is_error(r) || !range_init(&to, (uint64_t)r, c->arg[2]) || prepare(to)) {
		rest(from);
		pages_each(from, keep_one, 0);
	} else {
		follow(c, from, to, first);
		rest(to);
	}
	return r;
}

/* A segment may be laid over what is managed (SHM_REMAP), or where it was. */
static long serve_shmat(const struct mm_call *c)
{
	long r = mm_judged(c);
	struct range range;

	if (!sys_is_error(r) && mm_segment(c, (uint64_t)r, &range))
		pages_set(range, 0);
	return r;
}

/*
 * Makes a call that flip has to do with. Context: as the call.
 *
 * Return: what the kernel returned for the call as the program means it, -errno on failure; -ENOMEM
 * also where there is no room to remember what is managed.
 */
long flip_call(const struct mm_call *c)
{
	struct range range;

	switch (c->nr) {
	case SYS_mmap:
		return serve_mmap(c);
	case SYS_munmap:
		return range_init(&range, c->arg[0], c->arg[1]) ? leave(c, range) : mm_judged(c);
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		return serve_protect(c);
	case SYS_mremap:
		return serve_mremap(c);
	case SYS_shmat:
		return serve_shmat(c);
	case SYS_mseal: /* it would be what it is just now for ever */
		return range_init(&range, c->arg[0], c->arg[1]) && pages_any(range) ? -EPERM
										    : mm_judged(c);
	default:
		return mm_judged(c);
	}
}
