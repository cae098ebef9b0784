/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/mm.h"

#include "interpose/cookies.h"
#include "interpose/flip.h"
#include "interpose/inspect.h"
#include "interpose/next.h"
#include "interpose/reserve.h"
#include "interpose/sealed.h"
#include "interpose/forbid.h"

/*
 * The calls of the family under a policy that has something to say about them: judged, made, and
 * entered into the region table.
 *
 * A call that grants execution goes to the supervisor whatever comes of it here; it is told first
 * who asks, since the return address lies in memory that it never reads.
 *
 * The table's order: what is unmapped leaves it before the kernel acts, and comes back if the
 * kernel refuses; what is mapped enters it after. Then no thread can delete another's entry.
 *
 * Context: anywhere after the constructor. Arguments are the kernel's, unchecked.
 */

uint8_t attention;

/* A change of protection has registers to spare for who asks; nobody else's wrapper keeps them. */
static long make_told(const struct mm_call *c)
{
	return gate_call6(c->nr, (long)c->arg[0], (long)c->arg[1], (long)c->arg[2], (long)c->arg[3],
			  (long)c->caller, (long)(CONTROL_TOLD | TOLD_CALL));
}

/* Past the gate, so that the supervisor judges it; a signal may come before it takes the call. */
static long make_raw(const struct mm_call *c)
{
	bool told = c->way == SEALED_DOWNGRADE;
	long r;

	do {
		r = sys_raw6(c->nr, (long)c->arg[0], (long)c->arg[1], (long)c->arg[2],
			     (long)c->arg[3], told ? (long)c->caller : (long)c->arg[4],
			     told ? (long)(CONTROL_TOLD | TOLD_DOWNGRADE) : (long)c->arg[5]);
	} while (r == -EINTR);
	return r;
}

/* Makes a call as it stands. Context: as the file. Return: what the kernel returned. */
long mm_make(const struct mm_call *c)
{
	bool others = state()->chained && !c->direct, asks = mm_grants_exec(c->nr, (long)c->arg[2]);
	long r;

	if (c->way != SEALED_NOT)
		return make_raw(c);
	if (asks && !others && mm_is_protect(c->nr) && !c->entry)
		return make_told(c);
	if (asks && !c->entry)
		gate_control(CONTROL_CALLER, c->caller, 0, 0, 0, 0);
	if (others && next_call(c, &r))
		return r;
	r = gate_call_by(asks ? c->entry : 0, c->nr, (long)c->arg[0], (long)c->arg[1],
			 (long)c->arg[2], (long)c->arg[3], (long)c->arg[4], (long)c->arg[5]);
	if (r == -EPERM)
		sealed_explain(c);
	return r;
}

static long make(const struct mm_call *c)
{
	return attention_is(ATTEND_RESERVE) && !c->cookie ? reserve_make(c) : mm_make(c);
}

static void enter(struct range range, uint32_t owner, uint64_t prot, uint8_t flags)
{
	const uint8_t all = PROT_READ | PROT_WRITE | PROT_EXEC;

	table_map(&state()->table, &(struct region){
					   .range = range,
					   .owner = owner,
					   .prot = (uint8_t)(prot & all),
					   .max_prot = all,
					   .flags = flags,
				   });
}

/* What libc reserves for itself (arenas, guards of stacks) is nobody else's to fill. */
static uint8_t map_flags(const struct mm_call *c)
{
	uint64_t flags = c->arg[3];
	uint8_t r = 0;

	if ((flags & MAP_TYPE) != MAP_PRIVATE)
		r |= REGION_SHARED;
	if (!(flags & MAP_ANONYMOUS))
		r |= REGION_FILE;
	if (!r && !c->entry && !(c->arg[2] & (PROT_READ | PROT_WRITE | PROT_EXEC)))
		r |= REGION_RESERVED;
	return r;
}

static long do_mmap(const struct mm_call *c)
{
	struct judge_claims claims = {.n = 0};
	struct range range;
	long r;

	if (c->arg[3] & MAP_FIXED && !(c->arg[3] & MAP_FIXED_NOREPLACE) &&
	    range_init(&range, c->arg[0], c->arg[1])) {
		r = judge_replace(c, range, &claims);
		if (r)
			return r;
	}
	r = make(c);
	if (sys_is_error(r))
		judge_release(&claims);
	else if (range_init(&range, (uint64_t)r, c->arg[1]))
		enter(range, judge_owner(c), c->arg[2], map_flags(c));
	return r;
}

/* Judges and makes a call that unmaps `range`, and only that. */
static long unmap(const struct mm_call *c, struct range range)
{
	struct region taken[TABLE_TAKE];
	unsigned n;
	long r = judge_unmap(c, range);

	if (r)
		return r;
	n = table_take(&state()->table, range, taken, TABLE_TAKE);
	r = make(c);
	if (sys_is_error(r))
		table_give(&state()->table, taken, n);
	return r;
}

static long do_munmap(const struct mm_call *c)
{
	struct range range;

	return range_init(&range, c->arg[0], c->arg[1]) ? unmap(c, range) : make(c);
}

/* Whether a change of protection gives execution, unless the supervisor knows better. */
static bool would_execute(const struct mm_call *c)
{
	const struct module *caller;
	struct policy_ask ask = {.deeds = DEED_ADD_X, .kernel_key = KEY_NONE, .jit_image = true};
	struct policy_ruling r;

	if (!mm_grants_exec(c->nr, (long)c->arg[2]) ||
	    policy_value(&state()->policy, KEY_WX_INSPECT) == V_ALLOW)
		return false;
	caller = judge_caller(c);
	ask.caller = caller && !caller->name->libc ? caller->name->path : NULL;
	policy_rule(&state()->policy, &ask, &r);
	return r.verdict < V_DENY;
}

static long do_mprotect(const struct mm_call *c)
{
	struct range range;
	long r;

	if (!range_init(&range, c->arg[0], c->arg[1]))
		return make(c);
	r = judge_protect(c, range);
	if (r)
		return r;
	if (would_execute(c) && !inspect_range(range, c->caller))
		return -policy_refusal(KEY_WX_INSPECT);
	r = make(c);
	if (!sys_is_error(r) && state()->watch & WATCH_TABLE)
		table_protect(&state()->table, range,
			      c->arg[2] & (PROT_READ | PROT_WRITE | PROT_EXEC));
	return r;
}

/* mremap that leaves the old range mapped: MREMAP_DONTUNMAP, or a second view (old size 0). */
static long remap_copy(const struct mm_call *c)
{
	const struct table *t = &state()->table;
	struct region old;
	struct range to;
	bool known = !table_find(t, c->arg[0], &old);
	long r = make(c);

	if (sys_is_error(r) || !range_init(&to, (uint64_t)r, c->arg[2]))
		return r;
	if (known)
		enter(to, old.owner, old.prot, old.flags);
	else
		table_unmap(t, to);
	return r;
}

static long remap_move(const struct mm_call *c, struct range from)
{
	const struct table *t = &state()->table;
	struct region taken[TABLE_TAKE];
	unsigned n = table_take(t, from, taken, TABLE_TAKE);
	struct range to;
	long r = make(c);

	if (sys_is_error(r))
		table_give(t, taken, n);
	else if (range_init(&to, (uint64_t)r, c->arg[2]))
		table_remap(t, from, to, taken, n);
	return r;
}

static long do_mremap(const struct mm_call *c)
{
	struct judge_claims claims = {.n = 0};
	bool copies = c->arg[3] & MREMAP_DONTUNMAP || !c->arg[1];
	struct range from, to;
	long r;

	if (!range_init(&from, c->arg[0], copies ? CM_PAGE : c->arg[1]))
		return make(c);
	r = judge_unmap(c, from);
	if (!r && c->arg[3] & MREMAP_FIXED && range_init(&to, c->arg[4], c->arg[2]))
		r = judge_replace(c, to, &claims);
	if (r)
		return r;
	r = copies ? remap_copy(c) : remap_move(c, from);
	if (sys_is_error(r))
		judge_release(&claims);
	return r;
}

/*
 * Whether a mapping that begins at `addr` is at least so long: the kernel looks at that first when
 * it is to grow in its place, and it has no room to grow past the end of all addresses (Linux 5.9
 * and 6.18 mm/mremap.c).
 */
bool mm_is_as_long(uint64_t addr, uint64_t len)
{
	uint64_t too_long = (1ull << 47) + CM_PAGE - addr;
	long r;

	if (len >= too_long)
		return false;
	r = gate_call6(SYS_mremap, (long)addr, (long)len, (long)too_long, 0, 0, 0);
	return r == -ENOMEM || r == -EAGAIN;
}

/* Its length; 0: of a kind that the kernel never lets grow. */
static uint64_t mapping_len(uint64_t addr)
{
	uint64_t len = CM_PAGE;

	if (!mm_is_as_long(addr, len))
		return 0;
	while (mm_is_as_long(addr, 2 * len))
		len *= 2;
	for (uint64_t step = len / 2; step >= CM_PAGE; step /= 2)
		if (mm_is_as_long(addr, len + step))
			len += step;
	return len;
}

/* The length of a segment that is not attached yet: it is, elsewhere, for the moment. */
static uint64_t segment_len(int id)
{
	long at = gate_call6(SYS_shmat, id, 0, SHM_RDONLY, 0, 0, 0);
	uint64_t len;

	if (sys_is_error(at))
		return 0;
	len = mapping_len((uint64_t)at);
	gate_call6(SYS_shmdt, at, 0, 0, 0, 0, 0);
	return len;
}

/*
 * The range of a segment that is attached at `addr`, or with SHM_REMAP is to be. It is measured by
 * calls of the family, since a filter of the program's own may forbid shmctl(2); that is asked
 * about what cannot be measured alone (huge pages).
 *
 * Return: false where the kernel will not say, and so will not attach it.
 */
bool mm_segment(const struct mm_call *c, uint64_t addr, struct range *rp)
{
	int id = (int)c->arg[0];
	uint64_t len = c->arg[2] & SHM_REMAP ? segment_len(id) : mapping_len(addr);
	struct shmid_ds ds = {.shm_segsz = len};

	if (!len && sys_raw6(SYS_shmctl, id, IPC_STAT, (long)&ds, 0, 0, 0))
		return false;
	return range_init(rp, addr, ds.shm_segsz);
}

/*
 * What a call does to mapped memory, as seal_deeds() has it. How far shmat(2) reaches is known
 * here, if anybody may know it.
 */
unsigned mm_deeds(const struct mm_call *c, struct seal_deed deed[SEAL_DEEDS])
{
	unsigned n = seal_deeds(c->nr, c->arg, deed);

	if (c->nr == SYS_shmat && n)
		mm_segment(c, deed[0].range.start, &deed[0].range);
	return n;
}

static long do_shmat(const struct mm_call *c)
{
	struct judge_claims claims = {.n = 0};
	uint64_t flags = c->arg[2], at = flags & SHM_RND ? page_down(c->arg[1]) : c->arg[1];
	uint64_t prot = PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
			(flags & SHM_EXEC ? PROT_EXEC : 0);
	struct range range;
	long r = 0;

	if (flags & SHM_REMAP && at && mm_segment(c, at, &range))
		r = judge_replace(c, range, &claims);
	if (r)
		return r;
	r = make(c);
	if (sys_is_error(r))
		judge_release(&claims);
	else if (mm_segment(c, (uint64_t)r, &range))
		enter(range, judge_owner(c), prot, REGION_SHARED);
	return r;
}

/*
 * shmdt(2) is given no length. The segment is what the table has there, and whatever of the same
 * kind and owner follows without a gap: mprotect(2) may have cut it up. A neighbouring segment may
 * be forgotten with it; facts may be lost, none may be wrong.
 */
static long do_shmdt(const struct mm_call *c)
{
	struct region first, next;
	struct range range;

	if (table_find(&state()->table, c->arg[0], &first) || first.range.start != c->arg[0])
		return make(c);
	range = first.range;
	while (!table_find(&state()->table, range.end, &next) && next.owner == first.owner &&
	       next.flags == first.flags)
		range.end = next.range.end;
	return unmap(c, range);
}

/*
 * Makes one call of the family as the kernel is to see it, judged and entered. Calls that the table
 * has no business with are passed on.
 *
 * Context: as the file.
 * Return: what the kernel returned, or the errno of a refusal, negative.
 */
long mm_judged(const struct mm_call *c)
{
	if (!(state()->watch & WATCH_TABLE) && !mm_is_protect(c->nr))
		return make(c);
	switch (c->nr) {
	case SYS_mmap:
		return do_mmap(c);
	case SYS_munmap:
		return do_munmap(c);
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		return do_mprotect(c);
	case SYS_mremap:
		return do_mremap(c);
	case SYS_shmat:
		return do_shmat(c);
	case SYS_shmdt:
		return do_shmdt(c);
	default:
		return make(c);
	}
}

static long unsealed(const struct mm_call *c)
{
	return flip_concerns(c) ? flip_call(c) : mm_judged(c);
}

/* The same among seals that the kernel does not know. */
static long sealed(const struct mm_call *c, int way)
{
	struct mm_call made = *c;
	struct sealed_taken taken;
	long r = sealed_take(c, &taken);

	if (r)
		return r;
	made.way = (enum sealed_way)way;
	if (c->cookie && (taken.n || taken.left))
		sealed_untell(c);
	else if ((taken.n || taken.left) && way == SEALED_NOT &&
		 !mm_grants_exec(c->nr, (long)c->arg[2]))
		made.way = SEALED_RAW; /* the supervisor forgets it as well */
	r = unsealed(&made);
	sealed_settle(c, r, &taken);
	return r;
}

/*
 * Makes one call of the family that is held to nothing that cookies say. What comes by a cookie has
 * been held against its seals there. Context, Return: as mm_judged().
 */
long mm_looked_at(const struct mm_call *c)
{
	int way;

	if (attention_is(ATTEND_RESERVE) && !c->cookie)
		reserve_meet(c);
	way = c->cookie ? SEALED_NOT : sealed_judge(c);
	if (way < 0)
		return way;
	if (way != SEALED_NOT || attention_is(ATTEND_SEALS))
		return sealed(c, way);
	return unsealed(c);
}

/* Makes one call of the family as the program means it. Context, Return: as mm_judged(). */
long mm_ruled(const struct mm_call *c)
{
	return attention_is(ATTEND_COOKIES) && !c->cookie ? cookies_call(c) : mm_looked_at(c);
}
