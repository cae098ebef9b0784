/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Threads: handlers are the process's, masks and stacks are each thread's own. */

static void *faults(void *arg)
{
	fault_load(NULL);
	say("thread told %d times, of mask %#lx, inside %#lx", seen.n, seen.mask, seen.mask_inside);
	jit_step();
	fault_load(NULL);
	seen_say(fault_load_at, NULL);
	return NULL;
}

static void in_thread(void)
{
	seen_install(SIGSEGV, 0);
	seen_resume = fault_load_end;
	on_thread(faults, NULL);
	fault_load(NULL);
	say("told %d times", seen.n);
}

static void *installs(void *arg)
{
	seen_install(SIGSEGV, 0);
	return NULL;
}

static void installed_by_thread(void)
{
	on_thread(installs, NULL);
	seen_resume = fault_load_end;
	faults(NULL);
	on_thread(faults, NULL);
}

/* Its mask is its creator's, SIGSEGV included; it writes and runs code all the same. */
static void *inherits(void *arg)
{
	say("thread's mask %#lx", mask_now());
	jit_step();
	say("thread's mask %#lx", mask_now());
	return NULL;
}

static void created_blocked(void)
{
	sigset_t full, old;

	ready();
	mask_fill(&full);
	pthread_sigmask(SIG_BLOCK, &full, &old);
	on_thread(inherits, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	say("mask %#lx", mask_now());
	jit_step();
	on_thread(inherits, NULL);
}

static void fault_it(void)
{
	fault_load(NULL);
}

static void *dies_inside(void *arg)
{
	dies(fault_it);
	mask_set(SIG_UNBLOCK, SIGSEGV);
	dies(fault_it);
	return NULL;
}

/* And a genuine fault there kills, though the process has a handler. */
static void created_blocked_faults(void)
{
	seen_install(SIGSEGV, 0);
	seen_resume = fault_load_end;
	mask_set(SIG_BLOCK, SIGSEGV);
	on_thread(dies_inside, NULL);
}

static void created_by_attribute(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t full;

	ready();
	mask_fill(&full);
	pthread_attr_init(&attr);
	pthread_attr_setsigmask_np(&attr, &full);
	if (pthread_create(&thread, &attr, inherits, NULL) || pthread_join(thread, NULL))
		say("no thread");
	pthread_attr_destroy(&attr);
	say("mask %#lx", mask_now());
}

/* It has blocked SIGSEGV before there was any code, and runs it later. */
static sem_t blocked, go;

static void *blocks_first(void *arg)
{
	sigset_t full;

	mask_fill(&full);
	pthread_sigmask(SIG_BLOCK, &full, NULL);
	sem_post(&blocked);
	while (sem_wait(&go) && errno == EINTR)
		;
	say("thread's mask %#lx", mask_now());
	jit_step();
	say("thread's mask %#lx", mask_now());
	dies(fault_it);
	mask_set(SIG_UNBLOCK, SIGSEGV);
	fault_load(NULL);
	say("thread's mask %#lx, told %d times", mask_now(), seen.n);
	return NULL;
}

static void blocked_before(void)
{
	pthread_t thread;

	sem_init(&blocked, 0, 0);
	sem_init(&go, 0, 0);
	if (pthread_create(&thread, NULL, blocks_first, NULL))
		say("no thread");
	sem_wait(&blocked);
	seen_resume = fault_load_end;
	seen_install(SIGSEGV, 0);
	sem_post(&go);
	pthread_join(thread, NULL);
	jit_step();
}

/* One thread blocks the signal, the other one does not: each has its own. */
static void *blocks_own(void *arg)
{
	mask_set(SIG_BLOCK, SIGSEGV);
	say("thread %#lx", mask_now());
	sem_post(&blocked);
	sem_wait(&go);
	say("thread %#lx", mask_now());
	return NULL;
}

static void masks_apart(void)
{
	pthread_t thread;

	ready();
	sem_init(&blocked, 0, 0);
	sem_init(&go, 0, 0);
	if (pthread_create(&thread, NULL, blocks_own, NULL))
		say("no thread");
	sem_wait(&blocked);
	say("main %#lx", mask_now());
	mask_set(SIG_BLOCK, SIGUSR1);
	jit_step();
	sem_post(&go);
	pthread_join(thread, NULL);
	say("main %#lx", mask_now());
}

/* Four threads that fault all the time, while the main one writes and runs code. */
static volatile bool stop;
static int n_faults[4];

static void *fault_often(void *arg)
{
	while (!stop || n_faults[(long)arg] < 200) {
		if (fault_load(NULL) != 77)
			say("went on elsewhere");
		n_faults[(long)arg]++;
	}
	return NULL;
}

static void many(void)
{
	pthread_t threads[4];

	seen_resume = fault_load_end;
	seen_install(SIGSEGV, SA_NODEFER);
	for (long i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, fault_often, (void *)i))
			say("no thread");
	for (int i = 0; i < 2000; i++)
		jit_step();
	stop = true;
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		say("enough %d", n_faults[i] >= 200);
	}
}

static void other(int sig, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

/* Which of two handlers it is, does not matter; that it is one of them does. */
static void *set_often(void *arg)
{
	struct sigaction sa = {.sa_flags = SA_SIGINFO | SA_NODEFER};
	struct kernel_action ka = {seen_note, KERNEL_RESTORER | SA_SIGINFO | SA_NODEFER,
				   raw_restore, 0};

	for (int i = 0; i < 1000; i++) {
		sa.sa_sigaction = i & 1 ? seen_note : other;
		if (sigaction(SIGSEGV, &sa, NULL))
			say("sigaction: %s", strerrorname_np(errno));
		if (i % 4 == 0 && raw(SYS_rt_sigaction, SIGSEGV, (long)&ka, 0, 8))
			say("raw sigaction");
	}
	stop = true;
	return NULL;
}

/* The child of a vfork has actions of its own, and the memory of all these threads. */
static void *vfork_often(void *arg)
{
	static volatile int i;
	pid_t pid;

	for (i = 0; i < 200; i++) {
		pid = vfork();
		if (!pid) {
			signal(SIGSEGV, i & 1 ? SIG_IGN : SIG_DFL);
			_exit(0);
		}
		if (waitpid(pid, NULL, 0) != pid)
			say("no child");
	}
	stop = true;
	return NULL;
}

/* Two threads fault, and the main one writes and runs code, while a fourth one does `fn`. */
static void amid_faults(void *(*fn)(void *))
{
	pthread_t threads[3];

	seen_resume = fault_load_end;
	seen_install(SIGSEGV, SA_NODEFER);
	for (long i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, i < 2 ? fault_often : fn, (void *)i))
			say("no thread");
	while (!stop)
		jit_step();
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	say("enough %d %d, mask %#lx", n_faults[0] >= 200, n_faults[1] >= 200, mask_now());
}

static void actions_amid_faults(void)
{
	amid_faults(set_often);
}

static void vforks_amid_faults(void)
{
	amid_faults(vfork_often);
}

/* Sent to one thread: it is the one that runs the handler. */
static pthread_t who;

static void note_thread(int sig)
{
	who = pthread_self();
}

static void *waits(void *arg)
{
	while (sem_wait(&go) && errno == EINTR)
		;
	return NULL;
}

static void sent_to_one(void)
{
	pthread_t thread;

	signal(SIGSEGV, note_thread);
	sem_init(&go, 0, 0);
	if (pthread_create(&thread, NULL, waits, NULL))
		say("no thread");
	ready();
	pthread_kill(thread, SIGSEGV);
	for (int i = 0; i < 1000 && !who; i++)
		usleep(1000);
	say("the other thread %d", pthread_equal(who, thread) != 0);
	pthread_kill(pthread_self(), SIGSEGV);
	say("this thread %d", pthread_equal(who, pthread_self()) != 0);
	sem_post(&go);
	pthread_join(thread, NULL);
}

static void on_timer(union sigval value)
{
	say("timer's thread, of mask %#lx", mask_now());
	jit_step();
	sem_post(&go);
}

/* A thread that libc has created with a mask of libc's own. */
static void by_timer(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_timer};
	const struct itimerspec t = {{0, 0}, {0, 1000000}};
	timer_t timer;

	ready();
	sem_init(&go, 0, 0);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &t, NULL))
		say("timer: %s", strerrorname_np(errno));
	while (sem_wait(&go) && errno == EINTR)
		;
	timer_delete(timer);
}

const struct signals_case signals_thread_cases[] = {
	{"thread_faults", in_thread},
	{"thread_installs", installed_by_thread},
	{"thread_created_blocked", created_blocked},
	{"thread_created_blocked_faults", created_blocked_faults},
	{"thread_created_by_attribute", created_by_attribute},
	{"thread_blocked_before", blocked_before},
	{"thread_masks_apart", masks_apart},
	{"thread_many", many},
	{"thread_actions_amid_faults", actions_amid_faults},
	{"thread_vforks_amid_faults", vforks_amid_faults},
	{"thread_sent_to_one", sent_to_one},
	{"thread_by_timer", by_timer},
	{NULL, NULL},
};
