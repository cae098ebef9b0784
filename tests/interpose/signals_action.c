/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Actions: set in every way there is, and read back. */

extern int __sigaction(int, const struct sigaction *, struct sigaction *);
extern void (*ssignal(int, void (*)(int)))(int);

static const int signals[] = {SIGSEGV, SIGBUS, SIGUSR1};

static void first(int sig)
{
	say("first handler: %d", sig);
}

static void second(int sig)
{
	say("second handler: %d", sig);
}

static const char *name_of(const void *handler)
{
	return handler == (void *)SIG_DFL     ? "default"
	       : handler == (void *)SIG_IGN   ? "ignored"
	       : handler == (void *)SIG_ERR   ? "error"
	       : handler == (void *)SIG_HOLD  ? "hold"
	       : handler == (void *)first     ? "first"
	       : handler == (void *)second    ? "second"
	       : handler == (void *)seen_note ? "seen_note"
					      : "something else";
}

static void say_action(const char *what, const struct sigaction *sa)
{
	say("%s: %s, flags %#x, mask %#lx", what, name_of((void *)sa->sa_handler),
	    sa->sa_flags & ~KERNEL_RESTORER, mask_of(&sa->sa_mask));
}

static void read_raw(int sig)
{
	struct kernel_action ka;
	long r;

	memset(&ka, 0xee, sizeof(ka));
	r = raw(SYS_rt_sigaction, sig, 0, (long)&ka, 8);
	say("raw %ld: %s, flags %#lx, mask %#lx", r, name_of(ka.handler),
	    ka.flags & ~(uint64_t)KERNEL_RESTORER, ka.mask);
}

/* What three ways of asking say of an action; of other signals', two: action_raw_others. */
static void read_back(int sig)
{
	struct sigaction sa;
	struct kernel_action ka;
	long r;

	memset(&sa, 0xee, sizeof(sa));
	if (sigaction(sig, NULL, &sa))
		say("sigaction: %s", strerrorname_np(errno));
	say_action("sigaction", &sa);
	memset(&ka, 0xee, sizeof(ka));
	r = syscall(SYS_rt_sigaction, sig, NULL, &ka, 8);
	say("syscall %ld: %s, flags %#lx, mask %#lx", r, name_of(ka.handler),
	    ka.flags & ~(uint64_t)KERNEL_RESTORER, ka.mask);
	if (sig == SIGSEGV)
		read_raw(sig);
}

static void untouched(void)
{
	ready();
	for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
		read_back(signals[i]);
		jit_step();
		read_back(signals[i]);
	}
}

/* Flags and masks of every sort; the action of before each time. */
static void by_sigaction(void)
{
	static const unsigned int flags[] = {0,
					     SA_SIGINFO,
					     SA_SIGINFO | SA_NODEFER | SA_ONSTACK | SA_RESETHAND |
						     SA_RESTART,
					     SA_NOCLDSTOP | SA_NOCLDWAIT,
					     SA_ONSTACK,
					     SA_NODEFER,
					     0x800,
					     0x400 | SA_SIGINFO,
					     0x7ffff};

	for (size_t f = 0; f < N_ELEMENTS(flags); f++)
		for (size_t i = 0; i < N_ELEMENTS(signals); i++)
			for (int m = 0; m < 3; m++) {
				struct sigaction sa = {.sa_flags = (int)flags[f]}, old;

				sa.sa_handler = m == 1 ? second : first;
				sigemptyset(&sa.sa_mask);
				if (m == 1)
					sigaddset(&sa.sa_mask, SIGSEGV);
				if (m == 2)
					sigfillset(&sa.sa_mask);
				say("set %d, %d", signals[i],
				    sigaction(signals[i], &sa, m ? &old : NULL));
				if (m)
					say_action("before", &old);
				ready();
				read_back(signals[i]);
			}
}

/* Set and asked for again in one call, through one structure. */
static void by_sigaction_same(void)
{
	struct sigaction sa = {.sa_handler = first, .sa_flags = SA_RESTART};

	__sigaction(SIGSEGV, &sa, NULL);
	ready();
	sa.sa_handler = second;
	sa.sa_flags = SA_ONSTACK;
	say("%d", __sigaction(SIGSEGV, &sa, &sa));
	say_action("before", &sa);
	read_back(SIGSEGV);
}

static void by_signal(void)
{
	for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
		say("was %s", name_of(signal(signals[i], first)));
		ready();
		read_back(signals[i]);
		say("was %s", name_of(signal(signals[i], SIG_IGN)));
		read_back(signals[i]);
		say("was %s", name_of(ssignal(signals[i], second)));
		read_back(signals[i]);
		say("was %s", name_of(signal(signals[i], SIG_DFL)));
		read_back(signals[i]);
	}
	say_result("no handler", (long)signal(SIGSEGV, SIG_ERR));
	read_back(SIGSEGV);
}

static void by_sysv_signal(void)
{
	for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
		say("was %s", name_of(sysv_signal(signals[i], first)));
		ready();
		read_back(signals[i]);
		say("was %s", name_of(sysv_signal(signals[i], second)));
		read_back(signals[i]);
		raise(signals[i]);
		read_back(signals[i]);
	}
}

static void by_kernel(long (*call)(int, void *, void *, long))
{
	for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
		struct kernel_action ka = {first, KERNEL_RESTORER | SA_NODEFER, raw_restore,
					   BIT(SIGSEGV) | BIT(SIGUSR2) | BIT(SIGKILL)},
				     old;

		say("%ld", call(signals[i], &ka, NULL, 8));
		ready();
		read_back(signals[i]);
		raise(signals[i]);
		ka.handler = second;
		say("%ld", call(signals[i], &ka, &old, 8));
		say("was %s, mask %#lx", name_of(old.handler), old.mask);
		raise(signals[i]);
		read_back(signals[i]);
	}
}

static long call_libc(int sig, void *act, void *old, long size)
{
	long r = syscall(SYS_rt_sigaction, sig, act, old, size);

	return r < 0 ? -errno : r;
}

static long call_raw(int sig, void *act, void *old, long size)
{
	return raw(SYS_rt_sigaction, sig, (long)act, (long)old, size);
}

static void by_syscall(void)
{
	by_kernel(call_libc);
}

static void by_raw(void)
{
	by_kernel(call_raw);
}

static void by_sigset_of(int sig)
{
	say("was %s", name_of(sigset(sig, first)));
	ready();
	read_back(sig);
	say("was %s", name_of(sigset(sig, SIG_HOLD)));
	say("blocked %#lx", mask_now());
	jit_step();
	read_back(sig);
	say("was %s", name_of(sigset(sig, second)));
	say("blocked %#lx", mask_now());
	read_back(sig);
	say("hold %d", sighold(sig));
	say("blocked %#lx", mask_now());
	jit_step();
	say("was %s", name_of(sigset(sig, SIG_DFL)));
	say("hold %d", sighold(sig));
	say("release %d, blocked %#lx", sigrelse(sig), mask_now());
	read_back(sig);
}

static void by_sigset(void)
{
	by_sigset_of(SIGBUS);
	by_sigset_of(SIGUSR1);
}

static void by_sigset_segv(void)
{
	by_sigset_of(SIGSEGV);
}

/* What needs no blocking of these. */
static void by_sigset_plain(void)
{
	say("was %s", name_of(sigset(SIGSEGV, first)));
	ready();
	read_back(SIGSEGV);
	say("was %s", name_of(sigset(SIGSEGV, SIG_IGN)));
	read_back(SIGSEGV);
	jit_step();
	say("was %s", name_of(sigset(SIGSEGV, SIG_DFL)));
	read_back(SIGSEGV);
}

static void by_sigignore(void)
{
	for (size_t i = 0; i < N_ELEMENTS(signals); i++) {
		say("%d", sigignore(signals[i]));
		ready();
		read_back(signals[i]);
		kill(getpid(), signals[i]);
		jit_step();
	}
}

static void by_siginterrupt_of(int sig)
{
	signal(sig, first);
	ready();
	say("%d", siginterrupt(sig, 1));
	read_back(sig);
	say("%d", siginterrupt(sig, 0));
	read_back(sig);
}

static void by_siginterrupt(void)
{
	for (size_t i = 0; i < N_ELEMENTS(signals); i++)
		by_siginterrupt_of(signals[i]);
	siginterrupt(SIGUSR1, 1);
	signal(SIGUSR1, second);
	read_back(SIGUSR1);
}

/* It is kept for the next signal(3). */
static void by_siginterrupt_kept(void)
{
	by_siginterrupt_of(SIGSEGV);
	siginterrupt(SIGSEGV, 1);
	signal(SIGSEGV, second);
	read_back(SIGSEGV);
}

/* The kernel itself is asked for the mask of another signal's action. */
static void raw_others(void)
{
	struct sigaction sa = {.sa_handler = first};

	sigaddset(&sa.sa_mask, SIGSEGV);
	sigaction(SIGUSR1, &sa, NULL);
	ready();
	read_raw(SIGUSR1);
}

static void bad_numbers(void)
{
	static const int bad[] = {-1, 0, 32, 33, 65, 1000, SIGKILL, SIGSTOP};
	struct sigaction sa = {.sa_handler = first}, old;

	ready();
	for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
		say("signal %d", bad[i]);
		say_result("set", sigaction(bad[i], &sa, NULL));
		say_result("ask", sigaction(bad[i], NULL, &old));
		say_result("signal", (long)signal(bad[i], first));
	}
	say("nothing: %d", sigaction(SIGSEGV, NULL, NULL));
}

/* The kernel's order: the size, the action, the set, the copy of the old one. */
static void bad_pointers(long (*call)(int, void *, void *, long))
{
	struct kernel_action ka = {first, KERNEL_RESTORER, raw_restore, 0}, old;
	void *bad = (void *)8;

	ready();
	say("size 4: %ld, size 16: %ld", call(SIGSEGV, &ka, &old, 4), call(SIGSEGV, &ka, &old, 16));
	say("size and pointer: %ld", call(SIGSEGV, bad, NULL, 0));
	read_back(SIGSEGV);
	say("action: %ld", call(SIGSEGV, bad, NULL, 8));
	say("action and old: %ld", call(SIGSEGV, bad, bad, 8));
	say("noncanonical: %ld", call(SIGSEGV, (void *)(1ul << 63), NULL, 8));
	read_back(SIGSEGV);
	say("old: %ld", call(SIGSEGV, &ka, bad, 8));
	read_back(SIGSEGV);
	ka.handler = second;
	say("old read-only: %ld", call(SIGSEGV, &ka, (void *)name_of(NULL), 8));
	read_back(SIGSEGV);
	say("asked only: %ld", call(SIGSEGV, NULL, bad, 8));
	say("number: %ld, and pointer: %ld", call(65, &ka, NULL, 8), call(65, bad, NULL, 8));
	say("SIGKILL: %ld", call(SIGKILL, &ka, NULL, 8));
	raise(SIGSEGV);
}

static void bad_pointers_syscall(void)
{
	bad_pointers(call_libc);
}

static void bad_pointers_raw(void)
{
	bad_pointers(call_raw);
}

/* Reset, and handled anew, many times: nothing is left behind. */
static void again_and_again(void)
{
	for (int i = 0; i < 100; i++) {
		signal(SIGSEGV, i % 3 == 0 ? first : i % 3 == 1 ? SIG_IGN : SIG_DFL);
		ready();
		jit_step();
	}
	read_back(SIGSEGV);
}

#define N_INTERRUPTIONS 3000

static volatile int n_interruptions, n_changed;

static void asks(int sig)
{
	struct sigaction sa;

	n_interruptions++;
	sigaction(SIGSEGV, NULL, &sa);
	n_changed += sa.sa_handler != first && sa.sa_handler != second;
}

/* Handlers that ask for the action, at any moment, those in which it is being set included. */
static void interrupted(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	const struct itimerspec often = {{0, 20000}, {0, 20000}}, never = {0};
	timer_t timer;

	signal(SIGSEGV, first);
	signal(SIGUSR1, asks);
	ready();
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) || timer_settime(timer, 0, &often, NULL))
		say("timer: %s", strerrorname_np(errno));
	for (long i = 0; n_interruptions < N_INTERRUPTIONS; i++)
		signal(SIGSEGV, i % 2 ? first : second);
	timer_settime(timer, 0, &never, NULL);
	say("something else: %d", n_changed);
}

/*
 * The user has no room for one more signal that says what it is about. What the kernel tells then
 * is not compared; but it is no signal.
 */
static void raw_without_queue(void)
{
	const struct rlimit none = {0, 0};
	struct kernel_action ka;

	signal(SIGSEGV, first);
	ready();
	if (setrlimit(RLIMIT_SIGPENDING, &none))
		say("setrlimit: %s", strerrorname_np(errno));
	say("asked: %ld", raw(SYS_rt_sigaction, SIGSEGV, 0, (long)&ka, 8));
	jit_step();
}

const struct signals_case signals_action_cases[] = {
	{"action_interrupted", interrupted},
	{"action_raw_without_queue", raw_without_queue},
	{"action_untouched", untouched},
	{"action_sigaction", by_sigaction},
	{"action_sigaction_same", by_sigaction_same},
	{"action_signal", by_signal},
	{"action_sysv_signal", by_sysv_signal},
	{"action_syscall", by_syscall},
	{"action_raw", by_raw},
	{"action_raw_others", raw_others},
	{"action_sigset", by_sigset},
	{"action_sigset_segv", by_sigset_segv},
	{"action_sigset_plain", by_sigset_plain},
	{"action_sigignore", by_sigignore},
	{"action_siginterrupt", by_siginterrupt},
	{"action_siginterrupt_kept", by_siginterrupt_kept},
	{"action_bad_numbers", bad_numbers},
	{"action_bad_pointers_syscall", bad_pointers_syscall},
	{"action_bad_pointers_raw", bad_pointers_raw},
	{"action_again_and_again", again_and_again},
	{NULL, NULL},
};
