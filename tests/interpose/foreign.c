/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/owner.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * usage: foreign CASE LATE_SO
 *
 * One call on one's own, another module's or unknown memory; prints "done" or the name of the
 * errno. What each must come to, natively and under a policy, is in foreign.py.
 */

#define LEN   (64 * 4096ul)
#define PAGE  4096
#define FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
#define RW    (PROT_READ | PROT_WRITE)

static const char *late_so;

static void *check(void *p)
{
	if (p == MAP_FAILED) {
		perror("foreign: preparation");
		exit(2);
	}
	return p;
}

static char *own(int prot)
{
	return check(mmap(NULL, LEN, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static char *others(int prot)
{
	return check(owner_map(NULL, LEN, prot, 0));
}

/* Memory that the table knows nothing of, mapped as libc does it. */
static char *unknown(void)
{
	long r;

	__asm__ volatile("mov %2, %%r10\n\tmov $-1, %%r8\n\txor %%r9d, %%r9d\n\tsyscall"
			 : "=a"(r)
			 : "a"(9L), "r"((long)(MAP_PRIVATE | MAP_ANONYMOUS)), "D"(0L), "S"(LEN),
			   "d"((long)RW)
			 : "rcx", "r11", "r8", "r9", "r10", "memory");
	return (char *)r;
}

static char *hole(void)
{
	char *p = own(PROT_NONE);

	munmap(p, LEN);
	return p;
}

static long fixed(char *at)
{
	return mmap(at, LEN, RW, FIXED, -1, 0) == at ? 0 : -1;
}

static int segment(void)
{
	int id = shmget(IPC_PRIVATE, LEN, 0600);

	if (id < 0)
		check(MAP_FAILED);
	return id;
}

static long unmap_own(void)
{
	return munmap(own(RW), LEN);
}

static long unmap_others(void)
{
	return munmap(others(RW), LEN);
}

static long unmap_others_middle(void)
{
	return munmap(others(RW) + PAGE, PAGE);
}

static long unmap_by_syscall(void)
{
	return syscall(SYS_munmap, others(RW), LEN);
}

static long unmap_unknown(void)
{
	return munmap(unknown(), LEN);
}

static long unmap_program(void)
{
	static _Alignas(4096) char data[PAGE] = {1};

	return owner_unmap(data, PAGE);
}

static long owner_unmaps_own(void)
{
	return owner_unmap(others(RW), LEN);
}

static long protect_own(void)
{
	return mprotect(own(RW), LEN, PROT_READ);
}

static long protect_others(void)
{
	return mprotect(others(RW), LEN, PROT_READ);
}

static long remap_others(void)
{
	return mremap(others(RW), LEN, 2 * LEN, MREMAP_MAYMOVE) == MAP_FAILED ? -1 : 0;
}

static long remap_onto_others(void)
{
	char *to = others(RW);

	return mremap(own(RW), LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, to) == to ? 0 : -1;
}

static long remapped_stays_own(void)
{
	char *p = mremap(own(RW), LEN, 2 * LEN, MREMAP_MAYMOVE);

	return munmap(check(p), 2 * LEN);
}

static long remapped_stays_others(void)
{
	return munmap(check(owner_remap(others(RW), LEN, 64 * LEN)), 64 * LEN);
}

static long fixed_own(void)
{
	return fixed(own(RW));
}

static long fixed_hole(void)
{
	return fixed(hole());
}

static long fixed_others(void)
{
	return fixed(others(RW));
}

static long fixed_others_reservation(void)
{
	return fixed(others(PROT_NONE));
}

static long fixed_unknown(void)
{
	return fixed(unknown());
}

static long fixed_part_unknown(void)
{
	char *p = hole();

	if (mmap(p, PAGE, RW, FIXED, -1, 0) != p ||
	    mmap(p + 5 * PAGE, PAGE, RW, FIXED, -1, 0) != p + 5 * PAGE)
		exit(2);
	return fixed(p);
}

static long fixed_fails_cleanly(void)
{
	char *p = hole();
	unsigned char vec;

	if (mmap(p, LEN, RW, MAP_PRIVATE | MAP_FIXED, -1, 0) != MAP_FAILED || errno != EBADF)
		exit(2);
	if (!mincore(p, PAGE, &vec)) /* a claim that was not given back */
		exit(3);
	return 0;
}

static long attach_onto_others(void)
{
	char *to = others(RW);
	int id = segment();
	long r = shmat(id, to, SHM_REMAP) == to ? 0 : -1;
	int error = errno;

	shmctl(id, IPC_RMID, NULL);
	errno = error;
	return r;
}

static long detach(void *(*attach)(int))
{
	int id = segment();
	char *p = check(attach(id));
	long r;
	int error;

	mprotect(p + PAGE, PAGE, PROT_READ); /* may be refused: the cut is what matters */
	r = shmdt(p);
	error = errno;
	shmctl(id, IPC_RMID, NULL);
	errno = error;
	return r;
}

static void *attach_own(int id)
{
	return shmat(id, NULL, 0);
}

static long detach_own(void)
{
	return detach(attach_own);
}

static long detach_others(void)
{
	return detach(owner_attach);
}

/* A module loaded at run time owns what it maps, each time it is loaded. */
static long late_module(void)
{
	for (int i = 0; i < 3; i++) {
		void *so = dlopen(late_so, RTLD_NOW | RTLD_LOCAL);
		void *(*map)(void *, size_t, int, int);
		int (*unmap)(void *, size_t);

		if (!so)
			exit(2);
		*(void **)&map = dlsym(so, "owner_map");
		*(void **)&unmap = dlsym(so, "owner_unmap");
		if (unmap(check(map(NULL, LEN, RW, 0)), LEN))
			return -1;
		dlclose(so);
	}
	return 0;
}

static long unmap_late(void)
{
	void *so = dlopen(late_so, RTLD_NOW | RTLD_LOCAL);
	void *(*map)(void *, size_t, int, int);

	if (!so)
		exit(2);
	*(void **)&map = dlsym(so, "owner_map");
	return munmap(check(map(NULL, LEN, RW, 0)), LEN);
}

/* What one unmapped and another mapped is the other's. */
static long unmap_reused(void)
{
	char *p = own(RW);

	munmap(p, LEN);
	check(owner_map(p, LEN, RW, MAP_FIXED_NOREPLACE));
	return munmap(p, LEN);
}

/* A mapping keeps its owner when the kernel refuses to move it. */
static long refused_stays_known(void)
{
	char *p = own(RW);

	if (mremap(p, LEN, 1ul << 48, MREMAP_MAYMOVE) != MAP_FAILED)
		exit(2);
	return owner_unmap(p, LEN);
}

static const struct {
	const char *name;
	long (*run)(void);
} cases[] = {
#define CASE(name)          \
	{                   \
#name, name \
	}
	CASE(unmap_own),
	CASE(unmap_others),
	CASE(unmap_others_middle),
	CASE(unmap_by_syscall),
	CASE(unmap_unknown),
	CASE(unmap_program),
	CASE(owner_unmaps_own),
	CASE(protect_own),
	CASE(protect_others),
	CASE(remap_others),
	CASE(remap_onto_others),
	CASE(remapped_stays_own),
	CASE(remapped_stays_others),
	CASE(fixed_own),
	CASE(fixed_hole),
	CASE(fixed_others),
	CASE(fixed_others_reservation),
	CASE(fixed_unknown),
	CASE(fixed_part_unknown),
	CASE(fixed_fails_cleanly),
	CASE(attach_onto_others),
	CASE(detach_own),
	CASE(detach_others),
	CASE(late_module),
	CASE(unmap_late),
	CASE(unmap_reused),
	CASE(refused_stays_known),
};

int main(int argc, char **argv)
{
	if (argc == 2) {
		for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
			puts(cases[i].name);
		return 0;
	}
	late_so = argv[2];
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(cases[i].name, argv[1]))
			continue;
		errno = 0;
		puts(cases[i].run() ? strerrorname_np(errno) : "done");
		return 0;
	}
	return 2;
}
