/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/run/prog/reserve.h"

/*
 * What is done to a mapping, and what is left behind its last page then: "tail" or "none". LEN is
 * no multiple of 2 MiB, so that reserve.round gives it one. Each row checks the program's own
 * memory as well: it must not notice. To be run with `none` first, which does nothing, to see that
 * there is one.
 */

#define PAGE 4096
#define LEN  (3 * MIB + 5 * PAGE)
#define TAIL (MIB - 5 * PAGE)
#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static char *p; /* the mapping, all 7 */
static const char *wrong;

static void want(bool good, const char *what)
{
	if (!good && !wrong)
		wrong = what;
}

/* Past the library: what a program with system calls of its own does. */
static long raw(long nr, void *at, size_t len, long prot, long flags)
{
	register long r10 __asm__("r10") = flags;
	register long r8 __asm__("r8") = -1;
	register long r9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(at), "S"(len), "d"(prot), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

static bool all_7(const char *at, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (at[i] != 7)
			return false;
	return true;
}

static void nothing(void)
{
	want(all_7(p, LEN), "content");
}

static void unmaps(void)
{
	want(!munmap(p, LEN), "munmap");
	want(!maps_any(p, LEN), "still mapped");
}

static void unmaps_start(void)
{
	want(!munmap(p, MIB), "munmap");
	want(all_7(p + MIB, LEN - MIB), "content");
}

static void unmaps_last(void)
{
	want(!munmap(p + LEN - PAGE, PAGE), "munmap");
	want(all_7(p, LEN - PAGE), "content");
}

static void unmaps_more(void)
{
	want(!munmap(p + MIB, LEN), "munmap");
	want(all_7(p, MIB), "content");
}

static void unmaps_pages(void)
{
	for (size_t at = 0; at < LEN; at += PAGE)
		want(!munmap(p + at, PAGE), "munmap");
	want(!maps_any(p, LEN), "still mapped");
}

static void moves(void)
{
	char *to = mremap(p, LEN, 2 * LEN, MREMAP_MAYMOVE);

	want(to != MAP_FAILED && all_7(to, LEN), "moved");
	want(to != MAP_FAILED && !munmap(to, 2 * LEN), "munmap");
	want(!maps_any(p, LEN), "still mapped");
}

static void grows(void)
{
	char *to = mremap(p, LEN, LEN + PAGE, 0);

	want(to == p && maps_covers(p, LEN + PAGE), "not grown");
	want(!munmap(p, LEN + PAGE), "munmap");
}

static void shrinks(void)
{
	want(mremap(p, LEN, MIB, 0) == p, "mremap");
	want(all_7(p, MIB) && !maps_any(p + MIB, LEN - MIB), "not shrunk");
}

static void protects(void)
{
	want(!mprotect(p, LEN, PROT_READ), "mprotect");
	want(all_7(p, LEN), "content");
}

static void protects_start(void)
{
	want(!mprotect(p, MIB, PROT_READ), "mprotect");
	want(all_7(p, LEN), "content");
}

/* Free address space, as far as the program knows. */
static void replaces(void)
{
	char *at = mmap(p + LEN, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);

	want(at == p + LEN, "mmap");
	want(at != MAP_FAILED && !munmap(at, PAGE) && all_7(p, LEN), "munmap");
}

static void fixes(void)
{
	char *at = mmap(p + LEN, PAGE, RW, ANON | MAP_FIXED, -1, 0);

	want(at == p + LEN, "mmap");
	want(at != MAP_FAILED && !munmap(at, PAGE) && all_7(p, LEN), "munmap");
}

static void wishes(void)
{
	char *at = mmap(p + LEN, PAGE, RW, ANON, -1, 0);

	want(at == p + LEN, "mmap");
	want(at != MAP_FAILED && !munmap(at, PAGE) && all_7(p, LEN), "munmap");
}

static void attaches(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, 0600);
	char *at = shmat(id, p + LEN, 0);

	shmctl(id, IPC_RMID, NULL);
	want(at == p + LEN, "shmat");
	want(!shmdt(at), "shmdt");
}

static void discards(void)
{
	want(!madvise(p, LEN, MADV_DONTNEED), "madvise");
	want(!maps_huge_kib(p) && !p[0] && !p[LEN - 1], "not discarded");
	p[LEN - 1] = 1;
}

static void forks(void)
{
	int status = -1;
	pid_t child = fork();

	if (!child) {
		unmaps();
		_exit(wrong || maps_any(p + LEN, TAIL));
	}
	want(waitpid(child, &status, 0) == child && !status, "child");
	want(all_7(p, LEN), "content");
}

/* Somebody has put their own there, past the library: it is not to go with the last page. */
static void raw_replaced(void)
{
	char *at = p + LEN;

	want(raw(SYS_mmap, at, TAIL, RW, ANON | MAP_FIXED) == (long)at, "raw mmap");
	memset(at, 9, TAIL);
	want(!madvise(p, LEN, MADV_DONTNEED) && at[0] == 9 && at[TAIL - 1] == 9, "discarded");
	want(!munmap(p, LEN) && maps_covers(at, TAIL), "unmapped");
	want(at[0] == 9 && at[TAIL - 1] == 9, "not theirs any more");
	want(!munmap(at, TAIL), "munmap");
}

/* The head goes past the library, and others' memory takes its place. */
static void raw_unmapped(void)
{
	want(!raw(SYS_munmap, p, LEN + TAIL, 0, 0), "raw munmap");
	p = mmap(p, LEN + TAIL, RW, ANON, -1, 0);
	want(p != MAP_FAILED, "mmap");
	memset(p, 9, LEN + TAIL);
	want(!munmap(p, LEN) && maps_covers(p + LEN, TAIL) && p[LEN] == 9, "unmapped");
	want(!munmap(p + LEN, TAIL), "munmap");
}

static const struct {
	const char *name;
	void (*act)(void);
} rows[] = {
	{"none", nothing},
	{"munmap", unmaps},
	{"munmap-start", unmaps_start},
	{"munmap-last", unmaps_last},
	{"munmap-more", unmaps_more},
	{"munmap-pages", unmaps_pages},
	{"mremap-move", moves},
	{"mremap-grow", grows},
	{"mremap-shrink", shrinks},
	{"mprotect", protects},
	{"mprotect-start", protects_start},
	{"noreplace", replaces},
	{"fixed", fixes},
	{"wish", wishes},
	{"shmat", attaches},
	{"discard", discards},
	{"fork", forks},
	{"raw-replaced", raw_replaced},
	{"raw-unmapped", raw_unmapped},
};

/*
 * A mapping with nothing of others behind it, as far as a superpage: what lay there is moved away
 * by the largest of three that the kernel puts one below the other.
 */
static char *with_room(void)
{
	char *room = mmap(NULL, 4 * LEN, PROT_NONE, ANON, -1, 0), *at;

	at = memory(LEN);
	munmap(room, 4 * LEN);
	return at;
}

int tails(const char *name)
{
	char *behind;

	p = with_room();
	if (!p)
		return 1;
	memset(p, 7, LEN);
	behind = p + LEN;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].name, name))
			rows[i].act();
	printf("%s: %s behind, %s\n", name, maps_any(behind, TAIL) ? "tail" : "none",
	       wrong ? wrong : "as it should");
	return wrong != NULL;
}
