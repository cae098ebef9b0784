/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/judge.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include "interpose/gate.h"
#include "interpose/forbid.h"

/*
 * May this caller touch these mappings? The rules that only the process itself can judge, because
 * the kernel knows neither owners nor callers: foreign.replace, foreign.unmap, foreign.protect and
 * fixed.replace.
 *
 * foreign: the table knows a module that made the mapping, and it is not the caller's. libc and
 * ld.so are never foreign, and nothing is foreign to them: dlopen, dlclose, thread stacks.
 *
 * fixed.replace: MAP_FIXED (or mremap, or SHM_REMAP) over something that is neither the caller's
 * own nor a reservation, that is private anonymous address space without rights. Where the table
 * knows nothing, something unknown may still be mapped: that of a libc that is not patched.
 * So such gaps are claimed with MAP_FIXED_NOREPLACE before the call that replaces them. EEXIST is
 * the kernel's word that there is something to replace; a claim that succeeds keeps everybody else
 * out until the call has replaced it.
 *
 * Holds: the table is read without keeping its lock; a thread that races with itself for one range
 * is judged by one of the states it made.
 *
 * Context: anywhere; only with state()->watch.
 */

#define BATCH 8

struct judge {
	const struct mm_call *call;
	const struct module *caller; /* NULL: code of no file */
	bool renewed;
};

/* The module that makes the call; NULL: code of no file. Context: as the file. */
const struct module *judge_caller(const struct mm_call *c)
{
	return module_caller(c->caller, module_find(c->caller));
}

static struct judge judge_for(const struct mm_call *c)
{
	return (struct judge){.call = c, .caller = judge_caller(c)};
}

/* What the report calls the range: the call's first two arguments. */
static void report(const struct judge *j, const struct policy_ruling *r)
{
	const struct mm_call *c = j->call;

	gate_control(CONTROL_REPORT, (uint64_t)r->rule << 8 | r->verdict, c->caller,
		     (uint64_t)c->nr, c->arg[0], c->arg[1]);
}

/*
 * The supervisor ends the process when it hears of it; this is for when it does not. A filter of
 * the program's own may refuse even exit_group(2). Context: as the file.
 */
_Noreturn void judge_die(void)
{
	sys_raw6(SYS_exit_group, 128 + SIGKILL, 0, 0, 0, 0, 0);
	for (;;)
		__builtin_trap();
}

/* 0: go on; -EAGAIN: the caller has turned out to be another module, judge again; -errno. */
static int rule(struct judge *j, unsigned deeds)
{
	struct policy_ask ask = {
		.deeds = deeds,
		.kernel_key = KEY_NONE,
		.caller = j->caller ? j->caller->name->path : NULL,
	};
	struct policy_ruling r;

	if (!deeds)
		return 0;
	policy_rule(&state()->policy, &ask, &r);
	if (r.verdict == V_ALLOW)
		return 0;
	if (j->caller && j->caller->late && !j->renewed) {
		j->renewed = true;
		module_renew(j->call->caller);
		j->caller = judge_caller(j->call);
		return -EAGAIN;
	}
	report(j, &r);
	if (r.verdict == V_KILL)
		judge_die();
	return r.verdict == V_DENY ? -r.error : 0;
}

static bool is_own(const struct judge *j, const struct region *r)
{
	return r->owner && j->caller && j->caller->name->id == r->owner;
}

static bool is_reservation(const struct region *r)
{
	return r->flags & REGION_RESERVED && !r->prot;
}

static unsigned deeds_of(const struct judge *j, const struct region *r, unsigned deeds)
{
	unsigned done = 0;

	if (is_own(j, r))
		return 0;
	if (r->owner)
		done |= deeds & ~(unsigned)DEED_FIXED_REPLACE;
	if (!is_reservation(r))
		done |= deeds & DEED_FIXED_REPLACE;
	return done;
}

/* Claims one gap. Returns the deed of replacing what is there, or 0. */
static unsigned claim(struct range gap, struct judge_claims *claims)
{
	long r;

	if (gap.start >= gap.end)
		return 0;
	if (claims->n == JUDGE_GAPS)
		return DEED_FIXED_REPLACE; /* too many pieces for a reservation of anyone's */
	r = gate_call6(SYS_mmap, (long)gap.start, (long)range_len(gap), PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (!sys_is_error(r))
		claims->at[claims->n++] = gap;
	return r == -EEXIST ? DEED_FIXED_REPLACE : 0;
}

/*
 * What a call that does `deeds` to foreign mappings does to this range, gaps claimed where
 * `claims` is given. A table that cannot be read just now (a handler interrupted its holder) knows
 * nothing, and nothing is held against the caller.
 */
static unsigned survey(const struct judge *j, struct range range, unsigned deeds,
		       struct judge_claims *claims)
{
	struct region found[BATCH];
	uint64_t at = range.start;
	unsigned done = 0;
	int n;

	if (j->caller && j->caller->name->libc)
		return 0;
	do {
		n = table_overlap(&state()->table, (struct range){at, range.end}, found, BATCH);
		if (n < 0)
			return done;
		for (int i = 0; i < n; i++) {
			done |= deeds_of(j, &found[i], deeds);
			if (claims && found[i].range.start > at)
				done |= claim((struct range){at, found[i].range.start}, claims);
			at = found[i].range.end;
		}
	} while (n == BATCH && at < range.end);
	if (claims && at < range.end)
		done |= claim((struct range){at, range.end}, claims);
	return done;
}

static int judge_range(const struct mm_call *c, struct range range, unsigned deeds,
		       struct judge_claims *claims)
{
	struct judge j = judge_for(c);
	int r;

	if (c->cookie)
		return 0; /* it is the cookie's to say */
	do {
		r = rule(&j, survey(&j, range, deeds, claims));
		if (r && claims)
			judge_release(claims);
	} while (r == -EAGAIN);
	return r;
}

/*
 * Whether the caller may unmap (or move away) what lies in `range`. Context: as the file.
 *
 * Return: 0 (reported where the policy says so), or the errno to fail with, negative.
 */
int judge_unmap(const struct mm_call *c, struct range range)
{
	if (!(state()->watch & WATCH_UNMAP))
		return 0;
	return judge_range(c, range, DEED_FOREIGN_UNMAP, NULL);
}

/* As judge_unmap(), for a change of protection. */
int judge_protect(const struct mm_call *c, struct range range)
{
	if (!(state()->watch & WATCH_PROTECT))
		return 0;
	return judge_range(c, range, DEED_FOREIGN_PROTECT, NULL);
}

/*
 * As judge_unmap(), for a mapping laid over `range`. `claims` begins empty; with 0 the address
 * space it names is held for the caller, who must replace it or call judge_release().
 */
int judge_replace(const struct mm_call *c, struct range range, struct judge_claims *claims)
{
	bool fixed = state()->watch & WATCH_FIXED;

	if (!(state()->watch & (WATCH_REPLACE | WATCH_FIXED)))
		return 0;
	return judge_range(c, range, DEED_FOREIGN_REPLACE | (fixed ? DEED_FIXED_REPLACE : 0),
			   fixed ? claims : NULL);
}

/* Gives claimed address space back. Context: as the file. */
void judge_release(struct judge_claims *claims)
{
	while (claims->n) {
		struct range gap = claims->at[--claims->n];

		gate_call6(SYS_munmap, (long)gap.start, (long)range_len(gap), 0, 0, 0, 0);
	}
}

/* The number of the module that makes the call; 0: code of no file. Context: as the file. */
uint32_t judge_owner(const struct mm_call *c)
{
	const struct module *m = judge_caller(c);

	return m && !m->name->libc ? m->name->id : 0;
}
