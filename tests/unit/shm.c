/* SPDX-License-Identifier: BSD-2-Clause */

/* How long a System V segment is said to be, and of whose the supervisor knows nothing. */

#include "supervise/shm.h"

#include <check.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/unit.h"

static int id;

static void setup(void)
{
	id = shmget(IPC_PRIVATE, 12345, IPC_CREAT | 0600);
	ck_assert_int_ge(id, 0);
}

static void teardown(void)
{
	shmctl(id, IPC_RMID, NULL);
}

START_TEST(a_segment_is_as_long_as_it_was_made)
{
	ck_assert_uint_eq(shm_bytes(getpid(), id), 12345);
}
END_TEST

START_TEST(one_that_there_is_not_has_no_length)
{
	ck_assert_uint_eq(shm_bytes(getpid(), -1), 0);
	shmctl(id, IPC_RMID, NULL);
	ck_assert_uint_eq(shm_bytes(getpid(), id), 0);
}
END_TEST

/* The number means another segment there, or none. */
START_TEST(in_another_namespace_it_is_not_known)
{
	int ready[2], end[2];
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(ready) | pipe(end), 0);
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWUSER | CLONE_NEWIPC) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1 || read(end[0], &c, 1) != 1)
			_exit(2);
		_exit(0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &c, 1), 1);
	ck_assert_uint_eq(shm_bytes(getpid(), id), 12345);
	ck_assert_uint_eq(shm_bytes(pid, id), 0);
	ck_assert_int_eq(write(end[1], "x", 1), 1);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(shm_bytes(pid, id), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shm");
	TCase *t = tcase_create("shm");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_segment_is_as_long_as_it_was_made);
	tcase_add_test(t, one_that_there_is_not_has_no_length);
	tcase_add_test(t, in_another_namespace_it_is_not_known);
	suite_add_tcase(s, t);
	return unit_run(s);
}
