/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Seals, cmseal(3): each forbids what it is there for and nothing else, wherever in a range it
 * lies, and none ever comes off.
 */

#define N     4ul
#define LEN   (N * PAGE)
#define KNOWN (CM_SEAL_ALL | CM_SEAL_DOWNGRADE)

/* What may be done, and the seals that forbid it. */
struct deed {
	const char *name;
	int (*make)(cm_t c, size_t at, size_t len);
	int forbidden_by;
};

static int less(cm_t c, size_t at, size_t len)
{
	return cmprotect(c, at, len, R);
}

static int none(cm_t c, size_t at, size_t len)
{
	return cmprotect(c, at, len, PROT_NONE);
}

static int as_it_is(cm_t c, size_t at, size_t len)
{
	return cmprotect(c, at, len, RW);
}

static int replace(cm_t c, size_t at, size_t len)
{
	return cmsubmap(c, at, len, RW, 0, -1, 0);
}

static int discard(cm_t c, size_t at, size_t len)
{
	return cmadvise(c, at, len, MADV_DONTNEED);
}

static int discard_later(cm_t c, size_t at, size_t len)
{
	return cmadvise(c, at, len, MADV_FREE);
}

static int advise(cm_t c, size_t at, size_t len)
{
	return cmadvise(c, at, len, MADV_RANDOM);
}

static int zero(cm_t c, size_t at, size_t len)
{
	return cminherit(c, at, len, CM_INHERIT_ZERO);
}

static int keep_away(cm_t c, size_t at, size_t len)
{
	return cminherit(c, 0, LEN, CM_INHERIT_NONE);
}

static int close_all(cm_t c, size_t at, size_t len)
{
	return cmclose(c, CM_CLOSE_UNMAP);
}

static int revoke(cm_t c, size_t at, size_t len)
{
	return cmrevoke(c);
}

static int let_go(cm_t c, size_t at, size_t len)
{
	return cmclose(c, 0);
}

static int sync_all(cm_t c, size_t at, size_t len)
{
	return cmsync(c, at, len, MS_SYNC);
}

static int restrict_all(cm_t c, size_t at, size_t len)
{
	return cmrestrict(c, CM_OP_STAT, NULL);
}

static int seal(cm_t c, size_t at, size_t len)
{
	return cmseal(c, at, len, CM_SEAL_ALL);
}

/* Rights that are kept or become fewer are no change that CM_SEAL_DOWNGRADE is against. */
static const struct deed deeds[] = {
	{"cmprotect to less", less, CM_SEAL_PROT},
	{"cmprotect to nothing", none, CM_SEAL_PROT},
	{"cmunmap", cmunmap, CM_SEAL_UNMAP},
	{"cmclose with unmapping", close_all, CM_SEAL_UNMAP},
	{"cmrevoke", revoke, CM_SEAL_UNMAP},
	{"cmsubmap", replace, CM_SEAL_REPLACE | CM_SEAL_DOWNGRADE},
	{"MADV_DONTNEED", discard, CM_SEAL_DISCARD | CM_SEAL_DOWNGRADE},
	{"MADV_FREE", discard_later, CM_SEAL_DISCARD | CM_SEAL_DOWNGRADE},
	{"CM_INHERIT_ZERO", zero, CM_SEAL_DISCARD | CM_SEAL_DOWNGRADE},
	{"CM_INHERIT_NONE", keep_away, CM_SEAL_DISCARD | CM_SEAL_DOWNGRADE},
	{"MADV_RANDOM", advise, 0},
	{"cmsync", sync_all, 0},
	{"cmclose", let_go, 0},
	{"cmrestrict", restrict_all, 0},
	{"more seals", seal, 0},
};

/* The deed on all of a region, of which one page is sealed. */
static bool forbids(const struct deed *d, int seals, size_t page, bool beside)
{
	cm_t c = region_new(LEN, RW, 0);

	if (cmseal(c, page * PAGE, PAGE, seals))
		claims_broken("cmseal");
	errno = 0;
	if (!(beside ? d->make(c, (page ? page - 1 : 1) * PAGE, PAGE) : d->make(c, 0, LEN)))
		return false;
	if (errno != EPERM)
		claims_broken(d->name);
	return true;
}

static void each_forbids_its_own(void)
{
	for (size_t i = 0; i < COUNT(deeds); i++) {
		unsigned n_right = 0;

		for (int seals = 1; seals <= KNOWN; seals++)
			n_right += forbids(&deeds[i], seals, (size_t)seals % N, false) ==
				   !!(seals & deeds[i].forbidden_by);
		claim(n_right == KNOWN,
		      "%s is forbidden by its seals, wherever they lie, and by none of "
		      "the others",
		      deeds[i].name);
	}
}

/* Those that reach for the whole region whatever their range. */
static bool is_of_all(const struct deed *d)
{
	return d->make == close_all || d->make == revoke || d->make == keep_away;
}

static void not_beside(void)
{
	unsigned n = 0;

	for (size_t i = 0; i < COUNT(deeds); i++)
		for (size_t page = 0; page < N && !is_of_all(&deeds[i]); page++)
			n += forbids(&deeds[i], KNOWN, page, true);
	claim(!n, "beside a sealed page nothing is forbidden");
}

/* CM_SEAL_DOWNGRADE looks at what there is. */
static void downgrade(void)
{
	cm_t c = region_new(LEN, RW, 0);

	claim(!cmseal(c, 0, LEN, CM_SEAL_DOWNGRADE) && !as_it_is(c, 0, LEN), "rights may stay");
	claim(!less(c, 0, LEN) && !look_writes(region_at(c)), "and become fewer");
	errno = 0;
	claim(as_it_is(c, 0, LEN) == -1 && errno == EPERM && !look_writes(region_at(c)),
	      "and do not come back");
	claim(!cmunmap(c, 0, PAGE) && !look_reads(region_at(c)), "it may be unmapped");
	errno = 0;
	claim(replace(c, 0, PAGE) == -1 && errno == EPERM, "and not be filled again");
	claim(!cmclose(c, CM_CLOSE_UNMAP), "and be closed");
}

static int seals_at(cm_t c, size_t page)
{
	struct cm_stat st;

	for (size_t i = 0; !cmstat(c, i, &st); i++)
		if (page * PAGE >= st.offset && page * PAGE < st.offset + st.len)
			return st.seals;
	return -1;
}

static uint64_t state = 0xb7e151628aed2a6b;

static unsigned draw(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)((state >> 20) % below);
}

/* Whatever is done, the seals of a page become more. */
static void never_come_off(void)
{
	unsigned n_wrong = 0, n_sealed = 0;

	for (unsigned k = 0; k < 300; k++) {
		cm_t c = region_new(LEN, RW, k % 3 ? 0 : CM_RESERVE);
		int model[N] = {0};

		for (unsigned step = 0; step < 12; step++) {
			size_t at = draw(N), n = 1 + draw((unsigned)(N - at));
			const struct deed *d = &deeds[draw(10)];
			int seals = 1 << draw(6);

			if (is_of_all(d) && d->make != keep_away)
				continue;
			if (draw(3))
				d->make(c, at * PAGE, n * PAGE);
			else if (cmseal(c, at * PAGE, n * PAGE, seals))
				n_wrong++;
			else
				for (size_t i = at; i < at + n; i++)
					model[i] |= seals;
			for (size_t i = 0; i < N; i++) {
				n_wrong += seals_at(c, i) != model[i];
				n_sealed += model[i] != 0;
			}
		}
	}
	claim(n_sealed > 1000 && !n_wrong, "no call takes a seal off, and cmstat tells them all");
}

/* What was reserved when it was sealed. */
static void reserved(void)
{
	cm_t c = region_new(LEN, RW, CM_RESERVE);

	claim(!cmseal(c, PAGE, PAGE, CM_SEAL_REPLACE), "a reserved page is sealed");
	errno = 0;
	claim(replace(c, 0, LEN) == -1 && errno == EPERM && !look_reads(region_at(c)),
	      "and not filled, nor what is beside it by the same call");
	claim(!replace(c, 0, PAGE) && look_writes(region_at(c)), "which it can be by itself");
}

int main(void)
{
	each_forbids_its_own();
	not_beside();
	downgrade();
	never_come_off();
	reserved();
	return claims_end();
}
