/* SPDX-License-Identifier: BSD-2-Clause */

/* Who sent a notification: processes and threads, their ends, and numbers that are used again. */

#include "supervise/proc.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/unit.h"

static struct proc_table table;

static void setup(void)
{
	ck_assert_int_eq(proc_table_init(&table, epoll_create1(EPOLL_CLOEXEC)), 0);
}

static unsigned drain(int timeout_ms)
{
	struct epoll_event e[16];
	int n = epoll_wait(table.epoll, e, 16, timeout_ms);

	for (int i = 0; i < n; i++)
		proc_table_event(&table, e[i].data.u64);
	return n < 0 ? 0 : (unsigned)n;
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

START_TEST(a_process_is_forgotten_when_it_ends)
{
	pid_t pid = sleeper();

	ck_assert_ptr_nonnull(task_get(&table, pid));
	ck_assert_ptr_eq(task_get(&table, pid)->proc, proc_find(&table, pid));
	ck_assert_uint_eq(drain(0), 0);
	end(pid);
	ck_assert_uint_ge(drain(1000), 1);
	ck_assert_ptr_null(proc_find(&table, pid));
	ck_assert_uint_eq(table.n_tasks, 0);
	ck_assert_uint_eq(table.n_procs, 0);
}
END_TEST

static pid_t thread_tid;

static void *speak(void *arg)
{
	char c;

	__atomic_store_n(&thread_tid, (pid_t)syscall(SYS_gettid), __ATOMIC_RELEASE);
	if (read(*(int *)arg, &c, 1) != 1)
		return NULL;
	return arg;
}

/* Linux 6.9: one flag more is known to pidfd_open(2). */
static bool has_thread_pidfds(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), O_EXCL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

START_TEST(a_thread_belongs_to_its_process_and_ends_alone)
{
	int hold[2];
	pthread_t t;

	ck_assert_int_eq(pipe(hold), 0);
	pthread_create(&t, NULL, speak, &hold[0]);
	while (!__atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE))
		usleep(1000);
	ck_assert_int_eq(task_get(&table, thread_tid)->proc->pid, getpid());
	ck_assert_ptr_eq(task_get(&table, getpid())->proc, task_get(&table, thread_tid)->proc);
	ck_assert_uint_eq(table.n_tasks, 2);
	ck_assert_int_eq(write(hold[1], "x", 1), 1);
	pthread_join(t, NULL);
	while (table.n_tasks > 1) {
		if (!has_thread_pidfds()) { /* it is looked up each time instead */
			while (task_get(&table, thread_tid))
				usleep(1000);
			continue;
		}
		ck_assert_uint_ge(drain(1000), 1);
	}
	ck_assert_ptr_nonnull(proc_find(&table, getpid()));
}
END_TEST

/* As before Linux 6.9. */
START_TEST(threads_without_pidfds_are_forgotten_as_others_come)
{
	int hold[2];
	pthread_t t;

	table.max_watched = 0;
	ck_assert_int_eq(pipe(hold), 0);
	for (int i = 0; i < 5000; i++) {
		__atomic_store_n(&thread_tid, 0, __ATOMIC_RELAXED);
		pthread_create(&t, NULL, speak, &hold[0]);
		while (!__atomic_load_n(&thread_tid, __ATOMIC_ACQUIRE))
			sched_yield();
		ck_assert_ptr_nonnull(task_get(&table, thread_tid));
		ck_assert_int_eq(write(hold[1], "x", 1), 1);
		pthread_join(t, NULL);
	}
	ck_assert_uint_le(table.n_tasks, 1024 + 16);
}
END_TEST

START_TEST(nobody_is_found_for_a_number_without_bearer)
{
	pid_t pid = sleeper();

	end(pid);
	ck_assert_ptr_null(task_get(&table, pid));
	ck_assert_ptr_null(task_get(&table, 0));
	ck_assert_ptr_null(task_get(&table, -1));
}
END_TEST

START_TEST(ten_thousand_processes_leave_nothing)
{
	for (int i = 0; i < 10000; i++) {
		pid_t pid = fork();

		if (!pid) {
			pause();
			_exit(0);
		}
		ck_assert_ptr_nonnull(task_get(&table, pid));
		end(pid);
		drain(0);
	}
	while (table.n_procs)
		ck_assert_uint_ge(drain(1000), 1);
	ck_assert_uint_eq(table.n_tasks, 0);
	ck_assert_int_lt(dup(0), 64); /* no descriptor is kept */
}
END_TEST

START_TEST(a_parent_is_named)
{
	pid_t pid = sleeper();

	ck_assert_int_eq(proc_parent(pid), getpid());
	end(pid);
	ck_assert_int_eq(proc_parent(pid), -1);
}
END_TEST

START_TEST(a_kill_reaches_the_process)
{
	pid_t pid = sleeper();
	int status;

	proc_kill(task_get(&table, pid)->proc);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("proc");
	TCase *t = tcase_create("proc");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_process_is_forgotten_when_it_ends);
	tcase_add_test(t, a_thread_belongs_to_its_process_and_ends_alone);
	tcase_add_test(t, threads_without_pidfds_are_forgotten_as_others_come);
	tcase_add_test(t, nobody_is_found_for_a_number_without_bearer);
	tcase_add_test(t, ten_thousand_processes_leave_nothing);
	tcase_add_test(t, a_parent_is_named);
	tcase_add_test(t, a_kill_reaches_the_process);
	suite_add_tcase(s, t);
	return unit_run(s);
}
