/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/table.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "tests/unit/table_util.h"
#include "tests/unit/unit.h"

/*
 * Storms. Every worker, and every handler of a worker, has every N_LANES-th block of pages to
 * itself, so all meet in the same leaves and none has a right to change another's facts. Each keeps
 * a model of its blocks; the table may know less, and must never say anything else.
 */
#define N_THREADS     8
#define N_LANES       (2 * N_THREADS)
#define N_BLOCKS      64
#define BLOCK         4
#define N_STORM_STEPS 200000

struct lane {
	unsigned number;
	uint64_t seed;
	uint32_t owner[N_BLOCKS][BLOCK];
	unsigned long n_known, n_lost, n_again;
};

static struct lane lanes[N_LANES];
static _Thread_local struct lane *handler_lane;
static _Atomic bool storm_over;
static _Atomic unsigned n_handled;

static uint64_t lane_draw(struct lane *l)
{
	l->seed ^= l->seed << 13;
	l->seed ^= l->seed >> 7;
	l->seed ^= l->seed << 17;
	return l->seed;
}

static uint64_t lane_page(const struct lane *l, unsigned block)
{
	return (1ull << 30) + ((uint64_t)block * N_LANES + l->number) * BLOCK;
}

static void lane_check(struct lane *l, unsigned block, unsigned i)
{
	int got = owner_of(lane_page(l, block) + i);

	if (got == -EAGAIN)
		l->n_again++;
	else if (got == (int)l->owner[block][i])
		l->n_known++;
	else if (!got)
		l->n_lost++;
	else
		abort();
}

static void lane_step(struct lane *l)
{
	unsigned block = (unsigned)(lane_draw(l) % N_BLOCKS);
	unsigned first = (unsigned)(lane_draw(l) % BLOCK);
	unsigned n = 1 + (unsigned)(lane_draw(l) % (BLOCK - first));
	uint32_t owner = 1 + (uint32_t)(lane_draw(l) % 1000);
	uint64_t page = lane_page(l, block) + first;

	switch (lane_draw(l) % 4) {
	case 0:
		map(page, n, owner);
		break;
	case 1:
		unmap(page, n);
		owner = 0;
		break;
	case 2:
		table_protect(&table, range_at(page, n), (uint8_t)(owner & 7));
		return;
	default:
		lane_check(l, block, first);
		return;
	}
	for (unsigned i = 0; i < n; i++)
		l->owner[block][first + i] = owner;
}

static void lanes_make(void)
{
	table_make();
	for (unsigned i = 0; i < N_LANES; i++)
		lanes[i] = (struct lane){.number = i, .seed = 0x9e3779b97f4a7c15ull * (i + 1)};
}

static void *worker(void *arg)
{
	struct lane *l = arg;

	for (unsigned i = 0; i < N_STORM_STEPS; i++)
		lane_step(l);
	return NULL;
}

static void *endless_worker(void *arg)
{
	while (!storm_over)
		lane_step(arg);
	return NULL;
}

/* Nothing is lost in a storm by rule, only by an accident: a queue that was full. */
static void lanes_check(unsigned from, unsigned step)
{
	unsigned long known = 0, lost = 0, again = 0;

	for (unsigned k = from; k < N_LANES; k += step) {
		for (unsigned b = 0; b < N_BLOCKS; b++) {
			for (unsigned i = 0; i < BLOCK; i++)
				lane_check(&lanes[k], b, i);
		}
		known += lanes[k].n_known;
		lost += lanes[k].n_lost;
		again += lanes[k].n_again;
	}
	ck_assert_msg(lost + again < known / 10, "known %lu, lost %lu, not readable %lu", known,
		      lost, again);
}

START_TEST(eight_threads_never_see_a_wrong_fact)
{
	pthread_t thread[N_THREADS];

	lanes_make();
	for (unsigned i = 0; i < N_THREADS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, worker, &lanes[i]), 0);
	for (unsigned i = 0; i < N_THREADS; i++)
		pthread_join(thread[i], NULL);
	lanes_check(0, 1);
}
END_TEST

static void handler_steps(int sig)
{
	int saved = errno;

	if (handler_lane) {
		for (unsigned i = 0; i < 5; i++)
			lane_step(handler_lane);
		n_handled++;
	}
	errno = saved;
}

/* A timer of 1 kHz for every thread, whose handler works in a lane of its own. */
static void *stormed_worker(void *arg)
{
	struct lane *l = arg;
	struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
	struct itimerspec every = {{0, 1000000}, {0, 1000000}};
	timer_t timer;

	handler_lane = &lanes[l->number + N_THREADS];
	ev._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &ev, &timer) || timer_settime(timer, 0, &every, NULL))
		abort();
	while (!storm_over)
		lane_step(l);
	timer_delete(timer);
	return NULL;
}

START_TEST(a_storm_of_signals_never_makes_a_fact_wrong)
{
	pthread_t thread[N_THREADS];

	lanes_make();
	signal(SIGUSR2, handler_steps);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, stormed_worker, &lanes[i]), 0);
	while (n_handled < 1500)
		usleep(10000);
	storm_over = true;
	for (unsigned i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	ck_assert_msg(lanes[N_THREADS].n_again > 0, "no handler interrupted a holder");
	lanes_check(0, 1);
}
END_TEST

/* What a child of the storm does; *n_anewp counts those that had to start over with nothing. */
static int storm_child(struct lane *mine, _Atomic unsigned *n_anewp)
{
	alarm(20);
	if (owner_of(16) == 0)
		++*n_anewp;
	for (unsigned k = 0; k < 500; k++)
		lane_step(mine);
	return check_usable();
}

START_TEST(a_storm_of_forks_leaves_every_child_a_table_that_works)
{
	_Atomic unsigned *n_anew =
		mmap(NULL, CM_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct lane *mine = &lanes[N_LANES - 1];
	pthread_t thread[N_THREADS];

	lanes_make();
	map(16, 1, 5);
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, endless_worker, &lanes[i]), 0);
	for (unsigned i = 0; i < 300; i++) {
		pid_t pid;

		for (unsigned k = 0; k < 10; k++)
			lane_step(mine);
		pid = i & 1 ? (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) : fork();
		if (!pid)
			_exit(storm_child(mine, n_anew));
		expect_success(pid);
	}
	storm_over = true;
	for (unsigned i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	lanes_check(0, 1);
	ck_assert_msg(*n_anew > 0, "no fork met a thread in the table");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table_storm");
	TCase *tc = tcase_create("storm");

	tcase_set_timeout(tc, 100);
	tcase_add_test(tc, eight_threads_never_see_a_wrong_fact);
	tcase_add_test(tc, a_storm_of_signals_never_makes_a_fact_wrong);
	tcase_add_test(tc, a_storm_of_forks_leaves_every_child_a_table_that_works);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
