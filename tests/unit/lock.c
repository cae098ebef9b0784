/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/lock.h"

#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/unit/unit.h"

static struct lock lock;

static void lock_make(bool wipe)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(page, MAP_FAILED);
	if (wipe)
		ck_assert_int_eq(madvise(page, 4096, MADV_WIPEONFORK), 0);
	lock_init(&lock, page);
}

/* Of this thread: what others do meanwhile is not its wait. */
static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return 1e3 * (double)ts.tv_sec + (double)ts.tv_nsec / 1e6;
}

/* The exit status of a child. */
static int status_of(pid_t pid)
{
	int status;

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A thread that enters, says so, and leaves when it is told to. */
static sem_t entered, may_leave;

static void *holder(void *arg)
{
	if (lock_enter(&lock) != LOCKED)
		abort();
	sem_post(&entered);
	while (sem_wait(&may_leave))
		;
	lock_leave(&lock);
	return NULL;
}

static pthread_t hold_elsewhere(void)
{
	pthread_t thread;

	sem_init(&entered, 0, 0);
	sem_init(&may_leave, 0, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, holder, NULL), 0);
	while (sem_wait(&entered))
		;
	return thread;
}

static void release(pthread_t thread)
{
	sem_post(&may_leave);
	pthread_join(thread, NULL);
}

START_TEST(a_free_lock_is_entered_and_can_be_entered_again)
{
	lock_make(true);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(lock_enter(&lock), LOCKED);
		lock_leave(&lock);
	}
}
END_TEST

static enum lock_result in_handler;

static void handler_enters(int sig)
{
	in_handler = lock_enter(&lock);
	if (in_handler == LOCKED)
		lock_leave(&lock);
}

START_TEST(a_handler_that_interrupts_the_holder_is_told_so)
{
	lock_make(true);
	signal(SIGUSR1, handler_enters);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
	raise(SIGUSR1);
	ck_assert_int_eq(in_handler, LOCK_HELD_BY_US);
	lock_leave(&lock);
	raise(SIGUSR1);
	ck_assert_int_eq(in_handler, LOCKED);
}
END_TEST

/* The ways to fork, one of them unknown to libc. */
static pid_t fork_by(int way)
{
	switch (way) {
	case 0:
		return fork();
	case 1:
		return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	default:
		return (pid_t)syscall(SYS_fork);
	}
}

#define N_WAYS 3

START_TEST(a_fork_child_enters_a_free_lock)
{
	pid_t pid;

	lock_make(true);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
	lock_leave(&lock);
	pid = fork_by(_i);
	if (!pid)
		_exit(lock_enter(&lock));
	ck_assert_int_eq(status_of(pid), LOCKED);
}
END_TEST

START_TEST(a_fork_child_is_told_that_another_thread_was_interrupted)
{
	pthread_t thread;
	pid_t pid;

	lock_make(true);
	thread = hold_elsewhere();
	pid = fork_by(_i);
	if (!pid) {
		alarm(20);
		_exit(lock_enter(&lock) == LOCK_INTERRUPTED ? lock_enter(&lock) : 99);
	}
	ck_assert_int_eq(status_of(pid), LOCK_INTERRUPTED);
	release(thread);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
}
END_TEST

/* The twin of the test above: what wipes the word is what lets the child go on at once. */
START_TEST(without_the_wiped_page_a_fork_child_would_wait_for_nobody)
{
	pthread_t thread;
	pid_t pid;

	lock_make(false);
	thread = hold_elsewhere();
	pid = fork_by(_i);
	if (!pid) {
		alarm(20);
		_exit(lock_enter(&lock));
	}
	ck_assert_int_eq(status_of(pid), LOCK_STUCK);
	release(thread);
}
END_TEST

static pid_t forked;
static int way_in_handler;

static void handler_forks(int sig)
{
	forked = fork_by(way_in_handler);
	if (!forked)
		in_handler = lock_enter(&lock);
}

START_TEST(a_child_forked_by_a_handler_over_the_holder_leaves_no_lock_behind)
{
	lock_make(true);
	way_in_handler = _i;
	signal(SIGUSR1, handler_forks);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
	raise(SIGUSR1);
	if (!forked) {
		/* the holder, which does not know that it is in the child now */
		lock_leave(&lock);
		_exit(in_handler == LOCK_INTERRUPTED && !atomic_load(lock.word) ? 0 : 1);
	}
	lock_leave(&lock);
	ck_assert_int_eq(status_of(forked), 0);
	release(hold_elsewhere());
}
END_TEST

START_TEST(a_vfork_child_of_the_holder_counts_as_its_handler)
{
	volatile enum lock_result r = LOCKED;
	pid_t pid;

	lock_make(true);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
	pid = vfork();
	if (!pid) {
		r = lock_enter(&lock);
		_exit(0);
	}
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_int_eq(r, LOCK_HELD_BY_US);
	lock_leave(&lock);
	pid = vfork();
	if (!pid) {
		r = lock_enter(&lock);
		lock_leave(&lock);
		_exit(0);
	}
	ck_assert_int_eq(status_of(pid), 0);
	ck_assert_int_eq(r, LOCKED);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
}
END_TEST

START_TEST(a_suspended_holder_delays_the_first_and_nobody_after)
{
	pthread_t thread;
	double t;

	lock_make(true);
	thread = hold_elsewhere();
	t = now_ms();
	ck_assert_int_eq(lock_enter(&lock), LOCK_STUCK);
	ck_assert(now_ms() - t < 1000);
	t = now_ms();
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(lock_enter(&lock), LOCK_STUCK);
	ck_assert_msg(now_ms() - t < 500, "1000 times: %.1f ms", now_ms() - t);
	release(thread);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
	lock_leave(&lock);
}
END_TEST

static unsigned long counter, n_stuck;

static void *count(void *arg)
{
	unsigned n = *(unsigned *)arg;

	while (n) {
		if (lock_enter(&lock) != LOCKED) {
			__atomic_fetch_add(&n_stuck, 1, __ATOMIC_RELAXED);
			continue;
		}
		/* not atomic, and long enough to be interrupted */
		unsigned long c = *(volatile unsigned long *)&counter;

		for (volatile int i = 0; i < 20; i++)
			;
		*(volatile unsigned long *)&counter = c + 1;
		lock_leave(&lock);
		n--;
	}
	return NULL;
}

static void count_in_threads(unsigned n_threads, unsigned n_each)
{
	pthread_t thread[8];

	for (unsigned i = 0; i < n_threads; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, count, &n_each), 0);
	for (unsigned i = 0; i < n_threads; i++)
		pthread_join(thread[i], NULL);
	ck_assert_uint_eq(counter, (unsigned long)n_threads * n_each);
	ck_assert_uint_eq(atomic_load(lock.word), 0);
}

START_TEST(eight_threads_exclude_each_other)
{
	lock_make(true);
	count_in_threads(8, 100000);
}
END_TEST

#define ON(value, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, otherwise)
#define WORD(at)             BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at)
#define FIELD(what)          offsetof(struct seccomp_data, what)

/*
 * Kills for futex(2) on the lock's word or its other half, which libc has no business with, and for
 * sched_yield(2).
 */
static void forbid_waits(void)
{
	uint64_t at = (uint64_t)lock.word;
	struct sock_filter code[] = {
		WORD(FIELD(nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_yield, 6, 0),
		ON(SYS_futex, 6),
		WORD(FIELD(args[0])),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~4u),
		ON((uint32_t)at, 3),
		WORD(FIELD(args[0]) + 4),
		ON((uint32_t)(at >> 32), 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(*code), code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog), 0);
}

/* The twin of the test below: whoever made these calls would be killed. */
START_TEST(what_a_wait_could_be_made_of_is_forbidden)
{
	int status;
	pid_t pid;

	lock_make(true);
	forbid_waits();
	pid = fork();
	if (!pid) {
		if (_i < 2)
			syscall(SYS_futex, (uint32_t *)lock.word + _i, FUTEX_WAKE, 1, NULL, NULL,
				0);
		else
			syscall(SYS_sched_yield);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
END_TEST

START_TEST(threads_exclude_each_other_without_calls_that_a_filter_may_forbid)
{
	pthread_t thread;

	lock_make(true);
	forbid_waits();
	count_in_threads(4, 50000);
	thread = hold_elsewhere();
	ck_assert_int_eq(lock_enter(&lock), LOCK_STUCK);
	release(thread);
	ck_assert_int_eq(lock_enter(&lock), LOCKED);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lock");
	TCase *tc = tcase_create("lock");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_free_lock_is_entered_and_can_be_entered_again);
	tcase_add_test(tc, a_handler_that_interrupts_the_holder_is_told_so);
	tcase_add_loop_test(tc, a_fork_child_enters_a_free_lock, 0, N_WAYS);
	tcase_add_loop_test(tc, a_fork_child_is_told_that_another_thread_was_interrupted, 0,
			    N_WAYS);
	tcase_add_loop_test(tc, without_the_wiped_page_a_fork_child_would_wait_for_nobody, 0,
			    N_WAYS);
	tcase_add_loop_test(tc, a_child_forked_by_a_handler_over_the_holder_leaves_no_lock_behind,
			    0, N_WAYS);
	tcase_add_test(tc, a_vfork_child_of_the_holder_counts_as_its_handler);
	tcase_add_test(tc, a_suspended_holder_delays_the_first_and_nobody_after);
	tcase_add_test(tc, eight_threads_exclude_each_other);
	tcase_add_loop_test(tc, what_a_wait_could_be_made_of_is_forbidden, 0, 3);
	tcase_add_test(tc, threads_exclude_each_other_without_calls_that_a_filter_may_forbid);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
