/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Memory that is writable and executable, as far as this program knows, under a filter of its own.
 * It is asked for before the filter stands, and goes on; what is asked for afterwards is served as
 * well, but for the first time in a process, which needs a handler of SIGSEGV (the cases `late_`).
 */

#include "tests/interpose/sandboxed.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define N_THREADS 4
#define ROUNDS    2000

/* Writes and calls by turns, in four pages. Return: how often it was not what was written. */
static int use(unsigned char *p, uint32_t n)
{
	int wrong = 0;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t value = i & 0x7f; /* none that wx.inspect would take for a call */

		emit(p + i % 4 * PAGE, value);
		wrong += call(p + i % 4 * PAGE) != value;
	}
	be_seen();
	return wrong;
}

/* Memory that has been both, so that all that there is to prepare is prepared. */
static unsigned char *prepared(void)
{
	unsigned char *p = map(4 * PAGE, RWX);

	if (use(p, 16))
		broken("code");
	return p;
}

static void flip_before(void)
{
	unsigned char *p = prepared();

	SANDBOX();
	say("%d", use(p, ROUNDS));
	say("unmapped: %d", munmap(p, 4 * PAGE));
}

static void flip_after(void)
{
	unsigned char *p = prepared(), *q;

	SANDBOX();
	q = map(4 * PAGE, RWX);
	say("%d", use(q, ROUNDS));
	q = map(4 * PAGE, RW);
	say("protected: %d", mprotect(q, 4 * PAGE, RWX));
	say("%d", use(q, ROUNDS));
	say("executable: %d", mprotect(q, 4 * PAGE, RX));
	say("%u", call(q));
	say("writable: %d", mprotect(q, 4 * PAGE, RW));
	memset(q, 0xc3, 4 * PAGE);
	say("moved: %d", use(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE), ROUNDS));
}

/* Code between pages that cannot be read, and after it a number that wx.inspect takes for a call.
 */
static void flip_guarded(void)
{
	unsigned char *p = map(6 * PAGE, RWX);

	if (mprotect(p, PAGE, PROT_NONE) || mprotect(p + 5 * PAGE, PAGE, PROT_NONE))
		broken("mprotect");
	SANDBOX();
	say("%d", use(p + PAGE, ROUNDS));
	emit(p + PAGE, 0x050f);
	say("%#x", call(p + PAGE));
}

/* An instruction that stores into its own page: movb $0xc3,7(%rip); then what it has stored. */
static void flip_own(void)
{
	static const unsigned char code[] = {0xb8, 9, 0, 0, 0,    0xc6, 0x05,
					     0,    0, 0, 0, 0xc3, 0x90, 0xc3};
	unsigned char *p = prepared();
	int wrong = 0;

	SANDBOX();
	for (int i = 0; i < 20; i++) {
		memcpy(p + i * 64, code, sizeof(code));
		wrong += call(p + i * 64) != 9;
	}
	say("%d", wrong);
}

/* ---- threads that take a page from each other ------------------------------------------------ */

static unsigned char *page;
static volatile int n_ready, go, n_done, n_wrong;

static void *in_thread(void *arg)
{
	volatile uint32_t *operand = (volatile uint32_t *)(page + 4);
	uint32_t n = (uint32_t)(uintptr_t)arg, last = 0;

	__atomic_fetch_add(&n_ready, 1, __ATOMIC_RELEASE);
	wait_while(&go, 0);
	for (int i = 0; i < 300; i++) {
		uint32_t now;

		if (n == 0)
			*operand = *operand + 1;
		now = call(page + 3);
		n_wrong += (int32_t)(now - last) < 0;
		last = now;
	}
	__atomic_fetch_add(&n_done, 1, __ATOMIC_RELEASE);
	wait_while(&go, 1);
	return NULL;
}

static void flip_threads(void)
{
	pthread_t t;

	page = prepared();
	emit(page + 3, 0);
	for (uintptr_t i = 0; i < N_THREADS; i++)
		if (pthread_create(&t, NULL, in_thread, (void *)i))
			broken("pthread_create");
	while (__atomic_load_n(&n_ready, __ATOMIC_ACQUIRE) < N_THREADS)
		usleep(1000);
	SANDBOX();
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (int n = 0; n < N_THREADS; n = __atomic_load_n(&n_done, __ATOMIC_ACQUIRE))
		wait_while(&n_done, n);
	say("%d %u", n_wrong, call(page + 3));
}

/* ---- children ------------------------------------------------------------------------------- */

static void flip_fork(void)
{
	unsigned char *p = prepared();
	int status;
	long pid;

	SANDBOX(SYS_fork, SYS_wait4);
	pid = syscall(SYS_fork);
	if (!pid)
		_exit(use(p, ROUNDS) != 0);
	say("parent: %d", use(p, ROUNDS));
	if (waitpid((pid_t)pid, &status, 0) != pid)
		broken("waitpid");
	say("child: %d", status);
}

/* ---- the program's own SIGSEGV --------------------------------------------------------------- */

static unsigned char *guarded;
static volatile int n_faults;

static void on_fault(int sig, siginfo_t *info, void *uc)
{
	uint64_t mask;

	memcpy(&mask, &((ucontext_t *)uc)->uc_sigmask, sizeof(mask));
	n_faults += sig == SIGSEGV && info->si_addr == guarded && !mask;
	if (mprotect(guarded, PAGE, RW))
		broken("mprotect");
}

static void catch (int flags)
{
	struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | flags};

	guarded = map(PAGE, RW);
	if (sigaction(SIGSEGV, &a, NULL))
		broken("sigaction");
}

static void take_faults(unsigned char *p)
{
	int wrong = 0;

	for (int i = 0; i < 50; i++) {
		wrong += mprotect(guarded, PAGE, PROT_NONE) != 0;
		*(volatile unsigned char *)guarded = (unsigned char)i;
		wrong += use(p, 8);
	}
	say("%d faults, %d wrong", n_faults, wrong);
}

static void flip_faults(void)
{
	unsigned char *p;

	catch (0);
	p = prepared();
	SANDBOX();
	take_faults(p);
}

static void on_another_stack(int flags)
{
	stack_t stack = {.ss_sp = map(16 * PAGE, RW), .ss_size = 16 * PAGE};
	unsigned char *p;

	if (sigaltstack(&stack, NULL))
		broken("sigaltstack");
	catch (flags);
	p = prepared();
	SANDBOX();
	take_faults(p);
}

static void flip_faults_altstack(void)
{
	on_another_stack(SA_ONSTACK);
}

static void flip_faults_beside_altstack(void)
{
	on_another_stack(0);
}

static void on_segv_counts(int sig)
{
	(void)sig;
	n_faults++;
}

/* A handler that is set, and asked for, afterwards; and the signal, sent by the thread itself. */
static void flip_sigaction(void)
{
	struct sigaction a = {.sa_handler = on_segv_counts}, was;
	unsigned char *p = prepared();

	pid_t pid = getpid(), tid = gettid();

	SANDBOX(SYS_rt_sigaction, SYS_tgkill);
	say("set: %d", sigaction(SIGSEGV, &a, &was));
	say("was default: %d", was.sa_handler == SIG_DFL);
	say("asked: %d", sigaction(SIGSEGV, NULL, &was));
	say("is set: %d", was.sa_handler == on_segv_counts);
	syscall(SYS_tgkill, pid, tid, SIGSEGV);
	say("%d", n_faults);
	say("%d", use(p, ROUNDS));
}

/* The program may not set an action, and the library does not do it in its place. */
static void flip_sigaction_refused(void)
{
	struct sigaction a = {.sa_handler = on_segv_counts};
	unsigned char *p = prepared();
	int r;

	SANDBOX();
	r = sigaction(SIGSEGV, &a, NULL);
	say("set: %s", error_name(r ? errno : 0));
	say("%d", use(p, ROUNDS));
	*(volatile char *)NULL = 1;
	say("and on");
}

/* ---- ends ----------------------------------------------------------------------------------- */

static void flip_dies(void)
{
	prepared();
	SANDBOX();
	*(volatile char *)8 = 1;
	say("and on");
}

/* Its stack is at its end, where no handler can run. */
static __attribute__((noinline)) int deeper(volatile char *above, unsigned n)
{
	volatile char here[4096];

	here[0] = *above;
	return (n ? deeper(here, n - 1) : 0) + here[0];
}

static void flip_stack_ends(void)
{
	catch (0);
	prepared();
	SANDBOX();
	say("%d", deeper((volatile char[]){1}, 1u << 30));
}

static void flip_ignores(void)
{
	signal(SIGSEGV, SIG_IGN);
	prepared();
	SANDBOX(SYS_tgkill, SYS_getpid, SYS_gettid);
	syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), SIGSEGV);
	say("sent, and on");
	*(volatile char *)8 = 1;
	say("and on");
}

static void flip_sent(void)
{
	prepared();
	SANDBOX(SYS_tgkill, SYS_getpid, SYS_gettid);
	syscall(SYS_tgkill, syscall(SYS_getpid), syscall(SYS_gettid), SIGSEGV);
	say("and on");
}

/* ---- the first request after the filter ------------------------------------------------------ */

static void late_map(void)
{
	unsigned char *p;

	SANDBOX();
	p = mmap(NULL, 4 * PAGE, RWX, ANON, -1, 0);
	say("%s", error_name(p == MAP_FAILED ? errno : 0));
	if (p != MAP_FAILED)
		say("%d", use(p, ROUNDS));
	say("and on: %d", munmap(map(PAGE, RW), PAGE));
}

static void late_protect(void)
{
	unsigned char *p = map(4 * PAGE, RW);

	SANDBOX();
	say("%s", error_name(mprotect(p, 4 * PAGE, RWX) ? errno : 0));
	*(volatile unsigned char *)p = 1;
	say("and on: %d", munmap(p, 4 * PAGE));
}

static void late_fork(void)
{
	unsigned char *p = prepared();
	int status;
	long pid;

	SANDBOX(SYS_fork, SYS_wait4);
	pid = syscall(SYS_fork);
	if (!pid) {
		unsigned char *q = mmap(NULL, 4 * PAGE, RWX, ANON, -1, 0);

		if (q == MAP_FAILED)
			_exit(errno);
		_exit(use(q, ROUNDS) || use(p, ROUNDS));
	}
	if (waitpid((pid_t)pid, &status, 0) != pid)
		broken("waitpid");
	say("child: %s %d", WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

const struct sandboxed_case sandboxed_flip[] = {
	{"flip_before", flip_before},
	{"flip_after", flip_after},
	{"flip_guarded", flip_guarded},
	{"flip_own", flip_own},
	{"flip_threads", flip_threads},
	{"flip_fork", flip_fork},
	{"flip_faults", flip_faults},
	{"flip_faults_altstack", flip_faults_altstack},
	{"flip_faults_beside_altstack", flip_faults_beside_altstack},
	{"flip_sigaction", flip_sigaction},
	{"flip_sigaction_refused", flip_sigaction_refused},
	{"flip_dies", flip_dies},
	{"flip_stack_ends", flip_stack_ends},
	{"flip_ignores", flip_ignores},
	{"flip_sent", flip_sent},
	{"late_map", late_map},
	{"late_protect", late_protect},
	{"late_fork", late_fork},
	{NULL, NULL},
};
