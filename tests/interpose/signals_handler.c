/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

/* What a handler may do, and what its action's flags make of it. */

static sigjmp_buf back;
static int n_runs;

static void install(void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = flags};

	sigaction(SIGSEGV, &sa, NULL);
	ready();
}

static void mask_honoured(void)
{
	struct sigaction sa = {.sa_sigaction = seen_note, .sa_flags = SA_SIGINFO};

	sigaddset(&sa.sa_mask, SIGUSR1);
	sigaddset(&sa.sa_mask, SIGCHLD);
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	mask_set(SIG_BLOCK, SIGUSR2);
	seen_resume = fault_load_end;
	for (int i = 0; i < 3; i++) {
		fault_load(NULL);
		seen_say(fault_load_at, NULL);
		say("afterwards %#lx", mask_now());
		jit_step();
	}
}

static void on_usr1(int sig)
{
	say("SIGUSR1 in run %d, inside %#lx", n_runs, mask_now());
}

static void raise_inside(int sig, siginfo_t *info, void *context)
{
	n_runs++;
	raise(SIGUSR1);
	say("raised");
	jit_step();
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
	n_runs++;
}

/* A signal that the action's mask holds back comes when the handler has returned, and not before.
 */
static void mask_defers(void)
{
	struct sigaction sa = {.sa_sigaction = raise_inside, .sa_flags = SA_SIGINFO};

	signal(SIGUSR1, on_usr1);
	install(raise_inside, SA_SIGINFO);
	fault_load(NULL);
	sigaddset(&sa.sa_mask, SIGUSR1);
	sigaction(SIGSEGV, &sa, NULL);
	fault_load(NULL);
	say("back, %#lx", mask_now());
}

static void nest(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	say("run %d, before %#lx, inside %#lx", ++n_runs, mask_of(&uc->uc_sigmask), mask_now());
	jit_step();
	if (n_runs < 4)
		fault_load(NULL);
	say("leaving");
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

static void nodefer(void)
{
	install(nest, SA_SIGINFO | SA_NODEFER);
	say("%ld", fault_load(NULL));
	say("runs %d, mask %#lx", n_runs, mask_now());
}

static void fault_it(void)
{
	fault_load(NULL);
}

static void nested_kills(void)
{
	install(nest, SA_SIGINFO);
	dies(fault_it);
	jit_step();
	n_runs = 3;
	fault_load(NULL);
}

/* The program itself ends so, not a child of it. */
static void nested_kills_directly(void)
{
	install(nest, SA_SIGINFO);
	fault_load(NULL);
}

static void unblock_and_nest(int sig, siginfo_t *info, void *context)
{
	mask_set(SIG_UNBLOCK, SIGSEGV);
	nest(sig, info, context);
}

static void unblocked_inside(void)
{
	install(unblock_and_nest, SA_SIGINFO);
	fault_load(NULL);
	say("runs %d, mask %#lx", n_runs, mask_now());
}

static void twice(void)
{
	fault_load(NULL);
	say("once");
	jit_step();
	fault_load(NULL);
}

static void resethand(void)
{
	struct sigaction sa;

	seen_install(SIGSEGV, SA_RESETHAND);
	seen_resume = fault_load_end;
	dies(twice);
	fault_load(NULL);
	seen_say(fault_load_at, NULL);
	sigaction(SIGSEGV, NULL, &sa);
	say("default again %d, flags %#x, mask %#lx", sa.sa_handler == SIG_DFL,
	    sa.sa_flags & ~KERNEL_RESTORER, mask_of(&sa.sa_mask));
}

static void resethand_sent(void)
{
	seen_install(SIGSEGV, SA_RESETHAND | SA_NODEFER);
	kill(getpid(), SIGSEGV);
	say("runs %d, inside %#lx", seen.n, seen.mask_inside);
	jit_step();
	kill(getpid(), SIGSEGV);
}

/* Without SA_SIGINFO the kernel passes the other two arguments as well, and programs rely on it.
 * What the second points to is left to chance. */
static void old_style(void)
{
	install(seen_note, 0);
	seen_resume = fault_store_end;
	fault_store(NULL);
	say("rip %d, error %#lx, mask %#lx", seen.rip == (uint64_t)fault_store_at, seen.error,
	    seen.mask);
}

static void change(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *g = uc->uc_mcontext.gregs;

	jit_step();
	g[REG_RIP] += 2; /* mov (%rdi),%eax */
	g[REG_RAX] = 4242;
	sigaddset(&uc->uc_sigmask, SIGUSR2);
}

/* What it changes in the context is what the program goes on with. */
static void changed_context(void)
{
	install(change, SA_SIGINFO);
	for (int i = 0; i < 3; i++) {
		say("%ld", fault_load(NULL));
		say("mask %#lx", mask_now());
	}
}

static void change_mask(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	sigaddset(&uc->uc_sigmask, SIGSEGV);
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

static void changed_mask_blocks(void)
{
	install(change_mask, SA_SIGINFO);
	fault_load(NULL);
	say("mask %#lx", mask_now());
	jit_step();
	say("mask %#lx", mask_now());
	dies(fault_it);
	mask_set(SIG_UNBLOCK, SIGSEGV);
	fault_load(NULL);
	say("mask %#lx", mask_now());
}

static void jump_out(int sig, siginfo_t *info, void *context)
{
	n_runs++;
	if (n_runs % 3 == 0)
		jit_step();
	siglongjmp(back, n_runs);
}

static void siglongjmp_out(void)
{
	install(jump_out, SA_SIGINFO);
	for (int i = 0; i < 100; i++) {
		if (!sigsetjmp(back, 1))
			fault_load(NULL);
		if (i % 10 == 0)
			jit_step();
	}
	say("runs %d, mask %#lx", n_runs, mask_now());
	mask_set(SIG_BLOCK, SIGUSR1);
	if (!sigsetjmp(back, 1))
		fault_load(NULL);
	say("runs %d, mask %#lx", n_runs, mask_now());
}

/* Nobody restores the mask: the signal stays blocked, and the next fault is the end. */
static void longjmp_out(void)
{
	install(jump_out, SA_SIGINFO);
	if (!sigsetjmp(back, 0))
		fault_load(NULL);
	say("runs %d, mask %#lx", n_runs, mask_now());
	jit_step();
	say("mask %#lx", mask_now());
	dies(fault_it);
	mask_set(SIG_UNBLOCK, SIGSEGV);
	if (!sigsetjmp(back, 0))
		fault_load(NULL);
	say("runs %d, mask %#lx", n_runs, mask_now());
}

static void longjmp_out_nodefer(void)
{
	install(jump_out, SA_SIGINFO | SA_NODEFER);
	for (int i = 0; i < 100; i++)
		if (!sigsetjmp(back, 0))
			fault_load(NULL);
	say("runs %d, mask %#lx", n_runs, mask_now());
}

static void replace(int sig, siginfo_t *info, void *context)
{
	jit_step();
	seen_install(SIGSEGV, 0);
	jit_step();
	say("replaced, inside %#lx", mask_now());
	seen_resume = fault_load_end;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

static void replaces_itself(void)
{
	install(replace, SA_SIGINFO);
	fault_load(NULL);
	fault_load(NULL);
	seen_say(fault_load_at, NULL);
}

/* The usual end of a crash handler: default, and the instruction again. */
static void give_up(int sig, siginfo_t *info, void *context)
{
	say("giving up");
	jit_step();
	signal(sig, SIG_DFL);
}

static void gives_up(void)
{
	install(give_up, SA_SIGINFO);
	dies(fault_it);
	fault_load(NULL);
}

static void give_up_raising(int sig, siginfo_t *info, void *context)
{
	signal(sig, SIG_DFL);
	raise(sig);
	say("raised, still here");
}

static void gives_up_raising(void)
{
	install(give_up_raising, SA_SIGINFO);
	fault_load(NULL);
}

/* A handler that returns without a change: the instruction is tried again. */
static void repair(int sig, siginfo_t *info, void *context)
{
	void *p = (void *)((uint64_t)info->si_addr & ~4095ul);

	if (++n_runs % 2 == 0)
		mprotect(p, 4096, PROT_READ | PROT_WRITE);
	jit_step();
}

static void repairs(void)
{
	char *p = mmap(NULL, 16 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	install(repair, SA_SIGINFO);
	for (int i = 0; i < 16; i++)
		p[i * 4096 + 5]++;
	say("runs %d, mask %#lx", n_runs, mask_now());
}

/* The handler's own code lies in memory that is writable as well: it leaves a mark, and returns. */
static void jit_handler(void)
{
	/* movl $1,(rip+mark); movq $resume,(168)(%rdx) = gregs[REG_RIP]; ret */
	static unsigned char code[] = {0x48, 0xb8, 0, 0, 0, 0,    0,    0,    0,    0, 0x48, 0x89,
				       0x82, 0xa8, 0, 0, 0, 0xff, 0x05, 0xe9, 0x0f, 0, 0,    0xc3};
	const void *resume = fault_load_end;
	unsigned char *wanted;

	ready();
	wanted = jit_page;
	memcpy(code + 2, &resume, sizeof(resume));
	for (int i = 0; wanted && i < 3; i++) {
		struct sigaction sa = {.sa_sigaction = (void (*)(int, siginfo_t *, void *))wanted,
				       .sa_flags = SA_SIGINFO};

		jit_load(code, sizeof(code));
		sigaction(SIGSEGV, &sa, NULL);
		say("%ld", fault_load(NULL));
		say("mark %d, mask %#lx", jit_page[4096], mask_now());
		jit_step();
	}
}

/* The same for a signal that is not SIGSEGV. */
static void jit_handler_usr1(void)
{
	static const unsigned char code[] = {0xff, 0x05, 0xfa, 0x0f, 0, 0, 0xc3};

	ready();
	for (int i = 0; jit_page && i < 3; i++) {
		struct sigaction sa = {.sa_handler = (void (*)(int))jit_page};

		mask_fill(&sa.sa_mask);
		jit_load(code, sizeof(code));
		sigaction(SIGUSR1, &sa, NULL);
		raise(SIGUSR1);
		say("mark %d, mask %#lx", jit_page[4096], mask_now());
		jit_step();
	}
}

static int n_frames, n_known;

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *arg)
{
	void *fn = _Unwind_FindEnclosingFunction((void *)_Unwind_GetIP(context));

	n_frames++;
	if (fn == (void *)fault_load)
		say("frame %d: the function that faults", n_frames), n_known++;
	else if (fn == arg)
		say("frame %d: the case", n_frames), n_known++;
	return _URC_NO_REASON;
}

static void backtraced(void);

static void backtrace_inside(int sig, siginfo_t *info, void *context)
{
	_Unwind_Backtrace(frame, (void *)backtraced);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

/* An unwinder finds its way from the handler into the function that faulted. */
static void backtraced(void)
{
	install(backtrace_inside, SA_SIGINFO);
	fault_load(NULL);
	say("frames %d, known %d", n_frames, n_known);
	n_frames = 0;
	fault_load(NULL);
	say("frames %d, known %d", n_frames, n_known);
}

static unsigned char returns_to[16];
static const void *returns;

__attribute__((noinline)) static void look_around(int sig, siginfo_t *info, void *context)
{
	returns = __builtin_return_address(0);
	memcpy(returns_to, returns, 9);
	seen.rsp = (uint64_t)__builtin_frame_address(0);
	seen.local = (uint64_t)context - seen.rsp;
	seen.addr = (uint64_t)info - (uint64_t)context;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

uint32_t handler_eax;
void look_at_eax(int sig, siginfo_t *info, void *context);

__asm__(".text\n"
	".type look_at_eax, @function\n"
	"look_at_eax:\n"
	"endbr64\n"
	"mov %eax, handler_eax(%rip)\n"
	"movq $0, (%rsi)\n"
	"lea fault_load_end(%rip), %rax\n"
	"mov %rax, 168(%rdx)\n" /* gregs[REG_RIP] */
	"ret\n");

/* A handler may be variadic: no vector registers hold arguments. */
static void eax_is_zero(void)
{
	install(look_at_eax, SA_SIGINFO);
	for (int i = 0; i < 3; i++) {
		handler_eax = 99;
		fault_load(NULL);
		say("eax %u", handler_eax);
		jit_step();
	}
}

/* It returns to the restorer that the program has named. */
static void own_restorer(void)
{
	struct kernel_action ka = {look_around, KERNEL_RESTORER | SA_SIGINFO, raw_restore, 0};

	say("%ld", raw(SYS_rt_sigaction, SIGSEGV, (long)&ka, 0, 8));
	ready();
	fault_load(NULL);
	say("its own %d", returns == (const void *)raw_restore);
	raw(SYS_rt_sigaction, SIGSEGV, 0, (long)&ka, 8);
	say("as set %d", ka.restorer == raw_restore);
}

/* The frame is the kernel's: what debuggers and unwinders look for is where they look for it. */
static void frame_shape(void)
{
	install(look_around, SA_SIGINFO);
	fault_load(NULL);
	say("frame at %#lx of 16, context %ld behind, information %ld behind that", seen.rsp % 16,
	    (long)seen.local, (long)seen.addr);
	for (int i = 0; i < 9; i++)
		say("returns to %02x", returns_to[i]);
}

static void clean(void *arg)
{
	say("cleaned up");
}

static void leave(int sig, siginfo_t *info, void *context)
{
	pthread_exit((void *)7);
}

static void *faulting(void *arg)
{
	pthread_cleanup_push(clean, NULL);
	fault_load(NULL);
	pthread_cleanup_pop(0);
	return NULL;
}

static void exits_thread(void)
{
	install(leave, SA_SIGINFO);
	on_thread(faulting, NULL);
	jit_step();
	on_thread(faulting, NULL);
	say("mask %#lx", mask_now());
}

static void touch_errno(int sig, siginfo_t *info, void *context)
{
	say("errno %d", errno);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

static void keeps_errno(void)
{
	install(touch_errno, SA_SIGINFO);
	errno = 77;
	fault_load(NULL);
	jit_step();
	say("errno %d", errno);
}

static void fault_ignored(void)
{
	say("was default %d", signal(SIGSEGV, SIG_IGN) == SIG_DFL);
	ready();
	kill(getpid(), SIGSEGV);
	raise(SIGSEGV);
	say("ignored");
	jit_step();
	dies(fault_it);
	fault_load(NULL);
}

static void fault_default(void)
{
	signal(SIGSEGV, SIG_DFL);
	ready();
	dies(fault_it);
	jit_step();
	fault_load(NULL);
}

static void kill_default(void)
{
	ready();
	jit_step();
	kill(getpid(), SIGSEGV);
	say("it lives on");
}

const struct signals_case signals_handler_cases[] = {
	{"handler_mask_honoured", mask_honoured},
	{"handler_mask_defers", mask_defers},
	{"handler_nodefer", nodefer},
	{"handler_nested_kills", nested_kills},
	{"handler_nested_kills_directly", nested_kills_directly},
	{"handler_unblocked_inside", unblocked_inside},
	{"handler_resethand", resethand},
	{"handler_resethand_sent", resethand_sent},
	{"handler_old_style", old_style},
	{"handler_changed_context", changed_context},
	{"handler_changed_mask_blocks", changed_mask_blocks},
	{"handler_siglongjmp", siglongjmp_out},
	{"handler_longjmp", longjmp_out},
	{"handler_longjmp_nodefer", longjmp_out_nodefer},
	{"handler_replaces_itself", replaces_itself},
	{"handler_gives_up", gives_up},
	{"handler_gives_up_raising", gives_up_raising},
	{"handler_repairs", repairs},
	{"handler_is_jit", jit_handler},
	{"handler_is_jit_usr1", jit_handler_usr1},
	{"handler_backtrace", backtraced},
	{"handler_frame_shape", frame_shape},
	{"handler_eax_is_zero", eax_is_zero},
	{"handler_own_restorer", own_restorer},
	{"handler_exits_thread", exits_thread},
	{"handler_keeps_errno", keeps_errno},
	{"handler_ignored", fault_ignored},
	{"handler_default", fault_default},
	{"handler_default_sent", kill_default},
	{NULL, NULL},
};
