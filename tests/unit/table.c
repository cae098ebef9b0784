/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/table.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/unit/table_util.h"
#include "tests/unit/unit.h"

static uint64_t filler = 1 << 20;

/* Maps, far away, until the table has asked for pages: the hook has run, under the lock. */
static void grow(void)
{
	while (hook) {
		map(filler, 1, 77);
		filler += 2;
	}
}

START_TEST(what_is_mapped_is_found_until_it_is_unmapped)
{
	table_make();
	ck_assert_int_eq(owner_of(16), 0);
	map(16, 4, 5);
	ck_assert_int_eq(owner_of(15), 0);
	ck_assert_int_eq(owner_of(16), 5);
	ck_assert_int_eq(owner_of(19), 5);
	ck_assert_int_eq(owner_of(20), 0);
	unmap(17, 1);
	ck_assert_int_eq(owner_of(16), 5);
	ck_assert_int_eq(owner_of(17), 0);
	ck_assert_int_eq(owner_of(18), 5);
}
END_TEST

START_TEST(protecting_tells_the_protection_and_nothing_else)
{
	struct region r;

	table_make();
	map(16, 4, 5);
	table_protect(&table, range_at(15, 2), 1);
	ck_assert_int_eq(table_find(&table, 16 * CM_PAGE, &r), 0);
	ck_assert_uint_eq(r.prot, 1);
	ck_assert_uint_eq(r.max_prot, 7);
	ck_assert_uint_eq(r.owner, 5);
	ck_assert_int_eq(table_find(&table, 17 * CM_PAGE, &r), 0);
	ck_assert_uint_eq(r.prot, 3);
	ck_assert_int_eq(owner_of(15), 0);
}
END_TEST

START_TEST(seals_stay_where_memory_fails_and_it_is_told_that_some_do_not)
{
	struct region r;
	uint64_t i = 0;

	table_make();
	ck_assert(table_seal(&table, range_at(16, 4), 0x05, 9));
	ck_assert(table_seal(&table, range_at(18, 4), 0x0a, 9));
	ck_assert_int_eq(table_find(&table, 18 * CM_PAGE, &r), 0);
	ck_assert_uint_eq(r.seals, 0x0f);
	no_memory = true;
	while (table_seal(&table, range_at(32 + 2 * i, 1), 0x01, 9))
		i++;
	ck_assert_int_eq(table_find(&table, 18 * CM_PAGE, &r), 0);
	ck_assert_uint_eq(r.seals, 0x0f);
	for (uint64_t k = 0; k < i; k++)
		ck_assert_int_eq(owner_of(32 + 2 * k), 9);
	no_memory = false;
}
END_TEST

START_TEST(an_overlap_is_copied_whole_and_no_further_than_asked)
{
	struct region r[4] = {0};

	table_make();
	for (unsigned i = 0; i < 4; i++)
		map(16 + 4 * i, 2, i + 1);
	ck_assert_int_eq(table_overlap(&table, range_at(17, 4), r, 4), 2);
	ck_assert_uint_eq(r[0].range.start, 16 * CM_PAGE);
	ck_assert_uint_eq(r[1].range.end, 22 * CM_PAGE);
	ck_assert_uint_eq(r[2].owner, 0);
	ck_assert_int_eq(table_overlap(&table, range_at(0, 100), r, 3), 3);
	ck_assert_uint_eq(r[3].owner, 0);
	ck_assert_int_eq(table_overlap(&table, range_at(18, 2), r, 4), 0);
}
END_TEST

START_TEST(what_is_taken_is_gone_and_can_be_given_back)
{
	struct region taken[TABLE_TAKE];
	unsigned n;

	table_make();
	map(16, 4, 1);
	map(20, 4, 2);
	n = table_take(&table, range_at(18, 4), taken, TABLE_TAKE);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(taken[0].range.start, 18 * CM_PAGE);
	ck_assert_uint_eq(taken[1].range.end, 22 * CM_PAGE);
	ck_assert_int_eq(owner_of(17), 1);
	ck_assert_int_eq(owner_of(18), 0);
	ck_assert_int_eq(owner_of(21), 0);
	ck_assert_int_eq(owner_of(22), 2);
	map(20, 1, 9);
	table_give(&table, taken, n);
	ck_assert_int_eq(owner_of(18), 1);
	ck_assert_int_eq(owner_of(20), 9);
	ck_assert_int_eq(owner_of(21), 0);
}
END_TEST

/* from 2 regions, moved to a length of _i pages */
START_TEST(what_is_remapped_keeps_its_facts_in_the_new_place)
{
	struct region taken[TABLE_TAKE];
	unsigned n, len = 1 + (unsigned)_i;

	table_make();
	map(16, 2, 1);
	map(18, 2, 2);
	map(100, 8, 3);
	n = table_take(&table, range_at(16, 4), taken, TABLE_TAKE);
	table_remap(&table, range_at(16, 4), range_at(101, len), taken, n);
	for (unsigned i = 16; i < 20; i++)
		ck_assert_int_eq(owner_of(i), 0);
	for (unsigned i = 0; i < 8; i++) {
		int expected = i == 0 || i > len ? 3 : i <= 2 ? 1 : 2;

		ck_assert_msg(owner_of(100 + i) == expected, "length %u, page %u: %d", len, i,
			      owner_of(100 + i));
	}
}
END_TEST

START_TEST(a_remap_of_the_unknown_makes_the_new_place_unknown)
{
	table_make();
	map(100, 8, 3);
	table_remap(&table, range_at(16, 4), range_at(101, 4), NULL, 0);
	ck_assert_int_eq(owner_of(100), 3);
	ck_assert_int_eq(owner_of(101), 0);
	ck_assert_int_eq(owner_of(105), 3);
}
END_TEST

static int seen_in_handler;

static void handler_works(int sig)
{
	seen_in_handler = owner_of(16);
	unmap(16, 2);
	map(17, 4, 6);
	table_protect(&table, range_at(20, 1), 1);
}

static void hook_raise(void)
{
	raise(SIGUSR1);
}

START_TEST(what_a_handler_does_over_the_holder_is_done_afterwards_in_order)
{
	struct region r;

	table_make();
	map(16, 4, 5);
	signal(SIGUSR1, handler_works);
	hook = hook_raise;
	grow();
	ck_assert_int_eq(seen_in_handler, -EAGAIN);
	ck_assert_int_eq(owner_of(16), 0);
	ck_assert_int_eq(owner_of(17), 6);
	ck_assert_int_eq(table_find(&table, 20 * CM_PAGE, &r), 0);
	ck_assert_uint_eq(r.prot, 1);
}
END_TEST

static void handler_works_much(int sig)
{
	for (unsigned i = 0; i < 200; i++)
		map(1000 + 2 * i, 1, 6);
}

START_TEST(a_handler_that_does_too_much_loses_facts_and_makes_none_wrong)
{
	table_make();
	map(16, 4, 5);
	signal(SIGUSR1, handler_works_much);
	hook = hook_raise;
	grow();
	for (unsigned i = 0; i < 200; i++)
		ck_assert(owner_of(1000 + 2 * i) == 0 || owner_of(1000 + 2 * i) == 6);
	ck_assert_int_eq(owner_of(16), 0);
	map(16, 4, 8);
	ck_assert_int_eq(owner_of(16), 8);
}
END_TEST

static pid_t forked;
static int usable_in_handler;

static void handler_forks(int sig)
{
	forked = fork();
	if (!forked)
		usable_in_handler = check_usable();
}

START_TEST(a_child_forked_by_a_handler_over_the_holder_can_use_the_table_and_return)
{
	table_make();
	signal(SIGUSR1, handler_forks);
	hook = hook_raise;
	grow();
	if (!forked)
		_exit(usable_in_handler ? 10 + usable_in_handler : check_usable());
	expect_success(forked);
	ck_assert_int_eq(check_usable(), 0);
}
END_TEST

static sem_t inside, go_on;

static void hook_wait(void)
{
	sem_post(&inside);
	while (sem_wait(&go_on))
		;
}

static void *grow_elsewhere(void *arg)
{
	grow();
	return NULL;
}

/* A thread that is suspended while it holds the lock. */
static pthread_t suspend_elsewhere(void)
{
	pthread_t thread;

	sem_init(&inside, 0, 0);
	sem_init(&go_on, 0, 0);
	hook = hook_wait;
	ck_assert_int_eq(pthread_create(&thread, NULL, grow_elsewhere, NULL), 0);
	while (sem_wait(&inside))
		;
	return thread;
}

static void resume(pthread_t thread)
{
	sem_post(&go_on);
	pthread_join(thread, NULL);
}

START_TEST(a_fork_child_can_use_the_table_though_another_thread_was_in_it)
{
	pthread_t thread;
	pid_t pid;

	table_make();
	map(16, 4, 5);
	thread = suspend_elsewhere();
	pid = _i ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
	if (!pid)
		_exit(check_usable());
	expect_success(pid);
	resume(thread);
	ck_assert_int_eq(owner_of(16), 5);
}
END_TEST

START_TEST(a_fork_child_keeps_what_is_known_where_nobody_was_in_it)
{
	pid_t pid;

	table_make();
	map(16, 4, 5);
	pid = fork();
	if (!pid)
		_exit(owner_of(16) == 5 ? check_usable() : 9);
	expect_success(pid);
}
END_TEST

START_TEST(a_vfork_child_changes_the_table_of_both)
{
	pid_t pid;

	table_make();
	map(16, 4, 5);
	pid = vfork();
	if (!pid) {
		unmap(16, 1);
		map(30, 1, 6);
		_exit(0);
	}
	expect_success(pid);
	ck_assert_int_eq(owner_of(16), 0);
	ck_assert_int_eq(owner_of(30), 6);
}
END_TEST

/* As when a garbage collector has stopped the thread, and maps memory itself. */
START_TEST(a_suspended_holder_stops_nobody_and_few_operations_lose_nothing)
{
	pthread_t thread;

	table_make();
	alarm(20);
	map(16, 4, 5);
	thread = suspend_elsewhere();
	for (unsigned i = 0; i < 60; i++)
		map(100 + 2 * i, 1, 6);
	unmap(16, 1);
	ck_assert_int_eq(owner_of(17), -EAGAIN);
	resume(thread);
	ck_assert_int_eq(owner_of(16), 0);
	ck_assert_int_eq(owner_of(17), 5);
	for (unsigned i = 0; i < 60; i++)
		ck_assert_int_eq(owner_of(100 + 2 * i), 6);
}
END_TEST

START_TEST(a_holder_that_wakes_up_late_does_no_harm_to_the_next_generation)
{
	pthread_t thread;

	table_make();
	map(16, 4, 5);
	thread = suspend_elsewhere();
	for (unsigned i = 0; i < 100; i++)
		map(100 + 2 * i, 1, 6);
	map(20, 4, 7);
	ck_assert_int_eq(owner_of(20), 7);
	ck_assert_int_eq(owner_of(16), 0);
	resume(thread);
	ck_assert_int_eq(owner_of(20), 7);
	ck_assert_int_eq(check_usable(), 0);
}
END_TEST

static sigjmp_buf out;

static void handler_jumps(int sig)
{
	siglongjmp(out, 1);
}

static void abandon(void)
{
	hook = hook_raise;
	if (!sigsetjmp(out, 1))
		grow();
}

static void *use(void *arg)
{
	for (unsigned i = 0; i < 100; i++)
		map(100 + 2 * i, 1, 6);
	*(int *)arg = check_usable();
	return NULL;
}

START_TEST(a_holder_left_by_siglongjmp_blocks_neither_its_thread_nor_others)
{
	pthread_t thread;
	int r = -1;

	table_make();
	signal(SIGUSR1, handler_jumps);
	abandon();
	alarm(20);
	if (_i)
		use(&r);
	ck_assert_int_eq(pthread_create(&thread, NULL, use, &r), 0);
	pthread_join(thread, NULL);
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(check_usable(), 0);
}
END_TEST

START_TEST(after_the_last_generation_everything_is_unknown)
{
	unsigned n_usable = 0;

	table_make();
	signal(SIGUSR1, handler_jumps);
	ck_assert(table_is_whole(&table));
	for (unsigned i = 0; i < 70; i++) {
		ck_assert(i == 0 || !table_is_whole(&table));
		abandon();
		for (unsigned k = 0; k < 65; k++)
			map(100 + 2 * k, 1, 6);
		map(16, 4, 5);
		if (owner_of(16) == -EAGAIN)
			break;
		ck_assert_int_eq(owner_of(16), 5);
		n_usable++;
	}
	ck_assert_uint_eq(n_usable, 63);
	unmap(16, 4);
	table_protect(&table, range_at(16, 4), 1);
	ck_assert_int_eq(owner_of(16), -EAGAIN);
}
END_TEST

START_TEST(without_memory_facts_are_lost_and_none_is_wrong)
{
	unsigned known = 0, i;

	table_make();
	for (i = 0; i < 3000; i++)
		map(16 + 4 * i, 3, 5);
	no_memory = true;
	for (i = 0; i < 3000; i++)
		unmap(17 + 4 * i, 1);
	for (i = 0; i < 3000; i++) {
		ck_assert_int_eq(owner_of(17 + 4 * i), 0);
		ck_assert(owner_of(16 + 4 * i) == 0 || owner_of(16 + 4 * i) == 5);
		known += owner_of(16 + 4 * i) == 5;
	}
	ck_assert_uint_gt(known, 0);
	ck_assert_uint_lt(known, 3000);
}
END_TEST

static void add_plain(TCase *tc)
{
	tcase_add_test(tc, what_is_mapped_is_found_until_it_is_unmapped);
	tcase_add_test(tc, protecting_tells_the_protection_and_nothing_else);
	tcase_add_test(tc, seals_stay_where_memory_fails_and_it_is_told_that_some_do_not);
	tcase_add_test(tc, an_overlap_is_copied_whole_and_no_further_than_asked);
	tcase_add_test(tc, what_is_taken_is_gone_and_can_be_given_back);
	tcase_add_loop_test(tc, what_is_remapped_keeps_its_facts_in_the_new_place, 0, 7);
	tcase_add_test(tc, a_remap_of_the_unknown_makes_the_new_place_unknown);
	tcase_add_test(tc, without_memory_facts_are_lost_and_none_is_wrong);
}

static void add_interrupted(TCase *tc)
{
	tcase_add_test(tc, what_a_handler_does_over_the_holder_is_done_afterwards_in_order);
	tcase_add_test(tc, a_handler_that_does_too_much_loses_facts_and_makes_none_wrong);
	tcase_add_test(tc,
		       a_child_forked_by_a_handler_over_the_holder_can_use_the_table_and_return);
	tcase_add_loop_test(tc, a_fork_child_can_use_the_table_though_another_thread_was_in_it, 0,
			    2);
	tcase_add_test(tc, a_fork_child_keeps_what_is_known_where_nobody_was_in_it);
	tcase_add_test(tc, a_vfork_child_changes_the_table_of_both);
	tcase_add_test(tc, a_suspended_holder_stops_nobody_and_few_operations_lose_nothing);
	tcase_add_test(tc, a_holder_that_wakes_up_late_does_no_harm_to_the_next_generation);
	tcase_add_loop_test(tc, a_holder_left_by_siglongjmp_blocks_neither_its_thread_nor_others, 0,
			    2);
	tcase_add_test(tc, after_the_last_generation_everything_is_unknown);
}

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *plain = tcase_create("plain"), *interrupted = tcase_create("interrupted");

	add_plain(plain);
	suite_add_tcase(suite, plain);
	tcase_set_timeout(interrupted, 60);
	add_interrupted(interrupted);
	suite_add_tcase(suite, interrupted);
	return unit_run(suite);
}
