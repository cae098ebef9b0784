/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/cookie.h"

#include <pthread.h>
#include <semaphore.h>

/*
 * An attack while a call of the C interface is in progress, which holds the lock: from a signal
 * handler that has interrupted it on the same thread, or from another thread. The call faults where
 * it writes its result, and ends when the handler has made that page writable.
 */

static void (*attack)(void);
static sem_t there, back;
static cm_t cookie;
static char *page;

/* The same thread is told that it cannot wait, so that it is known to be inside. */
static void on_fault_inside(int nr)
{
	if (cmprotect(cookie, 0, ATTACK_PAGE, PROT_READ) != -1 || errno != EDEADLK)
		attack_broken("inside");
	attack();
}

static void on_fault_beside(int nr)
{
	sem_post(&there);
	while (sem_wait(&back))
		;
	mprotect(page, ATTACK_PAGE, ATTACK_RW);
}

static void enter(void (*on_fault)(int))
{
	struct sigaction sa = {.sa_handler = on_fault};

	cookie = cookie_region(1, ATTACK_RW, 0).cookie;
	page = attack_page(PROT_NONE, ATTACK_ANON);
	sigaction(SIGSEGV, &sa, NULL);
	cookie_must(cmstat(cookie, 0, (struct cm_stat *)page), "cmstat");
}

static void *enter_in_thread(void *arg)
{
	enter(on_fault_beside);
	return NULL;
}

static void *let_go(void *arg)
{
	usleep(100000);
	sem_post(&back);
	return NULL;
}

/* Attacks from a handler of the thread that is inside. */
void cookie_inside(void (*fn)(void))
{
	attack = fn;
	enter(on_fault_inside);
}

/* Attacks from beside it; who waits for the lock gets it after a while. */
void cookie_beside(void (*fn)(void))
{
	pthread_t t;

	sem_init(&there, 0, 0);
	sem_init(&back, 0, 0);
	errno = pthread_create(&t, NULL, enter_in_thread, NULL);
	while (!errno && sem_wait(&there))
		errno = 0;
	if (errno)
		attack_broken("thread");
	errno = pthread_create(&t, NULL, let_go, NULL);
	if (errno)
		attack_broken("thread");
	fn();
}
