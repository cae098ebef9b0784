/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What each seal of cmsealrange(3) forbids, printed: a line for a set of seals, a letter for a call
 * that is made on memory of its own which has them.
 *
 *   seal_types WAY WHO      WAY makes the calls: libc, syscall, raw
 *                           WHO makes them: self, fork (a child), thread (another one than sealed)
 *   seal_types errors       what cmsealrange and mimmutable refuse themselves
 *   seal_types calls        the calls' names
 *
 * Letters: `.` was done, `P` EPERM and nothing has changed, `I` EINVAL, `!` EPERM and it has
 * changed all the same, `?` anything else.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/cookiemap.h"
#include "seal_try.h"

#define PAGES              4 /* of which the two in the middle have the seals */
#define RW                 (PROT_READ | PROT_WRITE)
#define KERNEL             (CM_SEAL_PROT | CM_SEAL_UNMAP | CM_SEAL_REPLACE | CM_SEAL_MOVE)
#define IMMUTABLE          (1 << 16) /* not a seal: mimmutable() instead */
#define THEN(first, other) ((first) | (other) << 8)

static int (*seal_range)(void *addr, size_t len, int seals);
static int (*immutable)(void *addr, size_t len);

static const struct {
	const char *name;
	int seals;
} rows[] = {
	{"none", 0},
	{"PROT", CM_SEAL_PROT},
	{"UNMAP", CM_SEAL_UNMAP},
	{"REPLACE", CM_SEAL_REPLACE},
	{"MOVE", CM_SEAL_MOVE},
	{"DISCARD", CM_SEAL_DISCARD},
	{"DOWNGRADE", CM_SEAL_DOWNGRADE},
	{"UNMAP+DISCARD", CM_SEAL_UNMAP | CM_SEAL_DISCARD},
	{"mseal's", KERNEL},
	{"ALL", CM_SEAL_ALL},
	{"PROT, then UNMAP", THEN(CM_SEAL_PROT, CM_SEAL_UNMAP)},
	{"PROT, then the rest", THEN(CM_SEAL_PROT, CM_SEAL_ALL & ~CM_SEAL_PROT)},
	{"ALL, then DISCARD", THEN(CM_SEAL_ALL, CM_SEAL_DISCARD)},
	{"mimmutable", IMMUTABLE},
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void seal(char *at, int seals)
{
	int first = seals & 0xff, then = seals >> 8 & 0xff;

	if (first && seal_range(at, 2 * PAGE, first))
		broken("cmsealrange");
	if (then && seal_range(at, 2 * PAGE, then))
		broken("cmsealrange again");
	if (seals & IMMUTABLE && immutable(at, 2 * PAGE))
		broken("mimmutable");
}

/* Whether the four pages are there with what they held, and still may be written where they might:
 * the kernel reads into them without a fault of ours. */
static int is_whole(const char *pages, int prot)
{
	int zero[2], good = !pipe(zero);

	for (size_t i = 0; good && i < PAGES; i++)
		good = write(zero[1], pages + i * PAGE, 1) == 1;
	for (size_t i = 0; good && i < PAGES; i++) {
		char byte = 0;

		good = read(zero[0], prot & PROT_WRITE ? (char *)pages + i * PAGE : &byte, 1) == 1;
		good = good && (prot & PROT_WRITE ? pages[i * PAGE] : byte) == MARK;
	}
	close(zero[0]);
	close(zero[1]);
	return good;
}

static char letter(long result, const char *pages, int prot)
{
	if (result >= 0)
		return '.';
	if (result == -EPERM)
		return is_whole(pages, prot) ? 'P' : '!';
	return result == -EINVAL ? 'I' : '?';
}

static char *made[N_TRIES]; /* by whoever seals; tried by whoever calls */
static char found[N_TRIES + 1];

static void *try_all(void *unused)
{
	for (size_t i = 0; i < N_TRIES; i++)
		found[i] = letter(seal_tries[i].call(made[i] + PAGE), made[i], seal_tries[i].prot);
	return unused;
}

static void make_all(int seals)
{
	for (size_t i = 0; i < N_TRIES; i++) {
		made[i] = pages_new(PAGES, seal_tries[i].prot, seal_tries[i].flags);
		seal(made[i] + PAGE, seals);
	}
}

static void try_in_child(void)
{
	int status, out[2];
	pid_t child;

	if (pipe(out) || (child = fork()) < 0)
		broken("fork");
	if (!child) {
		try_all(NULL);
		_exit(write(out[1], found, N_TRIES) != (ssize_t)N_TRIES);
	}
	if (read(out[0], found, N_TRIES) != (ssize_t)N_TRIES ||
	    waitpid(child, &status, 0) != child || status)
		broken("the child");
	close(out[0]);
	close(out[1]);
}

static void try_by(const char *who)
{
	pthread_t thread;

	if (!strcmp(who, "fork"))
		try_in_child();
	else if (strcmp(who, "thread"))
		try_all(NULL);
	else if (pthread_create(&thread, NULL, try_all, NULL) || pthread_join(thread, NULL))
		broken("thread");
}

static long result(int r)
{
	return r ? -errno : 0;
}

static void print_error(const char *what, long r)
{
	printf("%s: %s\n", what, errno_name(r));
}

/* Arguments that are refused, or are not; each on pages of its own, the third of which is a gap. */
static char *with_gap(void)
{
	char *at = pages_new(PAGES, RW, MAP_PRIVATE);

	if (munmap(at + 2 * PAGE, PAGE))
		broken("a gap");
	return at;
}

static void print_errors(void)
{
	char *at = with_gap();

	print_error("no seals", result(seal_range(at, PAGE, 0)));
	print_error("an unknown seal", result(seal_range(at, PAGE, 0x40)));
	print_error("an unknown one among others", result(seal_range(at, PAGE, 0x81)));
	print_error("a negative one", result(seal_range(at, PAGE, -1)));
	print_error("an unaligned address", result(seal_range(at + 1, PAGE, CM_SEAL_ALL)));
	print_error("a length that wraps", result(seal_range(at, (size_t)-1, CM_SEAL_ALL)));
	print_error("a gap at the end", result(seal_range(at + PAGE, 2 * PAGE, CM_SEAL_ALL)));
	print_error("a gap inside", result(seal_range(at, PAGES * PAGE, CM_SEAL_UNMAP)));
	print_error("a gap at the beginning", result(seal_range(at + 2 * PAGE, 2 * PAGE, 1)));
	print_error("after these, munmap", result(munmap(at, PAGES * PAGE)));
	at = with_gap();
	print_error("no length", result(seal_range(at, 0, CM_SEAL_ALL)));
	print_error("one byte", result(seal_range(at, 1, CM_SEAL_UNMAP)));
	print_error("after that, munmap", result(munmap(at, PAGE)));
	print_error("of the page behind", result(munmap(at + PAGE, PAGE)));
	at = with_gap();
	print_error("mimmutable over a gap", result(immutable(at + 8, 3 * PAGE)));
	print_error("after that, munmap of the last", result(munmap(at + 3 * PAGE, PAGE)));
	print_error("mimmutable that wraps", result(immutable(at, (size_t)-1)));
	print_error("mimmutable of nothing", result(immutable(at, 0)));
}

static void print_rows(enum way way, const char *who)
{
	seal_try_init(way);
	for (size_t i = 0; i < N_ROWS && (seal_range || !rows[i].seals); i++) {
		make_all(rows[i].seals);
		try_by(who);
		printf("%s: %s\n", rows[i].name, found);
	}
}

int main(int argc, char **argv)
{
	enum way way = BY_LIBC;

	seal_range = (int (*)(void *, size_t, int))dlsym(RTLD_DEFAULT, "cmsealrange");
	immutable = (int (*)(void *, size_t))dlsym(RTLD_DEFAULT, "mimmutable");
	if (argc == 2 && !strcmp(argv[1], "calls")) {
		for (size_t i = 0; i < N_TRIES; i++)
			puts(seal_tries[i].name);
		return 0;
	}
	if (argc < 2 || (argc == 3 && way_named(argv[1], &way)))
		return 98;
	if (argc == 2 && (!seal_range || !immutable))
		return 97;
	if (argc == 2)
		print_errors();
	else
		print_rows(way, argv[2]);
	return 0;
}
