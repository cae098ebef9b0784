/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/* Masks: SIGSEGV blocked in every way there is, read back, and code written and run meanwhile. */

static sigjmp_buf back;

/* The mask as both functions tell it. */
static void say_mask(const char *what)
{
	sigset_t set;

	memset(&set, 0, sizeof(set));
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	say("%s: %#lx %#lx", what, mask_now(), mask_of(&set));
}

static void fault_it(void)
{
	fault_load(NULL);
}

typedef void (*mask_fn)(int how, const sigset_t *set, sigset_t *oldp);

static void say_by(const char *what, mask_fn set)
{
	sigset_t old;

	memset(&old, 0, sizeof(old));
	set(SIG_BLOCK, NULL, &old);
	say("%s: %#lx", what, mask_of(&old));
}

static void set_and_say(const char *what, mask_fn set, int how, const sigset_t *to)
{
	sigset_t old;

	memset(&old, 0, sizeof(old));
	set(how, to, &old);
	say("%s: before %#lx", what, mask_of(&old));
	say_by("now", set);
	jit_step();
	say_by("and now", set);
}

/* Blocked: read back so, code runs, a genuine fault kills; unblocked: it is handled. */
static void by(mask_fn set)
{
	struct sigaction sa = {.sa_sigaction = seen_note, .sa_flags = SA_SIGINFO};
	sigset_t segv, full, none;

	sigemptyset(&none);
	sigemptyset(&segv);
	sigaddset(&segv, SIGSEGV);
	mask_fill(&full);
	seen_resume = fault_load_end;
	sigaction(SIGSEGV, &sa, NULL);
	set_and_say("block", set, SIG_BLOCK, &segv);
	ready();
	set_and_say("block all", set, SIG_BLOCK, &full);
	dies(fault_it);
	set_and_say("unblock", set, SIG_UNBLOCK, &segv);
	fault_load(NULL);
	say("handled %d", seen.n);
	set_and_say("block again", set, SIG_BLOCK, &segv);
	set_and_say("none", set, SIG_SETMASK, &none);
	set_and_say("one", set, SIG_SETMASK, &segv);
	dies(fault_it);
	set(SIG_SETMASK, &none, NULL);
	fault_load(NULL);
	say("handled %d", seen.n);
}

static void set_sigprocmask(int how, const sigset_t *set, sigset_t *oldp)
{
	if (sigprocmask(how, set, oldp))
		say("sigprocmask: %s", strerrorname_np(errno));
}

static void set_pthread(int how, const sigset_t *set, sigset_t *oldp)
{
	if (pthread_sigmask(how, set, oldp))
		say("pthread_sigmask failed");
}

static void set_syscall(int how, const sigset_t *set, sigset_t *oldp)
{
	if (syscall(SYS_rt_sigprocmask, how, set, oldp, 8))
		say("syscall: %s", strerrorname_np(errno));
}

static void set_raw(int how, const sigset_t *set, sigset_t *oldp)
{
	long r = raw(SYS_rt_sigprocmask, how, (long)set, (long)oldp, 8);

	if (r)
		say("raw: %ld", r);
}

static void by_sigprocmask(void)
{
	by(set_sigprocmask);
}

static void by_pthread(void)
{
	by(set_pthread);
}

static void by_syscall(void)
{
	by(set_syscall);
}

static void by_raw(void)
{
	by(set_raw);
}

static void bad_masks(void)
{
	uint64_t set = BIT(SIGSEGV) | BIT(SIGKILL) | BIT(SIGSTOP) | BIT(32) | BIT(64);
	void *bad = (void *)8;

	ready();
	say("%ld", raw(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, 0, 4));
	say("%ld", raw(SYS_rt_sigprocmask, 77, (long)&set, 0, 8));
	say("%ld", raw(SYS_rt_sigprocmask, 77, 0, 0, 8));
	say("%ld", raw(SYS_rt_sigprocmask, SIG_BLOCK, (long)bad, 0, 8));
	say("%ld", raw(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)bad, 8));
	say_result("old", syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, bad, 8));
	say_mask("set all the same");
	jit_step();
	say_result("new", syscall(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8));
	say_result("size", syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 16));
	say_result("how", sigprocmask(77, (sigset_t *)&set, NULL));
	say("%d", pthread_sigmask(77, (sigset_t *)&set, NULL));
	say_mask("still");
}

/* Actions are set and asked for while the kernel itself holds the signal back. */
static void action_while_blocked(void)
{
	const uint64_t segv = BIT(SIGSEGV);
	struct sigaction sa = {.sa_sigaction = seen_note, .sa_flags = SA_SIGINFO}, was;

	ready();
	seen_resume = fault_load_end;
	for (int i = 0; i < 3; i++) {
		raw(SYS_rt_sigprocmask, SIG_BLOCK, (long)&segv, 0, 8);
		memset(&was, 0xee, sizeof(was));
		say("%d", sigaction(SIGSEGV, i == 1 ? &sa : NULL, &was));
		say("was default %d, seen_note %d, flags %#x", was.sa_handler == SIG_DFL,
		    was.sa_sigaction == seen_note, was.sa_flags & ~KERNEL_RESTORER);
		raw(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&segv, 0, 8);
		memset(&was, 0xee, sizeof(was));
		say("%d", sigaction(SIGSEGV, NULL, &was));
		say("is default %d, seen_note %d", was.sa_handler == SIG_DFL,
		    was.sa_sigaction == seen_note);
		jit_step();
	}
	fault_load(NULL);
	say("handled %d", seen.n);
}

/* An action's mask in full, on a signal that has nothing to do with it. */
static void on_usr1(int sig)
{
	say_mask("inside");
	jit_step();
}

static void usr1_context(int sig, siginfo_t *info, void *context)
{
	say("told that nothing is blocked %d", !mask_of(&((ucontext_t *)context)->uc_sigmask));
	jit_step();
	say_mask("inside");
}

static void full_mask(void)
{
	struct sigaction sa = {.sa_sigaction = usr1_context, .sa_flags = SA_SIGINFO}, old;

	mask_fill(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
	ready();
	sigaction(SIGUSR1, NULL, &old);
	say("reads %#lx, as set %d", mask_of(&old.sa_mask),
	    mask_of(&old.sa_mask) == (mask_of(&sa.sa_mask) & ~(BIT(SIGKILL) | BIT(SIGSTOP))));
	raise(SIGUSR1);
	say_mask("outside");
	jit_step();
	sigaction(SIGUSR1, &sa, &old);
	say("was %#lx", mask_of(&old.sa_mask));
	raise(SIGUSR1);
	mask_set(SIG_BLOCK, SIGSEGV);
	raise(SIGUSR1);
	say_mask("outside");
}

static void full_mask_raw(void)
{
	struct kernel_action ka = {on_usr1, KERNEL_RESTORER, raw_restore, ~BIT(SIGALRM)}, old;

	say("%ld", raw(SYS_rt_sigaction, SIGUSR1, (long)&ka, 0, 8));
	ready();
	raise(SIGUSR1);
	say("%ld", raw(SYS_rt_sigaction, SIGUSR1, (long)&ka, (long)&old, 8));
	say("was %#lx", old.mask);
	raise(SIGUSR1);
}

/* What the context says of the mask of before. */
static void tell_mask(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	say("signal %d, told %#lx", sig, mask_of(&uc->uc_sigmask));
	if (sig == SIGSEGV)
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

static void told(void)
{
	struct sigaction sa = {.sa_sigaction = tell_mask, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	for (int i = 0; i < 2; i++) {
		raise(SIGUSR1);
		fault_load(NULL);
		mask_set(SIG_BLOCK, SIGUSR2);
	}
}

static void told_blocked(void)
{
	struct sigaction sa = {.sa_sigaction = tell_mask, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &sa, NULL);
	ready();
	mask_set(SIG_BLOCK, SIGSEGV);
	raise(SIGUSR1);
	jit_step();
	raise(SIGUSR1);
}

/* A genuine fault in such a handler kills. */
static void usr1_faults(int sig)
{
	say_mask("inside");
	fault_load(NULL);
}

static void raise_usr1(void)
{
	raise(SIGUSR1);
}

static void full_mask_faults(void)
{
	struct sigaction sa = {.sa_handler = usr1_faults};

	seen_install(SIGSEGV, 0);
	seen_resume = fault_load_end;
	sigaction(SIGUSR1, &sa, NULL);
	dies(raise_usr1);
	sigaddset(&sa.sa_mask, SIGSEGV);
	sigaction(SIGUSR1, &sa, NULL);
	dies(raise_usr1);
}

static void block_after(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	say("told %#lx", mask_of(&uc->uc_sigmask));
	if (sigismember(&uc->uc_sigmask, SIGSEGV))
		sigdelset(&uc->uc_sigmask, SIGSEGV);
	else
		sigaddset(&uc->uc_sigmask, SIGSEGV);
}

/* The mask a handler returns to is the one in its context. */
static void changed_by_usr1(void)
{
	struct sigaction sa = {.sa_sigaction = block_after, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &sa, NULL);
	ready();
	for (int i = 0; i < 4; i++) {
		raise(SIGUSR1);
		say_mask("after");
		jit_step();
	}
}

/* sigsetjmp keeps the mask inside libc, and siglongjmp brings it back. */
static void kept_by_sigsetjmp(void)
{
	ready();
	mask_set(SIG_BLOCK, SIGSEGV);
	if (!sigsetjmp(back, 1)) {
		mask_set(SIG_UNBLOCK, SIGSEGV);
		say_mask("unblocked");
		jit_step();
		siglongjmp(back, 1);
	}
	say_mask("blocked again");
	jit_step();
	mask_set(SIG_UNBLOCK, SIGSEGV);
	if (!sigsetjmp(back, 1)) {
		mask_set(SIG_BLOCK, SIGSEGV);
		jit_step();
		siglongjmp(back, 1);
	}
	say_mask("unblocked again");
	jit_step();
}

static ucontext_t here, there;
static char stack[65536];

static void other_context(void)
{
	say_mask("there");
	jit_step();
	mask_set(SIG_UNBLOCK, SIGSEGV);
	swapcontext(&there, &here);
	say_mask("there again");
	jit_step();
}

static void kept_by_contexts(void)
{
	ready();
	mask_set(SIG_BLOCK, SIGSEGV);
	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, other_context, 0);
	mask_set(SIG_UNBLOCK, SIGSEGV);
	mask_set(SIG_BLOCK, SIGUSR2);
	for (int i = 0; i < 2; i++) {
		swapcontext(&here, &there);
		say_mask("here");
		jit_step();
	}
}

/* What the program finds in a context. */
static void shown_by_contexts(void)
{
	ready();
	mask_set(SIG_BLOCK, SIGUSR2);
	getcontext(&there);
	say("kept %#lx", mask_of(&there.uc_sigmask));
	mask_set(SIG_BLOCK, SIGSEGV);
	getcontext(&there);
	say("kept %#lx", mask_of(&there.uc_sigmask));
}

static void set_by_setcontext(void)
{
	static volatile int n;

	ready();
	getcontext(&here);
	say_mask("context");
	jit_step();
	if (n++ < 2) {
		if (n == 1)
			sigaddset(&here.uc_sigmask, SIGSEGV);
		else
			sigemptyset(&here.uc_sigmask);
		setcontext(&here);
	}
}

/* Blocked by the mask before the handler for it runs, and asked for by sigpending. */
static void sent_while_blocked(void)
{
	sigset_t pending;

	seen_install(SIGSEGV, 0);
	mask_set(SIG_BLOCK, SIGSEGV);
	kill(getpid(), SIGSEGV);
	sigpending(&pending);
	say("runs %d, pending %#lx", seen.n, mask_of(&pending));
	jit_step();
	mask_set(SIG_UNBLOCK, SIGSEGV);
	sigpending(&pending);
	say("runs %d, pending %#lx", seen.n, mask_of(&pending));
}

/* Others are pending as ever. */
static void others_pending(void)
{
	sigset_t full, pending;

	seen_install(SIGUSR1, 0);
	mask_fill(&full);
	sigprocmask(SIG_BLOCK, &full, NULL);
	raise(SIGUSR1);
	jit_step();
	sigpending(&pending);
	say("runs %d, pending %#lx", seen.n, mask_of(&pending));
	sigemptyset(&full);
	sigprocmask(SIG_SETMASK, &full, NULL);
	say("runs %d, told %#lx", seen.n, seen.mask);
}

const struct signals_case signals_mask_cases[] = {
	{"mask_sigprocmask", by_sigprocmask},
	{"mask_pthread_sigmask", by_pthread},
	{"mask_syscall", by_syscall},
	{"mask_raw", by_raw},
	{"mask_bad", bad_masks},
	{"mask_action_while_blocked", action_while_blocked},
	{"mask_told", told},
	{"mask_told_blocked", told_blocked},
	{"mask_full_in_action", full_mask},
	{"mask_full_in_action_raw", full_mask_raw},
	{"mask_full_in_action_faults", full_mask_faults},
	{"mask_changed_by_usr1", changed_by_usr1},
	{"mask_kept_by_sigsetjmp", kept_by_sigsetjmp},
	{"mask_kept_by_contexts", kept_by_contexts},
	{"mask_shown_by_contexts", shown_by_contexts},
	{"mask_set_by_setcontext", set_by_setcontext},
	{"mask_sent_while_blocked", sent_while_blocked},
	{"mask_others_pending", others_pending},
	{NULL, NULL},
};
