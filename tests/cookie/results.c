/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"

/*
 * Results that are written to, and requests that are read from, memory which faults: a handler sees
 * to it by the calls of the interface (a collector's write barrier), or leaves the call by
 * siglongjmp(3) (a language's exception). Neither finds a lock that is held, and what failed so is
 * as if it had not been called, or had succeeded.
 */

static cm_t heap, c; /* `heap` is where results go to; it is not writable */
static unsigned char *at;
static sigjmp_buf out;
static bool leaves;
static volatile sig_atomic_t n_faults, n_refused;

static void faulted(int sig)
{
	n_faults++;
	if (leaves)
		siglongjmp(out, 1);
	if (cmprotect(heap, 0, PAGE, RW)) {
		n_refused++;
		signal(sig, SIG_DFL);
	}
}

static int map(void)
{
	cm_t *result = (cm_t *)at;

	if (cmmmap(0, PAGE, R, 0, -1, 0, result))
		return -1;
	return cmclose(*result, CM_CLOSE_UNMAP);
}

static int stat_it(void)
{
	return cmstat(c, 0, (struct cm_stat *)at);
}

static int count(void)
{
	return cmstat(c, CM_STAT_RESIDENT, (struct cm_stat *)at);
}

static int incore(void)
{
	return cmincore(c, 0, PAGE, at);
}

static int pointer(void)
{
	return cmgetptr(c, (void **)at);
}

static int cap(void)
{
	return cmgetcap(c, (void **)at, RW);
}

static int restricted(void)
{
	return cmrestrict(c, CM_OP_ALL, (cm_ops_t *)at);
}

static int perms(void)
{
	return cmandperm(c, RWX, (cm_perm_t *)at);
}

static int request(void)
{
	return cmsubmapreq(c, (struct cmreq *)at);
}

/* cmincore(3) is left to the kernel, which does not fault: EFAULT. */
static const struct {
	int (*call)(void);
	const char *name;
} rows[] = {
	{map, "cmmmap"},       {stat_it, "cmstat"},      {count, "cmstat, counting"},
	{pointer, "cmgetptr"}, {cap, "cmgetcap"},        {restricted, "cmrestrict"},
	{perms, "cmandperm"},  {request, "cmsubmapreq"},
};

static void prepare(int prot)
{
	struct cmreq req;

	if (cmprotect(heap, 0, PAGE, RW))
		claims_broken("cmprotect");
	CMREQ_INIT(&req, PAGE, RW);
	memcpy(at, &req, sizeof(req));
	if (cmprotect(heap, 0, PAGE, prot))
		claims_broken("cmprotect");
	n_faults = n_refused = 0;
}

static void seen_to(size_t i)
{
	int r;

	leaves = false;
	prepare(PROT_NONE);
	r = rows[i].call();
	claim(!r && n_faults == 1 && !n_refused,
	      "%s: a handler makes room for the result, by cmprotect", rows[i].name);
}

static void left(size_t i)
{
	leaves = true;
	prepare(PROT_NONE);
	if (!sigsetjmp(out, 1)) {
		rows[i].call();
		claim(false, "%s faults", rows[i].name);
		return;
	}
	claim(!cmprotect(c, 0, PAGE, RW) && !cmmmap(0, PAGE, R, 0, -1, 0, &(cm_t){0}),
	      "%s: left by a handler, it leaves nothing locked", rows[i].name);
}

int main(void)
{
	struct sigaction act = {.sa_handler = faulted, .sa_flags = SA_NODEFER};

	deadline(60);
	sigaction(SIGSEGV, &act, NULL);
	heap = region_new(PAGE, RW, 0);
	at = region_at(heap);
	c = region_new(PAGE, RW, 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		seen_to(i);
		left(i);
	}
	prepare(PROT_NONE);
	claim(incore() == -1 && errno == EFAULT && !n_faults, "cmincore: EFAULT");
	return claims_end();
}
