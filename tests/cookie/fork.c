/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/cookie/calls.h"
#include "tests/cookie/claims.h"
#include "tests/cookie/inside.h"
#include "tests/cookie/look.h"

/*
 * Processes that are copied: by fork(3) while other threads call, by ways that tell the library
 * nothing, in a signal handler. The child's cookies work and are its own; what it cannot know it
 * says, and never is anything another's.
 */

#define N_THREADS 4
#define LEN       (4 * PAGE)

static _Atomic bool over;
static cm_t known;
static unsigned char *known_at;

/* Everything at all times, each thread on regions of its own. */
static void *call_on(void *with)
{
	cm_t c = region_new(LEN, RW, 0);

	for (unsigned i = 0; !over; i++) {
		cm_t d = region_new(LEN, RW, i % 3 ? 0 : CM_ALIAS);

		region_at(d)[0] = 1;
		calls[i % n_calls].make(d);
		cmclose(d, CM_CLOSE_UNMAP);
		cmsubmap(c, i % 4 * PAGE, PAGE, RW, 0, -1, 0);
		cmprotect(c, 0, PAGE, i % 2 ? R : RW);
		cmunmap(c, (i + 2) % 4 * PAGE, PAGE);
	}
	return NULL;
}

static pthread_t threads[N_THREADS];

static void begin_calls(void)
{
	over = false;
	known = region_new(LEN, RW, 0);
	known_at = region_at(known);
	memset(known_at, 'k', LEN);
	for (size_t i = 0; i < N_THREADS; i++)
		if (pthread_create(&threads[i], NULL, call_on, NULL))
			claims_broken("pthread_create");
}

static void end_calls(void)
{
	over = true;
	for (size_t i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* What a child does with what it has. Return: 0, or the line that was wrong. */
#define NEEDS(what)                                \
	do {                                       \
		if (!(what))                       \
			return __LINE__ % 200 + 1; \
	} while (0)

static int use_all(void)
{
	struct cm_stat st;
	cm_t own, list[3];
	void *p;

	NEEDS(!cmgetptr(known, &p) && p == known_at);
	NEEDS(!cmstat(known, 0, &st) && st.len == LEN && st.prot == RW);
	NEEDS(known_at[0] == 'k' && known_at[LEN - 1] == 'k');
	NEEDS(!cmprotect(known, PAGE, PAGE, R) && !look_writes(known_at + PAGE));
	NEEDS(!cmsubmap(known, 2 * PAGE, PAGE, RW, 0, -1, 0) && known_at[2 * PAGE] == 0);
	NEEDS(!cmunmap(known, 3 * PAGE, PAGE) && !look_reads(known_at + 3 * PAGE));
	NEEDS(!cmstat(known, 3, &st) && st.kind == CM_KIND_RESERVED);
	NEEDS(!cmmmap(0, LEN, RW, 0, -1, 0, &own) && own != known);
	NEEDS(!cmgetptr(own, &p) && p != known_at);
	memset(p, 'o', LEN);
	for (size_t i = 0; i < COUNT(list); i++)
		NEEDS(!cmmmap(0, LEN, RW, 0, -1, 0, &list[i]));
	for (size_t i = 0; i < COUNT(list); i++)
		NEEDS(!cmclose(list[i], CM_CLOSE_UNMAP));
	NEEDS(*(char *)p == 'o' && known_at[0] == 'k');
	NEEDS(!cmclose(known, CM_CLOSE_UNMAP) && !look_reads(known_at));
	NEEDS(cmstat(known, 0, &st) == -1 && errno == EBADF);
	NEEDS(!cmclose(own, CM_CLOSE_UNMAP));
	return 0;
}

/* And after a fork of its own. */
static int child_of_child(void *with)
{
	pid_t pid;

	deadline(30);
	if (with) {
		pid = fork();
		if (pid)
			return child_end(pid);
	}
	return use_all();
}

static void forked_beside_calls(unsigned n)
{
	unsigned n_wrong = 0;

	begin_calls();
	for (unsigned i = 0; i < n; i++) {
		int r = child_run(child_of_child, i % 10 ? NULL : &n_wrong);

		if (r && n_wrong++ < 5)
			claim_note("child %u: %d", i, r);
	}
	end_calls();
	claim(!n_wrong, "%u children of fork beside calls have cookies that work", n);
	claim(known_at[PAGE] == 'k' && look_writes(known_at + 3 * PAGE) &&
		      !cmstat(known, 0, &outs.stat),
	      "and the parent's region is as it was");
}

/* Ways that call no handler: what a child says is the truth, or that it cannot tell. */
static int use_or_refuse(void)
{
	struct cm_stat st;
	int first;
	cm_t own;

	deadline(30);
	errno = 0;
	first = cmstat(known, 0, &st) ? errno : 0;
	if (!first)
		return use_all() ? 3 : 0;
	if (first != ENOTRECOVERABLE)
		return 2;
	for (size_t i = 0; i < n_calls; i++)
		if (calls[i].make(known) != -1 || errno != ENOTRECOVERABLE)
			return 4;
	if (cmmmap(0, PAGE, RW, 0, -1, 0, &own) != -1 || errno != ENOTRECOVERABLE)
		return 5;
	return known_at[0] == 'k' ? 1 : 6;
}

static void copied_beside_calls(unsigned n)
{
	unsigned n_worked = 0, n_refused = 0, n_wrong = 0;

	begin_calls();
	for (unsigned i = 0; i < n; i++) {
		pid_t pid = i % 2 ? _Fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		int r;

		if (!pid)
			_exit(use_or_refuse());
		r = child_end(pid);
		n_worked += r == 0;
		n_refused += r == 1;
		if (r > 1 || r < 0) {
			claim_note("child %u: %d", i, r);
			n_wrong++;
		}
	}
	end_calls();
	claim_note("%u worked, %u refused", n_worked, n_refused);
	claim(!n_wrong,
	      "%u children of _Fork and clone beside calls work, or all of their calls say "
	      "ENOTRECOVERABLE",
	      n);
	claim(n_refused, "some of them do");
}

/* What parent and child open after they have parted. */
struct parted {
	_Atomic int stage;
	cm_t parents, childs, before;
	int found;
};

static void reach(struct parted *p, int stage)
{
	p->stage = stage;
	while (p->stage == stage)
		usleep(100);
}

static int all_are_ebadf(cm_t c)
{
	for (size_t i = 0; i < n_calls; i++)
		if (calls[i].make(c) != -1 || errno != EBADF)
			return (int)i + 1;
	return 0;
}

static int part_child(struct parted *p)
{
	unsigned char *at;

	deadline(30);
	p->childs = region_new(LEN, RW, 0);
	at = region_at(p->childs);
	memset(at, 'c', LEN);
	while (p->stage != 1)
		usleep(100);
	p->found = all_are_ebadf(p->parents);
	p->stage = 2;
	while (p->stage != 3)
		usleep(100);
	return at[0] == 'c' && !cmstat(p->childs, 0, &outs.stat) &&
			       !cmstat(p->before, 0, &outs.stat)
		       ? 0
		       : 1;
}

static void cookies_are_of_one_process(void)
{
	struct parted *p = shared_new(sizeof(*p));
	unsigned char *at;
	int found;
	pid_t pid;

	p->before = region_new(LEN, RW, 0);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(part_child(p));
	p->parents = region_new(LEN, RW, 0);
	at = region_at(p->parents);
	memset(at, 'p', LEN);
	p->stage = 0;
	reach(p, 1);
	found = all_are_ebadf(p->childs);
	claim(p->parents != p->childs, "what both open after a fork are different cookies");
	claim(p->found == 0, "the parent's are EBADF in the child");
	claim(found == 0, "and the child's in the parent");
	p->stage = 3;
	claim(child_end(pid) == 0, "to each its own works, and what was before the fork to both");
	claim(at[0] == 'p' && !cmstat(p->parents, 0, &outs.stat), "to the parent as well");
	claim(!cmclose(p->before, CM_CLOSE_UNMAP) && !cmclose(p->parents, CM_CLOSE_UNMAP),
	      "which closes them");
}

/* Not by chance: many, each compared with all of the other. */
static int open_many(void *with)
{
	cm_t *list = with;

	for (size_t i = 0; i < 256; i++)
		list[i] = region_new(PAGE, RW, 0);
	return 0;
}

static void no_value_twice(void)
{
	cm_t *list = shared_new(3 * 256 * sizeof(cm_t));
	unsigned n = 0;

	child_run(open_many, list);
	child_run(open_many, list + 256);
	open_many(list + 512);
	for (size_t i = 0; i < 3 * 256; i++)
		for (size_t k = 0; k < i; k++)
			n += list[i] == list[k];
	claim(!n, "of 256 cookies each of two children and their parent none are equal");
}

extern char **environ;

static void replaced_children(void)
{
	char name[] = "true", *argv[] = {name, NULL};
	cm_t c = region_new(LEN, RW, 0);
	pid_t pid;
	void *p;

	region_fill(c, LEN, 'v');
	pid = vfork();
	if (!pid) {
		execv("/bin/true", argv);
		_exit(1);
	}
	claim(!child_end(pid), "a vfork child executes a program");
	claim(!cmgetptr(c, &p) && region_at(c)[1] == 'v' && !cmprotect(c, 0, PAGE, R),
	      "and the parent's cookies work");
	claim(!posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) && !child_end(pid) &&
		      !cmstat(c, 0, &outs.stat) && !cmclose(c, CM_CLOSE_UNMAP),
	      "so they do after posix_spawn");
}

/* A handler that has interrupted a call, and forks. */
static int *in_handler; /* shared: the child's error inside, and afterwards; the parent's */
static pid_t forked;

static void fork_inside(void)
{
	bool parent;

	forked = fork();
	parent = forked;
	errno = 0;
	in_handler[parent] = cmstat(known, 0, &outs.stat) ? errno : 0;
}

static int interrupted(void *with)
{
	int r, end;

	deadline(30);
	known = region_new(LEN, RW, 0);
	r = inside_run(fork_inside);
	end = r == ENOMEM && !cmstat(known, 0, &outs.stat) && !cmunmap(known, 0, PAGE) ? 0 : 1;
	if (!forked)
		_exit(end);
	in_handler[2] = child_end(forked);
	return end;
}

static void forked_in_a_handler(void)
{
	in_handler = shared_new(PAGE);
	in_handler[2] = 99;
	claim(!child_run(interrupted, NULL), "a handler that has interrupted a call forks");
	claim(in_handler[0] == EDEADLK && in_handler[1] == EDEADLK,
	      "a call in the handler says EDEADLK, in the child as well");
	claim(in_handler[2] == 0, "when it has returned the child's calls work");
}

int main(void)
{
	deadline(140);
	cookies_are_of_one_process();
	no_value_twice();
	replaced_children();
	forked_in_a_handler();
	forked_beside_calls(1000);
	copied_beside_calls(300);
	return claims_end();
}
