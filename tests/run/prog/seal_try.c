/* SPDX-License-Identifier: BSD-2-Clause */
#include "seal_try.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>

/*
 * The calls that seal_types.c tries: each is made on the page `at`, behind which another page has
 * the same seals and before which one has none. What else a call needs it makes for itself, anew.
 */

#define DONTUNMAP       4
#define DONTNEED_LOCKED 24
#define GUARD_INSTALL   102

static enum way way;
static int segment = -1;

/* The test itself cannot go on. */
_Noreturn void broken(const char *what)
{
	perror(what);
	exit(99);
}

/* How the calls are made from now on, and a segment for shmat: gone with the process, but to be had
 * by its number as long as it is attached. */
void seal_try_init(enum way by)
{
	way = by;
	segment = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600);
	if (segment < 0 || shmat(segment, NULL, 0) == (void *)-1 || shmctl(segment, IPC_RMID, NULL))
		broken("a segment");
}

/* Pages of 0x5a, with a protection. */
char *pages_new(size_t n, int prot, int flags)
{
	char *at = mmap(NULL, n * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		broken("pages");
	memset(at, MARK, n * PAGE);
	if (mprotect(at, n * PAGE, prot))
		broken("their protection");
	return at;
}

static long call(long nr, char *at, long b, long c, long d, char *e)
{
	return way_call(way, nr, (long)at, b, c, d, (long)e);
}

static long do_read(char *at)
{
	return call(SYS_mprotect, at, PAGE, PROT_READ, 0, NULL);
}

static long do_same(char *at)
{
	return call(SYS_mprotect, at, PAGE, PROT_READ | PROT_WRITE, 0, NULL);
}

static long do_none(char *at)
{
	return call(SYS_mprotect, at, PAGE, PROT_NONE, 0, NULL);
}

static long do_key(char *at)
{
	return call(SYS_pkey_mprotect, at, PAGE, PROT_READ, -1, NULL);
}

static long do_munmap(char *at)
{
	return call(SYS_munmap, at, PAGE, 0, 0, NULL);
}

static long do_reuse(char *at)
{
	long r = do_munmap(at);

	if (r)
		return r;
	if (mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) !=
	    at)
		broken("reuse");
	return do_same(at);
}

static long do_fixed(char *at)
{
	return call(SYS_mmap, at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		    (char *)-1);
}

static long do_onto(char *at)
{
	char *from = pages_new(1, PROT_READ | PROT_WRITE, MAP_PRIVATE);

	return call(SYS_mremap, from, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at);
}

static long do_away(char *at)
{
	char *to = pages_new(1, PROT_READ, MAP_PRIVATE);

	return call(SYS_mremap, at, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static long do_grow(char *at)
{
	return call(SYS_mremap, at, PAGE, 8 * PAGE, MREMAP_MAYMOVE, NULL);
}

static long do_shrink(char *at)
{
	return call(SYS_mremap, at, 2 * PAGE, PAGE, 0, NULL);
}

static long do_leave(char *at)
{
	return call(SYS_mremap, at, PAGE, PAGE, MREMAP_MAYMOVE | DONTUNMAP, NULL);
}

static long advise(char *at, int advice)
{
	return call(SYS_madvise, at, PAGE, advice, 0, NULL);
}

static long do_dontneed(char *at)
{
	return advise(at, MADV_DONTNEED);
}

static long do_free(char *at)
{
	return advise(at, MADV_FREE);
}

static long do_dontfork(char *at)
{
	return advise(at, MADV_DONTFORK);
}

static long do_wipe(char *at)
{
	return advise(at, MADV_WIPEONFORK);
}

static long do_locked(char *at)
{
	return advise(at, DONTNEED_LOCKED);
}

static long do_guard(char *at)
{
	return advise(at, GUARD_INSTALL);
}

static long do_remove(char *at)
{
	return advise(at, MADV_REMOVE);
}

static long do_shmat(char *at)
{
	return call(SYS_shmat, (char *)(long)segment, (long)at, SHM_REMAP, 0, NULL);
}

static long do_willneed(char *at)
{
	return advise(at, MADV_WILLNEED);
}

static long do_beside(char *at)
{
	return call(SYS_munmap, at - PAGE, PAGE, 0, 0, NULL);
}

static long do_partly(char *at)
{
	return call(SYS_munmap, at - PAGE, 2 * PAGE, 0, 0, NULL);
}

#define RW (PROT_READ | PROT_WRITE)

const struct seal_try seal_tries[N_TRIES] = {
	{"mprotect: less", do_read, RW, MAP_PRIVATE},
	{"mprotect: the same", do_same, RW, MAP_PRIVATE},
	{"mprotect: more", do_same, PROT_READ, MAP_PRIVATE},
	{"mprotect: none", do_none, RW, MAP_PRIVATE},
	{"pkey_mprotect: less", do_key, RW, MAP_PRIVATE},
	{"munmap", do_munmap, RW, MAP_PRIVATE},
	{"munmap, mmap there, mprotect: more", do_reuse, RW, MAP_PRIVATE},
	{"munmap of a page before it", do_beside, RW, MAP_PRIVATE},
	{"munmap of that and it", do_partly, RW, MAP_PRIVATE},
	{"mmap over", do_fixed, RW, MAP_PRIVATE},
	{"shmat over", do_shmat, RW, MAP_PRIVATE},
	{"mremap onto", do_onto, RW, MAP_PRIVATE},
	{"mremap away", do_away, RW, MAP_PRIVATE},
	{"mremap: longer", do_grow, RW, MAP_PRIVATE},
	{"mremap: shorter", do_shrink, RW, MAP_PRIVATE},
	{"mremap, leaving it", do_leave, RW, MAP_PRIVATE},
	{"DONTNEED", do_dontneed, RW, MAP_PRIVATE},
	{"DONTNEED, shared", do_dontneed, RW, MAP_SHARED},
	{"FREE", do_free, RW, MAP_PRIVATE},
	{"REMOVE", do_remove, RW, MAP_SHARED},
	{"DONTFORK", do_dontfork, RW, MAP_PRIVATE},
	{"WIPEONFORK", do_wipe, RW, MAP_PRIVATE},
	{"DONTNEED_LOCKED", do_locked, RW, MAP_PRIVATE},
	{"GUARD_INSTALL", do_guard, RW, MAP_PRIVATE},
	{"WILLNEED", do_willneed, RW, MAP_PRIVATE},
};
