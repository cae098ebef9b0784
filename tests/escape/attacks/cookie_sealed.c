/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/cookie_widen.h"

/*
 * Past seals, by the interface that keeps them: each is asked for what it forbids, and for two
 * calls that come to the same:
 *
 *   seal_prot seal_discard seal_unmap seal_replace seal_close seal_revoke
 *   seal_refill    unmapped first, then mapped anew
 *   seal_zero      forgotten in the child
 *   seal_wider     DOWNGRADE: rights taken away, and asked back
 *   seal_place     PROT, and other memory put there with the rights that it is to have
 */

static struct cookie_region sealed(bool bounded, int seals)
{
	struct cookie_region r = cookie_region(2, ATTACK_RW, 0);

	if (bounded)
		cookie_must(cmseal(r.cookie, 0, r.len, seals), "cmseal");
	return r;
}

static void prot(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_PROT);

	cookie_try(cmprotect(r.cookie, 0, ATTACK_PAGE, PROT_READ), "cmprotect");
}

static void discard(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_DISCARD);

	cookie_try(cmadvise(r.cookie, 0, ATTACK_PAGE, MADV_DONTNEED), "cmadvise");
}

static void unmap(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_UNMAP);

	cookie_try(cmunmap(r.cookie, 0, ATTACK_PAGE), "cmunmap");
}

static void replace(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_REPLACE);

	cookie_try(cmsubmap(r.cookie, 0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0), "cmsubmap");
}

static void close_it(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_UNMAP);

	cookie_try(cmclose(r.cookie, CM_CLOSE_UNMAP), "cmclose");
}

static void revoke_it(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_UNMAP);

	cookie_try(cmrevoke(r.cookie), "cmrevoke");
}

static void refill(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_REPLACE);

	cookie_must(cmunmap(r.cookie, 0, ATTACK_PAGE), "cmunmap");
	cookie_try(cmsubmap(r.cookie, 0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0), "cmsubmap");
}

static void zero(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_DISCARD);

	cookie_try(cminherit(r.cookie, 0, r.len, CM_INHERIT_ZERO), "cminherit");
}

static void wider(bool bounded)
{
	struct cookie_region r = sealed(bounded, CM_SEAL_DOWNGRADE);

	cookie_must(cmprotect(r.cookie, 0, ATTACK_PAGE, PROT_READ), "cmprotect");
	cookie_try(cmprotect(r.cookie, 0, ATTACK_PAGE, ATTACK_RW), "cmprotect");
}

static void place(bool bounded)
{
	struct cookie_region r = cookie_region(2, PROT_READ, 0);

	if (bounded)
		cookie_must(cmseal(r.cookie, 0, r.len, CM_SEAL_PROT), "cmseal");
	cookie_try(cmsubmap(r.cookie, 0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0), "cmsubmap");
	*r.at = 1;
}

const struct widen widen_sealed[] = {
	{"seal_prot", prot},
	{"seal_discard", discard},
	{"seal_unmap", unmap},
	{"seal_replace", replace},
	{"seal_close", close_it},
	{"seal_revoke", revoke_it},
	{"seal_refill", refill},
	{"seal_zero", zero},
	{"seal_wider", wider},
	{"seal_place", place},
	{NULL, NULL},
};
