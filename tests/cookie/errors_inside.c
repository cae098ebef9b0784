/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include "tests/cookie/inside.h"

/*
 * What a call says that finds another one in its middle: EDEADLK in a signal handler that has
 * interrupted it, ENOTRECOVERABLE in a child that was copied beside it. With each its twin: the
 * same handler where nothing is interrupted, the same child where nobody is inside.
 */

#define N_MAX 32

/* What was found, shared with the child that finds it. */
struct found {
	int error[N_MAX];
	int map, mapreq, memfd, interrupted, afterwards, at_all;
	int again; /* cmgetptr(), once other functions were called */
};

static struct found *found;

static cm_t given[N_MAX];

/* Tries all functions, each on a region of its own. */
static void try_all(void)
{
	struct cmreq req;

	found->at_all++;
	for (size_t i = 0; i < n_calls; i++) {
		errno = 0;
		found->error[i] = calls[i].make(given[i]) ? errno : 0;
	}
	errno = 0;
	found->map = cmmmap(0, PAGE, RW, 0, -1, 0, &outs.cookie) ? errno : 0;
	CMREQ_INIT(&req, PAGE, RW);
	errno = 0;
	found->mapreq = cmmmapreq(&req, &outs.cookie) ? errno : 0;
	found->memfd = cmmemfd("inside", 0) < 0 ? errno : 0;
	errno = 0;
	found->again = cmgetptr(given[0], &outs.ptr) ? errno : 0;
}

static void judge(int want, const char *where)
{
	claim(found->at_all == 1, "all was tried %s", where);
	for (size_t i = 0; i < n_calls; i++) {
		bool reads = !strcmp(calls[i].function, "cmgetptr"); /* without the lock */
		int expected = reads && want == EDEADLK ? 0 : want;

		if (!claim(found->error[i] == expected, "%s %s %s", calls[i].function,
			   errors_name(expected), where))
			claim_note("  got %s", errors_name(found->error[i]));
		if (expected && found->error[i] == expected)
			errors_seen(calls[i].function, expected);
	}
	claim(found->again == found->error[0], "cmgetptr says the same again %s", where);
	if (want && claim(found->map == want, "cmmmap %s %s", errors_name(want), where))
		errors_seen("cmmmap", want);
	if (want && claim(found->mapreq == want, "cmmmapreq %s %s", errors_name(want), where))
		errors_seen("cmmmapreq", want);
	claim(!found->memfd, "cmmemfd works %s", where);
}

static void begin(void)
{
	memset(found, 0, sizeof(*found));
	for (size_t i = 0; i < n_calls; i++)
		given[i] = region_new(CALL_BYTES, RW, 0);
}

static int interrupted_child(void *with)
{
	found->interrupted = inside_run(try_all);
	found->afterwards = cmstat(given[0], 0, &outs.stat) || cmunmap(given[0], 0, PAGE);
	return 0;
}

static int uninterrupted_child(void *with)
{
	return outside_run(try_all);
}

static void in_a_handler(void)
{
	begin();
	claim(!child_run(uninterrupted_child, NULL), "a handler that interrupts nothing ends");
	judge(0, "in a handler that interrupts nothing");
	begin();
	claim(!child_run(interrupted_child, NULL), "a handler that interrupts a call ends");
	judge(EDEADLK, "in a handler that interrupts a call");
	claim(found->interrupted == ENOMEM, "the call goes on and says what the kernel said");
	claim(!found->afterwards, "and others after it work");
}

static sem_t is_inside, may_leave;

static void wait_inside(void)
{
	sem_post(&is_inside);
	while (sem_wait(&may_leave))
		;
}

static void *stay_inside(void *with)
{
	return (void *)(intptr_t)inside_run(wait_inside);
}

enum way { BY_FORK, BY_CLONE };

/* A child that was copied without a word to libc's atfork handlers. */
static pid_t copied(enum way way)
{
	pid_t pid;

	fflush(NULL);
	pid = way == BY_FORK ? _Fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid)
		return pid;
	deadline(20);
	try_all();
	_exit(0);
}

/* In a child of its own, whose threads and filters end with it. */
static int copied_beside(void *with)
{
	enum way way = *(enum way *)with;
	pthread_t thread;
	void *result;
	int end;

	if (pthread_create(&thread, NULL, stay_inside, NULL))
		return 1;
	while (sem_wait(&is_inside))
		;
	end = child_end(copied(way));
	sem_post(&may_leave);
	pthread_join(thread, &result);
	found->interrupted = (int)(intptr_t)result;
	found->afterwards = cmstat(given[0], 0, &outs.stat) || cmunmap(given[0], 0, PAGE);
	return end ? 2 : 0;
}

static int copied_alone(void *with)
{
	return child_end(copied(*(enum way *)with));
}

static void in_a_copy(enum way way, const char *name)
{
	char where[80];

	sem_init(&is_inside, 0, 0);
	sem_init(&may_leave, 0, 0);
	begin();
	snprintf(where, sizeof(where), "in a child of %s", name);
	claim(!child_run(copied_alone, &way), "it ends %s", where);
	judge(0, where);
	begin();
	snprintf(where, sizeof(where), "in a child of %s beside a call", name);
	claim(!child_run(copied_beside, &way), "it ends %s", where);
	judge(ENOTRECOVERABLE, where);
	claim(found->interrupted == ENOMEM, "the call goes on beside a child of %s", name);
	claim(!found->afterwards, "and others after it work");
}

void errors_inside(void)
{
	found = shared_new(sizeof(*found));
	in_a_handler();
	in_a_copy(BY_FORK, "_Fork");
	in_a_copy(BY_CLONE, "clone");
}
