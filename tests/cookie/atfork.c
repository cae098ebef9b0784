/* SPDX-License-Identifier: BSD-2-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/cookie/claims.h"

/*
 * fork(3) in a program with handlers of its own, pthread_atfork(3), that hold a lock of the
 * program's: an allocator whose memory is a region's. Were the library's lock taken before that
 * one, a thread that has the allocator's and wants the library's would wait for ever. Separate
 * since the handlers are there for the rest of the process; each attempt is a child that ends by a
 * signal if it hangs.
 */

#define FORKS   1000
#define SECONDS 20

static pthread_mutex_t allocator = PTHREAD_MUTEX_INITIALIZER;
static cm_t heap;
static void *plain; /* the twin's */
static bool in_handlers;
static atomic_uint n_refused;

static int protect(unsigned i)
{
	int prot = i % 2 ? R : RW;

	return plain ? mprotect(plain, PAGE, prot) : cmprotect(heap, 0, PAGE, prot);
}

static void call_in_handler(void)
{
	if (in_handlers && protect(1))
		n_refused++;
}

static void before(void)
{
	pthread_mutex_lock(&allocator);
	call_in_handler();
}

static void after(void)
{
	call_in_handler();
	pthread_mutex_unlock(&allocator);
}

static void *allocate(void *arg)
{
	for (unsigned i = 0;; i++) {
		pthread_mutex_lock(&allocator);
		if (protect(i))
			n_refused++;
		pthread_mutex_unlock(&allocator);
	}
	return arg;
}

/* Return: 0, or what went wrong. */
static int fork_often(void)
{
	pthread_t thread;

	deadline(SECONDS);
	if (pthread_create(&thread, NULL, allocate, NULL))
		return 1;
	for (unsigned i = 0; i < FORKS; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (!pid) {
			deadline(SECONDS);
			_exit(protect(i) ? 1 : 0);
		}
		if (child_end(pid))
			return 3;
	}
	return n_refused ? 4 : 0;
}

static int by_cookie(void *with)
{
	heap = region_new(PAGE, RW, 0);
	in_handlers = with;
	return fork_often();
}

static int by_address(void *with)
{
	plain = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return plain == MAP_FAILED ? 5 : fork_often();
}

int main(void)
{
	if (pthread_atfork(before, after, after))
		claims_broken("pthread_atfork");
	claim(child_run(by_address, NULL) == 0, "twin: %d forks beside mprotect(2)", FORKS);
	claim(child_run(by_cookie, NULL) == 0, "%d forks beside cmprotect(3) come to their end",
	      FORKS);
	claim(child_run(by_cookie, &heap) == 0,
	      "and so do these whose handlers call it themselves; nothing is refused");
	return claims_end();
}
