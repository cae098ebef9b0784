/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "tests/cookie/calls.h"
#include "tests/cookie/claims.h"

/*
 * Signal handlers that come at any moment, also in the middle of a call: cmgetptr(3) always works
 * in them, any other function works or says EDEADLK, and nothing ever waits for itself. What is
 * certain in the middle of a call is in errors_inside.c; here it is chance, many times.
 */

#define N_THREADS 4
#define PERIOD_NS 40000
#define SECONDS   1.0
#define SIG       SIGRTMIN
#define LEN       (4 * PAGE)

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static cm_t known;
static void *known_at;
static _Atomic unsigned n_handled, n_deadlk, n_worked, n_wrong, n_read_wrong, n_calls_made;
static _Atomic bool over;
static _Thread_local unsigned turn;
static _Thread_local timer_t timer;

/* Another call each time; what is made here is closed here, or by nobody. */
static int handler_call(void)
{
	cm_t c;

	switch (turn++ % 6) {
	case 0:
		return cmstat(known, 0, &outs.stat);
	case 1:
		return cmprotect(known, PAGE, PAGE, RW);
	case 2:
		if (cmmmap(0, PAGE, RW, 0, -1, 0, &c))
			return -1;
		return cmclose(c, CM_CLOSE_UNMAP);
	case 3:
		return cmsubmap(known, 2 * PAGE, PAGE, RW, 0, -1, 0);
	case 4:
		return cmrestrict(known, CM_OP_ALL, NULL);
	default:
		return cmgetcap(known, &outs.ptr, RW);
	}
}

/* The next one: counted from here, so that what is interrupted gets on. */
static void timer_again(void)
{
	struct itimerspec once = {{0, 0}, {0, PERIOD_NS}};

	timer_settime(timer, 0, &once, NULL);
}

static void handle(int sig)
{
	int saved = errno;
	void *at = NULL;

	n_handled++;
	if (cmgetptr(known, &at) || at != known_at)
		n_read_wrong++;
	errno = 0;
	if (!handler_call())
		n_worked++;
	else if (errno == EDEADLK)
		n_deadlk++;
	else
		n_wrong++;
	if (!over)
		timer_again();
	errno = saved;
}

static void timer_start(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIG};

	event.sigev_notify_thread_id = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer))
		claims_broken("a timer");
	timer_again();
}

/* What is interrupted: every call works, whatever its handlers do. */
static void *call_on(void *with)
{
	timer_start();
	for (unsigned i = 0; !over; i++) {
		const struct call *f = &calls[i % n_calls];
		cm_t c;

		if (cmmmap(0, LEN, RW, 0, -1, 0, &c) || f->make(c))
			n_wrong++;
		cmclose(c, CM_CLOSE_UNMAP);
		n_calls_made += 3;
	}
	timer_delete(timer);
	return NULL;
}

static void storm(unsigned n_threads)
{
	struct timespec time = {(time_t)SECONDS, (long)((SECONDS - (long)SECONDS) * 1e9)};
	pthread_t threads[N_THREADS];

	n_handled = n_deadlk = n_worked = n_wrong = n_read_wrong = n_calls_made = 0;
	over = false;
	for (unsigned i = 0; i < n_threads; i++)
		if (pthread_create(&threads[i], NULL, call_on, NULL))
			claims_broken("pthread_create");
	while (nanosleep(&time, &time))
		;
	over = true;
	for (unsigned i = 0; i < n_threads; i++)
		pthread_join(threads[i], NULL);
	claim_note("%u calls, %u signals: %u worked, %u EDEADLK", n_calls_made, n_handled, n_worked,
		   n_deadlk);
	claim(n_handled > 200 && n_calls_made > 200, "%u threads call and are interrupted",
	      n_threads);
	claim(!n_read_wrong, "cmgetptr works in every handler");
	claim(!n_wrong, "other calls work or say EDEADLK; those that were interrupted work");
	claim(n_worked, "calls in handlers work at times");
	claim(n_deadlk, "and some have found a call in its middle");
}

int main(void)
{
	struct sigaction act = {.sa_handler = handle, .sa_flags = SA_RESTART};

	deadline(60); /* who waits for itself ends here */
	known = region_new(LEN, RW, 0);
	known_at = region_at(known);
	sigaction(SIG, &act, NULL);
	storm(1);
	storm(N_THREADS);
	return claims_end();
}
