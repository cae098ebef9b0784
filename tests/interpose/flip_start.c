/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The moment in which a process asks for such memory for the first time, and the library puts its
 * handler in place, while other threads go on: some fault, and have a handler for it; some fork.
 * Apart from flip_threads.c because each try is a process of its own.
 */

#include "tests/interpose/flip.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_FAULTING 80
#define N_FORKING  40
#define N_CHILDREN 4

static volatile int stop, started;
static int *volatile nowhere = (int *)8;
static __thread sigjmp_buf back;

static pid_t fork_clean(void)
{
	fflush(stdout);
	return fork();
}

static void start(pthread_t *t, void *(*run)(void *))
{
	if (pthread_create(t, NULL, run, NULL))
		flip_broken("pthread_create");
	while (!started)
		sched_yield();
}

static void jump(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void *fault(void *arg)
{
	started = 1;
	while (!stop)
		if (!sigsetjmp(back, 1))
			*nowhere = 1;
	return arg;
}

/* The supervisor answers on the CPU that asks: the others shall have one of their own. */
static void on_cpus(bool here, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if ((i == cpu) == here)
			CPU_SET(i, &set);
	sched_setaffinity(0, sizeof(set), &set); /* where there is but one, they share it */
}

static _Noreturn void first_while_faulting(int i)
{
	pthread_t t;

	signal(SIGSEGV, jump);
	on_cpus(false, i % 2);
	start(&t, fault);
	on_cpus(true, i % 2);
	usleep(300 + (unsigned)i * 37 % 500);
	flip_rwx(1);
	stop = 1;
	pthread_join(t, NULL);
	_exit(0);
}

/* Another thread's fault comes to the program's handler, whatever is being done about it. */
static void start_faults(void)
{
	int died = 0, status;

	for (int i = 0; i < N_FAULTING; i++) {
		pid_t pid = fork_clean();

		if (!pid)
			first_while_faulting(i);
		if (waitpid(pid, &status, 0) != pid)
			flip_broken("waitpid");
		died += status != 0;
	}
	printf("%d of %d died\n", died, N_FAULTING);
	flip_check("parent", flip_rwx(1), 1);
}

static void *first(void *arg)
{
	started = 1;
	flip_rwx(1);
	return arg;
}

static int ends_well(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		flip_broken("waitpid");
	return !status;
}

/* The children find what the parent's other thread was about to do, and nobody who ends it. */
static _Noreturn void first_while_forking(unsigned seed)
{
	pid_t child[N_CHILDREN];
	pthread_t t;
	int well = 0;

	start(&t, first);
	for (int i = 0; i < N_CHILDREN; i++) {
		for (volatile int wait = rand_r(&seed) % 2000; wait > 0; wait--)
			;
		child[i] = fork();
		if (!child[i]) {
			alarm(3);
			flip_check("child", flip_rwx(1), 5);
			_exit(0);
		}
	}
	for (int i = 0; i < N_CHILDREN; i++)
		well += ends_well(child[i]);
	pthread_join(t, NULL);
	_exit(well != N_CHILDREN);
}

static void start_forks(void)
{
	int well = 0;

	for (unsigned i = 0; i < N_FORKING; i++) {
		pid_t pid = fork_clean();

		if (!pid)
			first_while_forking(i);
		if (!ends_well(pid))
			break;
		well++;
	}
	printf("%d of %d went on\n", well, N_FORKING);
	flip_check("parent", flip_rwx(1), 1);
}

const struct flip_case flip_start[] = {
	{"start_faults", start_faults},
	{"start_forks", start_forks},
	{NULL, NULL},
};
