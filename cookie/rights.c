/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <sys/mman.h>

/*
 * What a cookie may be used for: cmrestrict(3) and cmandperm(3), which only ever take away.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 */

/* cmrestrict(3). Return: 0 or -errno. */
int cookie_restrict(uint64_t caller, cm_t cookie, cm_ops_t ops, cm_ops_t *oldp)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, 0);
	cm_ops_t old;

	if (r)
		return r;
	old = atomic_fetch_and_explicit(&a.slot->ops, ops, memory_order_relaxed);
	if (oldp)
		*oldp = old;
	return aim_leave(&a, 0);
}

/* cmandperm(3). Return: 0 or -errno. */
int cookie_andperm(uint64_t caller, cm_t cookie, cm_perm_t perms, cm_perm_t *oldp)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_ANDPERM);

	if (r)
		return r;
	if (oldp)
		*oldp = a.slot->perms;
	a.slot->perms &= (uint8_t)perms;
	return aim_leave(&a, 0);
}
