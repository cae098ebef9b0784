/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A fork child, and what its parent keeps from it:
 *
 *   cookie_fork HOW cookie|copy
 *
 *   reach     the child reads a region of CM_INHERIT_NONE by its cookie and by its address
 *   clobber   the child's memory, where such a region was, is unmapped by the parent's cookie
 *   dontfork  the same where the region was kept from it by madvise(2), past the cookie
 *   silent    the child maps and unmaps memory there, and makes no call by a cookie
 *
 * `copy`: the region is inherited, and what is there is the cookie's.
 */

#include "tests/escape/attacks/cookie.h"

static struct cookie_region region;
static bool inherited;

static void on_fault(int nr)
{
	errno = EFAULT;
	attack_refused("read");
}

static void reach(void)
{
	void *p;

	if (!cmgetptr(region.cookie, &p) || !cmprotect(region.cookie, 0, region.len, ATTACK_RW))
		attack_executed();
	if (errno != EBADF)
		attack_broken("errno");
	if (*(volatile char *)region.at == 7)
		attack_executed();
	attack_refused("read");
}

static char *map_there(void)
{
	char *p = mmap(region.at, region.len, ATTACK_RW, ATTACK_ANON | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != region.at)
		attack_refused("mmap");
	return p;
}

/* What is the child's own there is reached by no cookie, and may be unmapped like any memory. */
static void clobber(void)
{
	char *p = inherited ? region.at : map_there();

	memset(p, 9, region.len);
	cmclose(region.cookie, CM_CLOSE_UNMAP);
	if (msync(p, region.len, MS_ASYNC) || *(volatile char *)p != 9)
		attack_executed();
	if (munmap(p, region.len))
		attack_broken("munmap");
	errno = EBADF;
	attack_refused("cmclose");
}

static void silent(void)
{
	if (munmap(map_there(), region.len))
		attack_broken("munmap");
	attack_executed();
}

int main(int argc, char **argv)
{
	void (*fn)(void) = reach;
	pid_t pid;

	if (argc != 3)
		attack_broken("usage");
	region = cookie_exact(2, ATTACK_RW, 0);
	memset(region.at, 7, region.len);
	inherited = attack_is(argv[2], "copy");
	if (!inherited)
		cookie_must(cminherit(region.cookie, 0, region.len, CM_INHERIT_NONE), "cminherit");
	if (attack_is(argv[1], "clobber"))
		fn = clobber;
	if (attack_is(argv[1], "silent"))
		fn = silent;
	if (attack_is(argv[1], "dontfork")) {
		cookie_try(madvise(region.at, region.len, MADV_DONTFORK), "madvise");
		inherited = false;
		fn = clobber;
	}
	signal(SIGSEGV, on_fault);
	pid = fork();
	if (pid < 0)
		attack_broken("fork");
	if (!pid)
		fn();
	attack_end_as(pid);
}
