/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/cookie.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <ucontext.h>

/*
 * An attack while a call of the C interface is in progress, which holds the lock: from a signal
 * handler that has interrupted it on the same thread, or from another thread. A filter of the
 * program's own raises SIGSYS for the madvise(2) that the call makes, with an advice that no attack
 * gives.
 */

#define ADVICE MADV_COLD

static void (*attack)(void);
static void (*in_the_middle)(void);
static sem_t there, back;
static cm_t cookie;

/* The same thread is told that it cannot wait, so that it is known to be inside. */
static void inside(void)
{
	if (cmprotect(cookie, 0, ATTACK_PAGE, PROT_READ) != -1 || errno != EDEADLK)
		attack_broken("inside");
	attack();
}

static void beside(void)
{
	sem_post(&there);
	while (sem_wait(&back))
		;
}

static void on_trap(int nr, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	in_the_middle();
	u->uc_mcontext.gregs[REG_RAX] = 0;
}

/* Of this thread; it stays. */
static void trap(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_madvise, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVICE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(*code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		attack_broken("filter");
}

static void enter(void (*fn)(void))
{
	struct sigaction sa = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

	in_the_middle = fn;
	cookie = cookie_region(1, ATTACK_RW, 0).cookie;
	sigaction(SIGSYS, &sa, NULL);
	trap();
	cookie_must(cmadvise(cookie, 0, ATTACK_PAGE, ADVICE), "cmadvise");
}

static void *enter_in_thread(void *arg)
{
	enter(beside);
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
	enter(inside);
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
