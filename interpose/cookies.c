/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/cookies.h"

#include <errno.h>
#include <signal.h>
#include "cookie/host.h"
#include "interpose/mm.h"
#include "interpose/mseal.h"
#include "interpose/touch.h"
#include "interpose/forbid.h"

/*
 * Cookies under the interposer: it knows of every call of the family whether it comes by a cookie.
 * So the rest of the program is held to what the cookies say: a mapping that a cookie names is
 * changed by that cookie, or not at all.
 *
 * foreign.replace, foreign.unmap and foreign.protect say what becomes of a call that comes
 * otherwise. No word opens a region: "allow" is "deny" here, and "log" makes the call, but keeps
 * the region's addresses: what is unmapped is reserved again, and what is mapped over it is not the
 * cookie's any more.
 *
 * Context: anywhere after the constructor.
 */

/* The key that rules a deed to memory that somebody else has mapped; KEY_NONE: none does. */
static enum policy_key key_of(const struct seal_deed *d)
{
	switch (d->seal) {
	case SEAL_REPLACE:
		return KEY_FOREIGN_REPLACE;
	case SEAL_UNMAP:
	case SEAL_MOVE:
		return KEY_FOREIGN_UNMAP;
	case SEAL_PROT:
	case TOUCH_OTHER:
		return KEY_FOREIGN_PROTECT;
	default:
		return KEY_NONE;
	}
}

/* What is said of a call that touches regions. */
struct ruling {
	enum policy_key key;
	enum policy_verdict verdict; /* V_ALLOW: it touches none */
};

/* Adds a deed that touches a region. No word but "log" lets it be done. */
static void rule(const struct mm_call *c, const struct seal_deed *d, struct ruling *rp)
{
	enum policy_key key = key_of(d);
	const struct module *caller = judge_caller(c);
	enum policy_verdict verdict = V_DENY;

	if (caller && caller->late) { /* another may have been loaded in its place */
		module_renew(c->caller);
		caller = judge_caller(c);
	}
	if (key != KEY_NONE && state()->supervised)
		verdict = (enum policy_verdict)policy_value_for(&state()->policy, key,
								caller ? caller->name->path : NULL);
	if (verdict == V_ALLOW)
		verdict = V_DENY;
	if (verdict > rp->verdict)
		*rp = (struct ruling){key, verdict};
}

/* A seal that the program asked for is no policy, and not reported. */
static void report(const struct mm_call *c, const struct ruling *r)
{
	if (state()->supervised && r->key != KEY_NONE)
		gate_control(CONTROL_REPORT, (uint64_t)r->key << 8 | r->verdict, c->caller,
			     (uint64_t)c->nr | REPORT_COOKIE, c->arg[0], c->arg[1]);
	if (r->verdict == V_KILL)
		judge_die();
}

/*
 * A wish for addresses of an area, which is the cookies', is as good as none. A segment that is to
 * be attached there is told what it would be told of a place that is taken.
 *
 * Return: 0, -EEXIST, -EINVAL.
 */
static int divert(struct mm_call *c, const struct cookies *cookies)
{
	bool attaches = c->nr == SYS_shmat && !(c->arg[2] & SHM_REMAP);
	uint64_t at = attaches ? c->arg[1] : c->arg[0], len = attaches ? 1 : c->arg[1];
	struct range range;

	if (!at || !(attaches || c->nr == SYS_mmap) || !range_init(&range, page_down(at), len))
		return 0;
	if (!space_holds(&cookies->space, range))
		return 0;
	if (attaches)
		return -EINVAL;
	if (c->arg[3] & MAP_FIXED_NOREPLACE)
		return at == range.start ? -EEXIST : 0; /* else the kernel says what it is */
	if (!(c->arg[3] & MAP_FIXED))
		c->arg[0] = 0;
	return 0;
}

/* ---- calls that are made all the same ------------------------------------------------------ */

static void update(struct cookies *c, const struct seal_deed *deed, const struct mm_call *call)
{
	struct range rest = deed->range;
	struct region piece;

	for (; regions_first(&c->pieces, rest, &piece); rest.start = piece.range.end) {
		struct aim a = {.c = c, .index = piece_slot(&piece)};

		a.slot = slot_at(c, a.index);
		a.range = range_common(piece.range, rest);
		if (pieces_ready(c))
			continue;
		if (mm_is_protect(call->nr))
			pieces_protect(&a, call->arg[2] & (PROT_READ | PROT_WRITE | PROT_EXEC));
		else if (deed->seal != TOUCH_OTHER)
			pieces_forget(c, a.index, a.range);
	}
}

/* Reserves what of a range cookies name, and unmaps the rest. */
static long unmap_around(struct cookies *c, struct mm_call call, struct range range)
{
	struct region piece;
	long r = 0;

	while (!r && range.start < range.end) {
		struct range gap = range, own = range;
		bool found = regions_first(&c->pieces, range, &piece);

		if (found) {
			own = range_common(piece.range, range);
			gap.end = own.start;
		}
		call.arg[0] = gap.start;
		call.arg[1] = range_len(gap);
		if (gap.start < gap.end)
			r = mm_looked_at(&call);
		if (found && !r)
			r = space_reserve(call.caller, own);
		if (found && !r && piece_kind(&piece) != PIECE_VIEW && !pieces_ready(c)) {
			struct aim a = {.c = c, .index = piece_slot(&piece), .caller = call.caller};
			struct region empty;

			a.slot = slot_at(c, a.index);
			empty = piece_reserved(&a, own);
			pieces_lay(&a, &empty);
		}
		range.start = found ? own.end : range.end;
	}
	return r;
}

/* Makes a call that touches regions and is logged, and enters what it does to them. Under the lock.
 */
static long make_logged(struct cookies *c, const struct mm_call *call,
			const struct seal_deed deed[SEAL_DEEDS], unsigned n)
{
	long r;

	if (call->nr == SYS_munmap)
		return unmap_around(c, *call, deed[0].range);
	r = mm_looked_at(call);
	for (unsigned i = 0; !sys_is_error(r) && i < n; i++)
		update(c, &deed[i], call);
	return r;
}

/* What the kernel says of a range in which nothing is mapped; 1: it has to be asked. */
static long result_of_nothing(const struct mm_call *c)
{
	const uint64_t all = PROT_READ | PROT_WRITE | PROT_EXEC;

	if (c->nr == SYS_munmap)
		return 0;
	if (c->nr == SYS_mprotect && !(c->arg[2] & ~all))
		return -ENOMEM;
	if (c->nr == SYS_mremap && c->arg[2] && c->arg[2] < 1ull << 46 &&
	    !(c->arg[3] & ~(uint64_t)MREMAP_MAYMOVE))
		return -EFAULT;
	return 1;
}

/*
 * A call that touches no region, in an area: what it means may be a region when the kernel gets to
 * it. Where nothing is mapped, what the kernel would say is said without it.
 *
 * Return: true with *rp written; false: it is to be made, or to be looked at again.
 */
static bool is_of_nothing(const struct cookies *c, const struct mm_call *call,
			  const struct seal_deed *d, long *rp)
{
	long r = result_of_nothing(call);

	if (r == 1 || !space_holds(&c->space, d->range) || !mseal_is_unmapped(d->range))
		return false;
	*rp = r;
	return true;
}

/*
 * Whether a range may be sealed by its address: not where a region is, which is sealed by its
 * cookie. Context: as the file.
 */
bool cookies_let_seal(uint64_t caller, struct range range)
{
	struct cookies *c = cookies_get();
	struct seal_deed d = {.range = range, .seal = TOUCH_OTHER};
	struct mm_call call = {
		.nr = SYS_mseal, .arg = {range.start, range_len(range)}, .caller = caller};
	struct ruling ruling = {KEY_NONE, V_ALLOW};

	if (!c || !touch_is(c, &d))
		return true;
	rule(&call, &d, &ruling);
	report(&call, &ruling);
	return ruling.verdict == V_LOG;
}

/*
 * Whether the break may go down to an address: not where a region lies in a hole of the heap.
 * Context: as the file.
 */
bool cookies_let_go(uint64_t from, uint64_t to)
{
	struct cookies *c = cookies_get();
	struct seal_deed d = {.range = {from, to}, .seal = SEAL_UNMAP};

	return !c || from >= to || !touch_is(c, &d);
}

/*
 * Makes a call of the family that does not come by a cookie, in a program that has cookies.
 *
 * Context: as the file.
 * Return: what the kernel returned, or the errno of a refusal, negative.
 */
long cookies_call(const struct mm_call *c)
{
	struct cookies *cookies = cookies_get();
	struct ruling ruling = {KEY_NONE, V_ALLOW};
	struct seal_deed deed[SEAL_DEEDS];
	struct mm_call made = *c;
	unsigned n = touch_deeds(c, deed);
	long r = cookies ? divert(&made, cookies) : 0;

	if (r)
		return r;
	for (unsigned i = 0; cookies && i < n; i++) {
		bool touched;

		touch_widen(cookies, c, &deed[i]);
		touched = touch_concerns(cookies, &deed[i]);
		if (!touched && is_of_nothing(cookies, c, &deed[i], &r))
			return r;
		if (touched || (space_holds(&cookies->space, deed[i].range) &&
				touch_concerns(cookies, &deed[i])))
			rule(c, &deed[i], &ruling);
	}
	if (ruling.verdict == V_ALLOW)
		return mm_looked_at(&made);
	if (ruling.verdict == V_LOG && cookies_enter(cookies))
		ruling.verdict = V_DENY; /* nobody could say afterwards what the cookies name */
	report(c, &ruling);
	if (ruling.verdict != V_LOG)
		return -EPERM;
	r = make_logged(cookies, &made, deed, n);
	cookies_leave(cookies);
	return r;
}
