/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/reserve.h"

#include <errno.h>
#include <sys/mman.h>
#include "interpose/attend.h"
#include "interpose/gate.h"
#include "interpose/mm.h"
#include "interpose/reuse.h"
#include "interpose/tail.h"
#include "interpose/forbid.h"

/*
 * Where mappings go that the kernel is free to place, and how long they are: reuse.quarantine (see
 * reuse.c), reserve.superpage and reserve.round.
 *
 * A mapping that reserve.superpage is for begins where a superpage does, and is advised to have
 * them. One that reserve.round is for ends with one as well: what is behind the last page that the
 * program asked for is its tail (tail.c). The program is not to notice, so the tail goes with the
 * last page when that is unmapped or advised about; a call of another kind that would meet the tail
 * finds it gone.
 *
 * Separate from mm.c, which makes calls as they are: what it judges and remembers is the program's
 * own range, and knows of none of this.
 *
 * Context: anywhere; calls come here only with ATTEND_RESERVE.
 */

#define SUPERPAGE (2ull << 20)
#define PLACES    24 /* that are tried before the kernel is asked */

/* What only the kernel can place, or the program does. */
#define PLACED (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT | MAP_GROWSDOWN | MAP_HUGETLB)

/* Of the policy, in bytes; 0: off. */
static uint64_t superpage_from, round_from;

/* Context: the constructor, with the state published. */
void reserve_start(void)
{
	const struct policy *p = &state()->policy;
	uint64_t keep;

	if (!state()->gate)
		return;
	keep = policy_value(p, KEY_REUSE_QUARANTINE);
	superpage_from = policy_value(p, KEY_RESERVE_SUPERPAGE);
	if (superpage_from && tail_start())
		round_from = policy_value(p, KEY_RESERVE_ROUND);
	if ((keep && reuse_start(keep)) || superpage_from)
		attention_set(ATTEND_RESERVE);
}

static uint64_t superpages_up(uint64_t x)
{
	return (x + SUPERPAGE - 1) & ~(SUPERPAGE - 1);
}

/* ---- mappings ------------------------------------------------------------------------------ */

/* Whether a mapping is the kernel's to place. */
static bool is_free(const struct mm_call *c)
{
	return !page_down(c->arg[0]) && !(c->arg[3] & PLACED) && page_up(c->arg[1]);
}

/*
 * Whether a place may be demanded. Of files a driver or hugetlbfs may have its own idea, and what
 * asks for execution is the supervisor's to see: these are wished there, once.
 */
static bool is_plain(const struct mm_call *c)
{
	return c->arg[3] & MAP_ANONYMOUS && !(c->arg[2] & PROT_EXEC);
}

/* Makes a mapping that is free at the next place of the cursor; by the kernel where there is none.
 */
static long place(const struct mm_call *c)
{
	uint64_t len = page_up(c->arg[1]);
	struct mm_call m = *c;
	long r = -EEXIST;

	for (unsigned i = 0; r == -EEXIST && i < PLACES; i++) {
		m.arg[0] = reuse_is_on() ? reuse_pick(len, i) : 0;
		if (!m.arg[0])
			break;
		m.arg[3] = c->arg[3] | (is_plain(c) ? MAP_FIXED_NOREPLACE : 0);
		r = mm_make(&m);
		if (r == (long)m.arg[0])
			reuse_placed(len);
	}
	return r == -EEXIST || r == -ENOMEM || r == -EINVAL ? mm_make(c) : r;
}

static void unmap(uint64_t start, uint64_t end)
{
	if (start < end)
		gate_call6(SYS_munmap, (long)start, (long)(end - start), 0, 0, 0, 0);
}

/* The same, beginning with a superpage if that is to be had: else more is mapped, and cut. */
static long place_aligned(const struct mm_call *c)
{
	uint64_t len = page_up(c->arg[1]), start;
	struct mm_call more = *c;
	long r = -ENOMEM;

	if (reuse_is_on() || !(len & (SUPERPAGE - 1))) { /* Linux 6.7 aligns these by itself */
		r = place(c);
		if (sys_is_error(r) || !(r & (SUPERPAGE - 1)))
			return r;
		unmap((uint64_t)r, (uint64_t)r + len);
	}
	more.arg[1] = len + SUPERPAGE - CM_PAGE;
	r = more.arg[1] > len ? mm_make(&more) : -ENOMEM;
	if (sys_is_error(r))
		return mm_make(c);
	start = superpages_up((uint64_t)r);
	unmap((uint64_t)r, start);
	unmap(start + len, (uint64_t)r + more.arg[1]);
	return (long)start;
}

/* Private memory of no other kind than what malloc(3) and its like ask for. */
static bool is_memory(const struct mm_call *c)
{
	const uint64_t rwx = PROT_READ | PROT_WRITE | PROT_EXEC;

	return (c->arg[3] & ~(uint64_t)MAP_NORESERVE) == (MAP_PRIVATE | MAP_ANONYMOUS) &&
	       (c->arg[2] & rwx) == (PROT_READ | PROT_WRITE);
}

/* The length that a mapping of superpages gets; 0: it is none. */
static uint64_t superpages_len(const struct mm_call *c)
{
	uint64_t len = page_up(c->arg[1]);

	if (!superpage_from || len < superpage_from || !is_memory(c))
		return 0;
	if (round_from && len >= round_from && superpages_up(len))
		len = superpages_up(len);
	return len >= SUPERPAGE ? len : 0;
}

static long map_superpages(const struct mm_call *c, uint64_t len)
{
	uint64_t asked = page_up(c->arg[1]);
	struct mm_call m = *c;
	struct range tail;
	long r;

	m.arg[1] = len;
	r = place_aligned(&m);
	if (sys_is_error(r))
		return len > asked ? place(c) : r;
	tail = (struct range){(uint64_t)r + asked, (uint64_t)r + len};
	if (gate_call6(SYS_madvise, r, (long)len, MADV_HUGEPAGE, 0, 0, 0))
		unmap(tail.start, tail.end); /* this kernel has none */
	else if (len > asked)
		tail_add(tail);
	return r;
}

static long map(const struct mm_call *c)
{
	uint64_t len = is_free(c) ? superpages_len(c) : 0;
	struct range range;
	long r;

	if (len)
		return map_superpages(c, len);
	r = is_free(c) ? place(c) : mm_make(c);
	if (reuse_is_on() && !sys_is_error(r) && range_init(&range, (uint64_t)r, c->arg[1]))
		reuse_mapped(range);
	return r;
}

/* ---- what is done to them ------------------------------------------------------------------ */

/* Advice that a mapping, or memory of it, remembers. */
static bool advice_stays(uint64_t advice)
{
	switch (advice) {
	case MADV_DONTNEED:
	case MADV_FREE:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
		return true;
	default:
		return false;
	}
}

static long advise(const struct mm_call *c)
{
	struct mm_call m = *c;
	struct range range, tail;

	if (round_from && advice_stays(c->arg[2]) && range_init(&range, c->arg[0], c->arg[1]) &&
	    tail_find(range, &tail))
		m.arg[1] = tail.end - range.start;
	return mm_make(&m);
}

static long unmap_range(const struct mm_call *c)
{
	struct mm_call m = *c;
	struct range range, tail;
	bool more;
	long r;

	if (!range_init(&range, c->arg[0], c->arg[1]))
		return mm_make(c);
	more = round_from && tail_take(range, &tail);
	if (more)
		m.arg[1] = tail.end - range.start;
	if (reuse_is_on())
		reuse_unmapped((struct range){range.start, more ? tail.end : range.end});
	r = mm_make(&m);
	if (more && sys_is_error(r))
		tail_add(tail);
	return r;
}

/* Address space of nobody else's, without memory, for what is to be moved there. 0: none. */
static uint64_t claim(uint64_t len)
{
	uint64_t at;
	long r = -EEXIST;

	for (unsigned i = 0; r == -EEXIST && i < PLACES; i++) {
		at = reuse_pick(len, i);
		if (!at)
			return 0;
		r = gate_call6(SYS_mmap, (long)at, (long)len, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
			       -1, 0);
	}
	return r == (long)at ? at : 0;
}

static long grow_here(const struct mm_call *c)
{
	struct mm_call m = *c;

	m.arg[3] = 0;
	return mm_make(&m);
}

/*
 * A mapping that is to grow, anywhere: the kernel would choose a place that may have been unmapped
 * just now, and so may what lies behind it be. So it grows where the cursor is, or else moves.
 */
static long grow(const struct mm_call *c, struct range from, uint64_t len)
{
	struct mm_call m = *c;
	long r = -ENOMEM;
	uint64_t at;

	if (reuse_extend(from.end, len - range_len(from)))
		r = grow_here(c);
	if (r != -ENOMEM)
		return r;
	at = claim(len);
	if (!at)
		return mm_make(c);
	m.arg[3] = MREMAP_MAYMOVE | MREMAP_FIXED;
	m.arg[4] = at;
	reuse_unmapped(from);
	r = mm_make(&m);
	if (sys_is_error(r)) {
		unmap(at, at + len); /* nobody else is given this place */
		return mm_make(c);
	}
	reuse_placed(len);
	reuse_unmapped(from); /* after what has just been mapped */
	return r;
}

static long remap(const struct mm_call *c)
{
	uint64_t len = page_up(c->arg[2]);
	struct range from, to;
	long r;

	if (!reuse_is_on() || !range_init(&from, c->arg[0], c->arg[1]))
		return mm_make(c);
	if (c->arg[3] == MREMAP_MAYMOVE && len > range_len(from)) {
		r = grow(c, from, len);
	} else {
		reuse_unmapped(from);
		r = mm_make(c);
	}
	if (!sys_is_error(r) && range_init(&to, (uint64_t)r, c->arg[2]))
		reuse_mapped(to);
	return r;
}

/*
 * Makes a call as mm_make() does, where and as long as policy wants it.
 *
 * Context: as the file. Return: what the kernel returned.
 */
long reserve_make(const struct mm_call *c)
{
	if (c->way != SEALED_NOT || (state()->chained && !c->direct))
		return mm_make(c); /* the supervisor's, or somebody's who calls libc in turn */
	switch (c->nr) {
	case SYS_mmap:
		return map(c);
	case SYS_munmap:
		return unmap_range(c);
	case SYS_madvise:
		return advise(c);
	case SYS_mremap:
		return remap(c);
	default:
		return mm_make(c);
	}
}

static void drop(uint64_t addr, uint64_t len)
{
	struct range range;

	if (range_init(&range, page_down(addr), len))
		tail_drop(range);
}

/*
 * Before anything judges a call: what it meets that the program has not asked for is taken away,
 * unless it goes along. A segment's length is not known yet: it may reach far.
 *
 * Context: as the file.
 */
void reserve_meet(const struct mm_call *c)
{
	const uint64_t farthest = 1ull << 36;

	if (!round_from)
		return;
	switch (c->nr) {
	case SYS_munmap:
	case SYS_madvise:
		return;
	case SYS_shmat:
		if (c->arg[1])
			drop(c->arg[1], farthest);
		return;
	case SYS_mmap:
		if (c->arg[0])
			drop(c->arg[0], c->arg[1]);
		return;
	case SYS_mremap:
		drop(c->arg[0], c->arg[1]);
		if (c->arg[3] & MREMAP_FIXED)
			drop(c->arg[4], c->arg[2]);
		return;
	default:
		drop(c->arg[0], c->arg[1]);
		return;
	}
}
