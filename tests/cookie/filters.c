/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Programs that have given up system calls, or file sizes, before they use regions: what cannot be
 * done fails, and takes nothing with it. Each is a child, since there is no way back.
 */

static void filter(struct sock_filter *code, unsigned short n)
{
	struct sock_fprog program = {n, code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(99);
}

#define LOAD(what)       BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n)
#define GIVE(what)       BPF_STMT(BPF_RET | BPF_K, what)

static void forbid(unsigned nr)
{
	struct sock_filter code[] = {
		LOAD(nr),
		UNLESS(nr, 1),
		GIVE(SECCOMP_RET_ERRNO | EPERM),
		GIVE(SECCOMP_RET_ALLOW),
	};

	filter(code, COUNT(code));
}

/* As if there were no memory for it. */
static void forbid_advice(unsigned advice)
{
	struct sock_filter code[] = {
		LOAD(nr),          UNLESS(SYS_madvise, 3),           LOAD(args[2]),
		UNLESS(advice, 1), GIVE(SECCOMP_RET_ERRNO | ENOMEM), GIVE(SECCOMP_RET_ALLOW),
	};

	filter(code, COUNT(code));
}

static size_t address_space(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	if (!file || fscanf(file, "%zu", &pages) != 1)
		_exit(98);
	fclose(file);
	return pages;
}

/* No cookie can be drawn. */
static int no_random(void *with)
{
	size_t before;
	cm_t c;

	forbid(SYS_getrandom);
	if (cmmmap(0, PAGE, RW, 0, -1, 0, &c) != -1)
		return 1;
	before = address_space();
	for (int i = 0; i < 1000; i++)
		if (cmmmap(0, PAGE, RW, 0, -1, 0, &c) != -1)
			return 2;
	return address_space() > before + 100 ? 3 : 0;
}

/* Nobody tells whether a file is of huge pages: none is mapped beyond its length. */
static int no_fstatfs(void *with)
{
	int huge = memfd_create("cm-huge", MFD_HUGETLB), file = file_new(1);
	cm_t c = region_new(4 * HUGE, RW, 0), other;
	unsigned char *at = region_at(c);
	size_t aligned = -(uintptr_t)at & (HUGE - 1);

	if (huge < 0 || ftruncate(huge, HUGE))
		return 1;
	region_fill(c, 4 * HUGE, 'a');
	forbid(SYS_fstatfs);
	if (!cmsubmap(c, aligned, PAGE, R, MAP_SHARED | MAP_NORESERVE, huge, 0))
		return 2;
	for (size_t i = 0; i < 4 * HUGE; i += PAGE)
		if (!look_reads(at + i) || at[i] != 'a')
			return 3;
	if (!cmmmap(0, PAGE, R, MAP_SHARED | MAP_NORESERVE, huge, 0, &other))
		return 4;
	return cmsubmap(c, 0, PAGE, R, MAP_PRIVATE, file, 0) ? 5 : 0;
}

/* Memory that is an object's is none of the files that RLIMIT_FSIZE is about. */
static int no_files(void *with)
{
	struct rlimit none = {0, 0};
	cm_t c;

	if (setrlimit(RLIMIT_FSIZE, &none))
		return 1;
	if (mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
		return 2;
	if (cmmmap(0, PAGE, RW, MAP_SHARED, -1, 0, &c))
		return 3;
	return cmmmap(0, PAGE, RW, CM_ALIAS, -1, 0, &c) && errno != ENOMEM ? 4 : 0;
}

static int is_there(void *at)
{
	return look_reads(at);
}

/* What is half-way from no inheritance to another goes back. */
static int no_inheritance(void *with)
{
	cm_t c = region_new(4 * PAGE, RW, 0);
	struct cm_stat st;

	if (cminherit(c, 0, 4 * PAGE, CM_INHERIT_NONE) || child_run(is_there, region_at(c)))
		return 1;
	forbid_advice(MADV_WIPEONFORK);
	if (cminherit(c, 0, 4 * PAGE, CM_INHERIT_ZERO) != -1 || errno != ENOMEM)
		return 2;
	if (cmstat(c, 0, &st) || st.inherit != CM_INHERIT_NONE)
		return 3;
	return child_run(is_there, region_at(c)) ? 4 : 0;
}

/* The filter is one. */
static int twin(void *with)
{
	char byte;

	forbid(SYS_getrandom);
	return syscall(SYS_getrandom, &byte, 1, 0) == -1 && errno == EPERM ? 0 : 1;
}

int main(void)
{
	static const struct {
		int (*run)(void *);
		const char *name;
	} rows[] = {
		{twin, "a filter refuses"},
		{no_random, "without getrandom(2) there is no cookie, and nothing leaks"},
		{no_fstatfs, "without fstatfs(2) a file of huge pages overwrites nothing"},
		{no_inheritance, "an inheritance that is refused changes nothing"},
		{no_files, "without files of any size CM_ALIAS kills nobody"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		int r = child_run(rows[i].run, NULL);

		if (!claim(r == 0, "%s", rows[i].name))
			claim_note("it is %d", r);
	}
	return claims_end();
}
