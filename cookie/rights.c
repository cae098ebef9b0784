/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <sys/mman.h>

/*
 * What a cookie may be used for: cmrestrict(3) and cmandperm(3), which only ever take away.
 *
 * What is handed out is written after the lock has been left: it may lie in memory that a signal
 * handler has to see to first.
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
	aim_leave(&a, 0);
	if (oldp)
		*oldp = old;
	return 0;
}

/* cmandperm(3). Return: 0 or -errno. */
int cookie_andperm(uint64_t caller, cm_t cookie, cm_perm_t perms, cm_perm_t *oldp)
{
	struct aim a;
	int r = aim_enter(&a, caller, cookie, CM_OP_ANDPERM);
	cm_perm_t old;

	if (r)
		return r;
	old = a.slot->perms;
	a.slot->perms &= (uint8_t)perms;
	aim_leave(&a, 0);
	if (oldp)
		*oldp = old;
	return 0;
}
