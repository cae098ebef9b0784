/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Sealed memory and its views. The kernel makes no second mapping of what mseal(2) keeps from being
 * moved, so no view is made of what is sealed against that, whoever keeps the seal; nor one that
 * gives what a sealed protection does not. One that is there already stays.
 */

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define LEN (2 * PAGE)

static bool has_view(cm_t c, int perms)
{
	void *p = NULL;

	if (!cmgetcap(c, &p, perms))
		return look_is_prot(p, LEN, perms);
	if (errno != EPERM || p)
		claims_broken("cmgetcap");
	return false;
}

/* `less`, `more`: whether a view that is not there yet can be had, with rights fewer than the
 * region has, and with others. */
static const struct {
	int seals;
	bool less, more;
	const char *name;
} rows[] = {
	{CM_SEAL_ALL, false, false, "ALL"},
	{CM_SEAL_MOVE, false, false, "MOVE"},
	{CM_SEAL_PROT | CM_SEAL_UNMAP | CM_SEAL_REPLACE | CM_SEAL_DISCARD, true, false,
	 "all but MOVE"},
	{CM_SEAL_PROT, true, false, "PROT"},
	{CM_SEAL_DOWNGRADE, true, false, "DOWNGRADE"},
	{CM_SEAL_UNMAP | CM_SEAL_REPLACE | CM_SEAL_DISCARD, true, true, "UNMAP, REPLACE, DISCARD"},
};

static cm_t sealed(int prot, int flags, size_t offset, int seals)
{
	cm_t c = region_new(LEN, prot, flags);

	if (cmseal(c, offset, LEN - offset, seals))
		claims_broken("cmseal");
	return c;
}

static const char *said(bool view)
{
	return view ? "a view" : "none";
}

static void of(int flags, const char *what)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		int seals = rows[i].seals;
		cm_t before = region_new(LEN, RW, flags), c;

		claim(has_view(before, R) && !cmseal(before, 0, LEN, seals) &&
			      has_view(before, R) && has_view(before, RW),
		      "%s, %s: the view that it has it keeps", what, rows[i].name);
		c = sealed(RW, flags, 0, seals);
		claim(has_view(c, R) == rows[i].less, "to read it: %s", said(rows[i].less));
		claim(has_view(c, RW), "with the rights it has, it is given itself");
		c = sealed(R, flags, 0, seals);
		claim(has_view(c, RW) == rows[i].more, "to write what is not written: %s",
		      said(rows[i].more));
		claim(!look_writes(region_at(c)), "the region stays as it is");
	}
}

/* A part of it decides for all. */
static void parts(void)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		claim(has_view(sealed(RW, CM_ALIAS, PAGE, rows[i].seals), R) == rows[i].less,
		      "one page of CM_ALIAS, %s: to read it: %s", rows[i].name, said(rows[i].less));
		claim(has_view(sealed(R, CM_ALIAS, PAGE, rows[i].seals), RW) == rows[i].more,
		      "to write it: %s", said(rows[i].more));
	}
}

/* By the flag, and by two calls that make all together. */
static void other_ways(void)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS | CM_SEALED);

	claim(!has_view(c, R) && has_view(c, RW), "CM_ALIAS and CM_SEALED: no view");
	c = region_new(LEN, RW, CM_ALIAS);
	if (cmseal(c, 0, LEN, CM_SEAL_PROT | CM_SEAL_UNMAP) ||
	    cmseal(c, 0, LEN, CM_SEAL_REPLACE | CM_SEAL_MOVE))
		claims_broken("cmseal");
	claim(!has_view(c, R), "seals that add up: no view");
	claim(cmunmap(c, 0, PAGE) == -1 && errno == EPERM && cmclose(c, CM_CLOSE_UNMAP) == -1 &&
		      errno == EPERM && look_writes(region_at(c)),
	      "and nothing is taken away");
}

/* A region that has got the rights of its view since: the same rights are the same pointer. */
static void protected_since(void)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	void *view, *again;

	if (cmgetcap(c, &view, R) || cmprotect(c, 0, LEN, R) || cmgetcap(c, &again, R))
		claims_broken("cmgetcap");
	claim(view == again && view != region_at(c), "a view is given again before the region");
}

/* By mseal(2), which the kernel does alone and the interposer refuses: see address.c. */
static void by_address(void)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	unsigned char *at = region_at(c);
	int r;

	region_fill(c, LEN, 'a');
	syscall(SYS_mseal, at, PAGE, 0);
	r = cmunmap(c, 0, PAGE);
	claim(r ? errno == EPERM && at[0] == 'a' : !look_reads(at),
	      "what the kernel keeps, or does not, cmunmap takes with its content or not at all");
}

int main(void)
{
	of(CM_ALIAS, "CM_ALIAS");
	of(MAP_SHARED, "one shared mapping");
	parts();
	other_ways();
	protected_since();
	by_address();
	return claims_end();
}
