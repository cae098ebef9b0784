/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Where handlers run: the main stack, an alternate one, one that is only just large enough. */

#define BIG 65536ul

static char alternate[BIG] __attribute__((aligned(64)));
static sigjmp_buf back;

static void say_stack(const char *what)
{
	stack_t ss;

	memset(&ss, 0xee, sizeof(ss));
	say("%s: %d", what, sigaltstack(NULL, &ss));
	say("at %s, %zu bytes, flags %#x",
	    ss.ss_sp == alternate ? "the alternate one"
	    : ss.ss_sp            ? "something else"
				  : "nothing",
	    ss.ss_size, ss.ss_flags);
}

static void set_stack(void *p, size_t size, int flags)
{
	const stack_t ss = {.ss_sp = p, .ss_size = size, .ss_flags = flags};

	if (sigaltstack(&ss, NULL))
		say("sigaltstack: %s", strerrorname_np(errno));
}

static bool on_alternate(uint64_t address)
{
	return address - (uint64_t)alternate < BIG;
}

static void fault_and_say(void)
{
	seen_resume = fault_load_end;
	for (int i = 0; i < 2; i++) {
		fault_load(NULL);
		say("handler on the alternate stack %d, fault on it %d, far enough below %d",
		    on_alternate(seen.local), on_alternate(seen.rsp),
		    on_alternate(seen.local) || seen.rsp - seen.local >= 128);
		say("told of %s stack, %zu bytes, flags %#x",
		    seen.uc.uc_stack.ss_sp == alternate ? "the alternate"
		    : seen.uc.uc_stack.ss_sp            ? "some"
							: "no",
		    seen.uc.uc_stack.ss_size, seen.uc.uc_stack.ss_flags);
		seen_say(fault_load_at, NULL);
		jit_step();
	}
}

static void queried(void)
{
	ready();
	say_stack("untouched");
	jit_step();
	say_stack("still");
	set_stack(alternate, BIG, 0);
	say_stack("set");
	jit_step();
	say_stack("still");
	set_stack(NULL, 0, SS_DISABLE);
	say_stack("disabled");
}

static void onstack(void)
{
	set_stack(alternate, BIG, 0);
	seen_install(SIGSEGV, SA_ONSTACK);
	fault_and_say();
	say_stack("afterwards");
}

static void onstack_without(void)
{
	seen_install(SIGSEGV, SA_ONSTACK);
	fault_and_say();
}

static void main_stack(void)
{
	set_stack(alternate, BIG, 0);
	seen_install(SIGSEGV, 0);
	fault_and_say();
}

static void inside(int sig, siginfo_t *info, void *context)
{
	const stack_t ss = {.ss_sp = alternate, .ss_size = BIG / 2};

	say_stack("inside");
	say_result("changing it", sigaltstack(&ss, NULL));
	jit_step();
	say_stack("still inside");
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

static void asked_inside(void)
{
	struct sigaction sa = {.sa_sigaction = inside, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	set_stack(alternate, BIG, 0);
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	fault_load(NULL);
	say_stack("after");
	sa.sa_flags = SA_SIGINFO;
	set_stack(alternate, BIG, 0);
	sigaction(SIGSEGV, &sa, NULL);
	fault_load(NULL);
	say_stack("after");
}

static void autodisarm(void)
{
	struct sigaction sa = {.sa_sigaction = inside, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	set_stack(alternate, BIG, (int)(1u << 31));
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	say_stack("armed");
	jit_step();
	say_stack("armed");
	fault_load(NULL);
	say_stack("after");
}

static void on_usr1(int sig)
{
	int local;

	say("SIGUSR1 on the alternate stack %d", on_alternate((uint64_t)&local));
	jit_step();
	seen_resume = fault_load_end;
	fault_load(NULL);
	say("SIGSEGV on it %d, below %d", on_alternate(seen.local), seen.local < seen.rsp);
	seen_say(fault_load_at, NULL);
	jit_step();
}

/* A fault in a handler that is on the alternate stack already goes on there. */
static void nested(void)
{
	struct sigaction sa = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};

	set_stack(alternate, BIG, 0);
	sigaction(SIGUSR1, &sa, NULL);
	seen_install(SIGSEGV, SA_ONSTACK);
	raise(SIGUSR1);
	seen_install(SIGSEGV, 0);
	raise(SIGUSR1);
	say_stack("after");
}

static unsigned long n_quiet;
static uint64_t lowest;

static void quiet_usr1(int sig)
{
	int local;

	n_quiet++;
	lowest = (uint64_t)&local;
	jit_step();
}

/* The bytes beside the small stack that are not as they were. */
static size_t spoilt(size_t at, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < BIG; i++)
		n += (i < at || i >= at + size) && alternate[i] != 0x5a;
	return n;
}

static void small_stack(size_t at, size_t size)
{
	memset(alternate, 0x5a, BIG);
	set_stack(alternate + at, size, 0);
}

/* What the handler calls is bound now, not on a stack with no room for it. */
static void fault_once(void)
{
	struct sigaction sa = {.sa_sigaction = seen_note, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &sa, NULL);
	seen_resume = fault_load_end;
	fault_load(NULL);
	seen.n = 0;
	signal(SIGSEGV, SIG_DFL);
}

/* As small as the system says it may be. */
static void small(void)
{
	size_t at = BIG / 2, size = (size_t)sysconf(_SC_MINSIGSTKSZ) + 2048;

	fault_once();
	small_stack(at, size);
	seen_resume = fault_load_end;
	seen_install(SIGSEGV, SA_ONSTACK);
	for (int i = 0; i < 5; i++) {
		jit_step();
		fault_load(NULL);
	}
	say("runs %d, on it %d, spoilt %zu", seen.n, on_alternate(seen.local), spoilt(at, size));
}

/* What the frame of a handler takes here: from the top of the stack to the handler's own. */
static size_t frame_measured(void)
{
	struct sigaction sa = {.sa_flags = SA_ONSTACK, .sa_handler = quiet_usr1};

	set_stack(alternate, BIG, 0);
	sigaction(SIGUSR1, &sa, NULL);
	raise(SIGUSR1);
	n_quiet = 0;
	return (uint64_t)alternate + BIG - lowest;
}

/* Room for one frame, and not for two. */
static void tight(void)
{
	size_t at = BIG / 2, size = frame_measured() + 2048;

	fault_once();
	small_stack(at, size);
	seen_resume = fault_load_end;
	seen_install(SIGSEGV, SA_ONSTACK);
	for (int i = 0; i < 5; i++) {
		jit_step();
		fault_load(NULL);
	}
	say("runs %d, on it %d, spoilt %zu", seen.n, on_alternate(seen.local), spoilt(at, size));
}

/* Code is written and run by the handler of another signal, on a stack of that many frames. */
static void usr1_on(size_t frames)
{
	size_t at = BIG / 2, size = frames * frame_measured() + 2048;

	small_stack(at, size);
	ready();
	for (int i = 0; i < 5; i++)
		raise(SIGUSR1);
	say("runs %lu, spoilt %zu", n_quiet, spoilt(at, size));
}

static void small_usr1(void)
{
	usr1_on(2);
}

static void tight_usr1(void)
{
	usr1_on(1);
}

/* Deeper and deeper, until there is no stack. */
static volatile bool forever = true;

__attribute__((noinline)) static int overflow(volatile char *above)
{
	volatile char here[1024];

	here[0] = above ? (char)(above[0] + 1) : 0;
	return (forever ? overflow(here) : 0) + here[0];
}

static void limit_stack(void)
{
	const struct rlimit limit = {1ul << 20, 1ul << 20};

	setrlimit(RLIMIT_STACK, &limit);
}

static void overflow_it(void)
{
	say("%d", overflow(NULL));
}

static void jump_out(int sig, siginfo_t *info, void *context)
{
	int local;
	uint64_t rsp = (uint64_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];

	say("signal %d code %d, near the stack %d, on the alternate one %d", sig, info->si_code,
	    (uint64_t)info->si_addr - rsp + 65536 < 131072, on_alternate((uint64_t)&local));
	jit_step();
	siglongjmp(back, 1);
}

static void overflow_onstack(void)
{
	struct sigaction sa = {.sa_sigaction = jump_out, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	limit_stack();
	set_stack(alternate, BIG, 0);
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	for (int i = 0; i < 3; i++) {
		if (!sigsetjmp(back, 1))
			overflow_it();
		say_stack("back");
		jit_step();
	}
}

/* An alternate stack is of no use to an action that does not ask for it. */
static void overflow_not_onstack(void)
{
	struct sigaction sa = {.sa_sigaction = jump_out, .sa_flags = SA_SIGINFO};

	limit_stack();
	set_stack(alternate, BIG, 0);
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	dies(overflow_it);
}

static void overflow_without(void)
{
	struct sigaction sa = {.sa_sigaction = jump_out, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	limit_stack();
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	dies(overflow_it);
}

static void overflow_default(void)
{
	limit_stack();
	ready();
	dies(overflow_it);
	jit_step();
	overflow_it();
}

static void *with_own(void *arg)
{
	say_stack("a new thread's");
	fault_and_say();
	set_stack(alternate, BIG, 0);
	fault_and_say();
	say_stack("afterwards");
	return NULL;
}

static void threads_own(void)
{
	static char other[BIG];

	set_stack(other, BIG, 0);
	seen_install(SIGSEGV, SA_ONSTACK);
	on_thread(with_own, NULL);
	fault_and_say();
}

/* An action that another thread has installed, on this thread's stack, which is full. */
static void *overflowing(void *arg)
{
	set_stack(alternate, BIG, 0);
	for (int i = 0; i < 3; i++) {
		if (!sigsetjmp(back, 1))
			overflow_it();
		jit_step();
	}
	return NULL;
}

static void threads_overflow(void)
{
	struct sigaction sa = {.sa_sigaction = jump_out, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	sigaction(SIGSEGV, &sa, NULL);
	ready();
	on_thread(overflowing, NULL);
}

/* A stack in memory that is executable as well: SIGUSR1's handler runs there. */
static void in_jit(bool run)
{
	const size_t size = 4 * 16384;
	struct sigaction sa = {.sa_flags = SA_ONSTACK, .sa_handler = quiet_usr1};
	unsigned char *p;

	sigaction(SIGUSR1, &sa, NULL);
	ready();
	if (!jit_page)
		return;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0);
	set_stack(p, size, 0);
	for (int i = 0; i < 3; i++) {
		p[size - 256] = 0xc3;
		if (run)
			((void (*)(void))(p + size - 256))();
		raise(SIGUSR1);
	}
	say("runs %lu", n_quiet);
}

static void in_jit_memory(void)
{
	in_jit(false);
}

static void in_jit_code(void)
{
	in_jit(true);
}

const struct signals_case signals_stack_cases[] = {
	{"stack_queried", queried},
	{"stack_onstack", onstack},
	{"stack_onstack_without", onstack_without},
	{"stack_main", main_stack},
	{"stack_asked_inside", asked_inside},
	{"stack_autodisarm", autodisarm},
	{"stack_nested", nested},
	{"stack_small", small},
	{"stack_tight", tight},
	{"stack_small_usr1", small_usr1},
	{"stack_tight_usr1", tight_usr1},
	{"stack_in_jit_memory", in_jit_memory},
	{"stack_in_jit_code", in_jit_code},
	{"stack_overflow_onstack", overflow_onstack},
	{"stack_overflow_not_onstack", overflow_not_onstack},
	{"stack_overflow_without", overflow_without},
	{"stack_overflow_default", overflow_default},
	{"stack_threads_own", threads_own},
	{"stack_threads_overflow", threads_overflow},
	{NULL, NULL},
};
