/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/chain.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "interpose/arena.h"
#include "interpose/fault.h"
#include "interpose/flip.h"
#include "interpose/gate.h"
#include "interpose/mm.h"
#include "interpose/sigmask.h"
#include "interpose/forbid.h"

/*
 * One handler of SIGSEGV for two: flip's faults are served, every other signal goes to the action
 * that the program believes to be installed, as the kernel would have brought it.
 *
 * The program's action is kept here. Whatever sets or asks it ends in rt_sigaction(2); in a process
 * that has this handler the filter hands that call to the supervisor, which does not make it, but
 * sends the thread a SIGSEGV that says so (CHAIN_CODE). It arrives before the call's next
 * instruction, and is served from the call's registers. So it does not matter who called, and how.
 *
 * The frame that the kernel has built for us is the one the program's handler gets, unless that
 * would have lain on another stack: ours takes the alternate one whenever there is one, because the
 * fault may be the stack's own.
 *
 * SIGSEGV itself is never blocked in the kernel, but for a mark in its place (sigmask.c). A genuine
 * fault in a thread with that mark ends the process, as it would have.
 *
 * In a vfork child the memory is the parent's and the actions are not. It is known by a page that
 * fork children get zeroed and vfork children share: it holds the number of the process whose it
 * is.
 *
 * Source: Linux 6.18 kernel/signal.c (force_sig_info_to_task(), get_signal()), arch/x86/kernel/
 * signal_64.c (x64_setup_rt_frame()), signal(7), sigaltstack(2).
 *
 * Context: the handler runs with all but the synchronous signals blocked and may fault itself.
 */

#define BIT(sig) SIGMASK_BIT(sig)
#define SEGV     BIT(SIGSEGV)
#define MARK     SIGMASK_MARK
#define SYNCHRONOUS \
	(BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGTRAP) | BIT(SIGSYS))
#define RESTORER  CHAIN_RESTORER
#define N_SIGNALS 64
#define N_PLACES  64

#define FRAME_UC   304 /* the kernel's struct ucontext; libc's is longer */
#define FRAME_INFO 128
#define RED_ZONE   128
#define FX_MAGIC   0x46505853u /* FP_XSTATE_MAGIC1: the length that follows it counts */
#define FETCH      16          /* of a page fault's error code: Intel SDM volume 3 */
#define DEEPEST    1024        /* bytes of stack that serving a fault takes */
#define NOWHERE    (-CM_PAGE)  /* the kernel's */
#define AUTODISARM (1u << 31)  /* SS_AUTODISARM, linux/signal.h */
#define NO_FLAGS   0x10500     /* RF, DF and TF, which a handler is entered without */

static struct {
	uint64_t n_set, current; /* of the program's actions of SIGSEGV; 0: the default */
	struct {
		uint64_t n; /* which of them it is */
		struct chain_action action;
	} place[N_PLACES];
	uint32_t *owner; /* in the page that fork children get zeroed */
} chain;

static long sigaction_raw(int sig, const struct chain_action *new, struct chain_action *old)
{
	long r;

	do {
		r = sys_raw6(SYS_rt_sigaction, sig, (long)new, (long)old, 8, 0, 0);
	} while (r == -EINTR);
	return r;
}

static long mask_raw(int how, const uint64_t *new, uint64_t *old)
{
	return sys_raw6(SYS_rt_sigprocmask, how, (long)new, (long)old, 8, 0, 0);
}

bool chain_is_active(void)
{
	return flip_is_active();
}

/*
 * The program's action, as set last. Nobody waits for a writer, which a handler may have
 * interrupted or a fork left behind: a reader that finds the place of what was current in other use
 * has been overtaken by as many writers as there are places, and looks again for what is current
 * now.
 */
static struct chain_action action_get(void)
{
	struct chain_action a;
	uint64_t n;

	do {
		/* pairs with the release of the exchange in action_set() */
		n = __atomic_load_n(&chain.current, __ATOMIC_ACQUIRE);
		a = chain.place[n % N_PLACES].action;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (__atomic_load_n(&chain.place[n % N_PLACES].n, __ATOMIC_RELAXED) != n);
	return a;
}

/* Writers take a place each; of several at once the one that took its place last stays. */
static void action_set(const struct chain_action *a)
{
	uint64_t n = __atomic_add_fetch(&chain.n_set, 1, __ATOMIC_RELAXED), now;

	__atomic_store_n(&chain.place[n % N_PLACES].n, UINT64_MAX, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE);
	chain.place[n % N_PLACES].action = *a;
	__atomic_store_n(&chain.place[n % N_PLACES].n, n, __ATOMIC_RELEASE);
	now = __atomic_load_n(&chain.current, __ATOMIC_RELAXED);
	while (now < n && !__atomic_compare_exchange_n(&chain.current, &now, n, false,
						       __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

static struct chain_action own_action(uint64_t program_flags)
{
	return (struct chain_action){
		.handler = (uint64_t)chain_handler,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | RESTORER |
			 (program_flags & SA_RESTART),
		.restorer = (uint64_t)chain_restorer,
		.mask = ~SYNCHRONOUS,
	};
}

/* ---- delivery ------------------------------------------------------------------------------- */

static uint64_t context_mask(const ucontext_t *uc)
{
	uint64_t mask;

	memcpy(&mask, &uc->uc_sigmask, sizeof(mask));
	return mask;
}

static void context_set_mask(ucontext_t *uc, uint64_t mask)
{
	memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
}

/*
 * Ends the process by SIGSEGV when the handler returns: a fault is fatal where the signal is
 * blocked, and what has faulted does so again. Where it was sent nothing happens again by itself; a
 * frame that cannot be restored does, after mask and registers have been (Linux 6.18
 * arch/x86/kernel/signal_64.c, rt_sigreturn()).
 */
static void die(const siginfo_t *info, ucontext_t *uc)
{
	context_set_mask(uc, context_mask(uc) | SEGV);
	if (info->si_code <= 0)
		uc->uc_mcontext.fpregs = (fpregset_t)NOWHERE;
}

static uint64_t fpu_len(const ucontext_t *uc)
{
	const uint32_t *software = (const uint32_t *)uc->uc_mcontext.fpregs + 464 / 4;

	return software[0] == FX_MAGIC ? software[1] : 512;
}

/* Copies the frame below `top`, as the kernel lays it out. Return: the address of the copy. */
static uint64_t frame_copy(uint64_t top, siginfo_t *info, ucontext_t *uc)
{
	uint64_t fpu = 0, len = uc->uc_mcontext.fpregs ? fpu_len(uc) : 0, at;

	if (len) {
		fpu = (top - len) & ~63ull;
		top = fpu;
	}
	at = ((top - 8 - FRAME_UC - FRAME_INFO) & ~15ull) - 8;
	if ((len && chain_copy((void *)fpu, uc->uc_mcontext.fpregs, len)) ||
	    chain_copy((void *)(at + 8), uc, FRAME_UC) ||
	    chain_copy((void *)(at + 8 + FRAME_UC), info, FRAME_INFO))
		return 0;
	if (len)
		((ucontext_t *)(at + 8))->uc_mcontext.fpregs = (fpregset_t)fpu;
	return at;
}

static bool is_on_altstack(const ucontext_t *uc)
{
	uint64_t rsp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];
	uint64_t base = (uint64_t)uc->uc_stack.ss_sp;

	return rsp > base && rsp - base <= uc->uc_stack.ss_size;
}

/* The frame that the kernel would have built for this action: 0 where it could not have. */
static uint64_t frame_for(const struct chain_action *a, siginfo_t *info, ucontext_t *uc)
{
	if (a->flags & SA_ONSTACK || uc->uc_stack.ss_flags & SS_DISABLE || !uc->uc_stack.ss_size ||
	    is_on_altstack(uc))
		return (uint64_t)uc - 8;
	return frame_copy((uint64_t)uc->uc_mcontext.gregs[REG_RSP] - RED_ZONE, info, uc);
}

/* The kernel's struct ucontext, in a libc's that has room for more. */
union context {
	ucontext_t uc;
	unsigned char bytes[FRAME_UC];
};

/* The context that the kernel would have entered the handler with, its frame at `at`. */
static void entry_fill(union context *ep, int sig, const ucontext_t *uc, uint64_t at,
		       const struct chain_action *a)
{
	greg_t *regs = ep->uc.uc_mcontext.gregs;

	memcpy(ep->bytes, uc, sizeof(ep->bytes));
	regs[REG_RDI] = sig;
	regs[REG_RSI] = (greg_t)(at + 8 + FRAME_UC);
	regs[REG_RDX] = (greg_t)(at + 8);
	regs[REG_RAX] = 0;
	regs[REG_RSP] = (greg_t)at;
	regs[REG_RIP] = (greg_t)a->handler;
	regs[REG_EFL] &= ~(greg_t)NO_FLAGS;
	ep->uc.uc_mcontext.fpregs = NULL; /* as new */
	if (ep->uc.uc_stack.ss_flags & AUTODISARM)
		ep->uc.uc_stack.ss_flags = SS_DISABLE;
}

/*
 * Enters the program's handler by rt_sigreturn(2), which sets mask and registers at once, and which
 * no filter can forbid that lets handlers return.
 */
static _Noreturn void enter(const union context *e)
{
	__asm__ volatile("mov %0, %%rsp\n\t"
			 "jmp chain_restorer"
			 :
			 : "r"(e)
			 : "memory");
	__builtin_unreachable();
}

static void deliver(int sig, siginfo_t *info, ucontext_t *uc)
{
	struct chain_action a = action_get(), reset;
	uint64_t mask = context_mask(uc), at;
	bool sent = info->si_code <= 0;
	union context entry;

	if (a.handler == (uint64_t)SIG_IGN && sent)
		return;
	at = a.handler > 1 && (sent || !(mask & MARK)) ? frame_for(&a, info, uc) : 0;
	if (!at) {
		die(info, uc);
		return;
	}
	if (a.flags & SA_RESETHAND) {
		reset = a;
		reset.handler = (uint64_t)SIG_DFL;
		action_set(&reset);
	}
	*(uint64_t *)at = a.flags & RESTORER ? a.restorer : (uint64_t)chain_restorer;
	entry_fill(&entry, sig, uc, at, &a);
	mask |= a.mask & SEGV || !(a.flags & SA_NODEFER) ? MARK : 0;
	mask |= a.mask & ~(SEGV | MARK);
	context_set_mask(&entry.uc, mask);
	enter(&entry);
}

/* ---- rt_sigaction -------------------------------------------------------------------------- */

/* Whether the actions of this process go with this memory. A fork child takes them over, a vfork
 * child of its does not. */
static bool owns_actions(void)
{
	uint32_t pid = (uint32_t)gate_control(CONTROL_CHAIN, CHAIN_NUMBER, 0, 0, 0, 0);
	uint32_t owner = __atomic_load_n(chain.owner, __ATOMIC_RELAXED);

	if (owner || gate_control(CONTROL_CHAIN, CHAIN_SHARES, 0, 0, 0, 0) == 1)
		return owner == pid;
	return __atomic_compare_exchange_n(chain.owner, &owner, pid, false, __ATOMIC_RELAXED,
					   __ATOMIC_RELAXED) ||
	       owner == pid;
}

/* Nothing is set where a filter of the program's own refuses it. */
static long set_own(const struct chain_action *a)
{
	struct chain_action own = own_action(a->flags);
	long r = sigaction_raw(SIGSEGV, &own, NULL);

	if (!r)
		action_set(a);
	return r;
}

/*
 * rt_sigaction(2) in a vfork child: the parent's memory stays as it is, and the child's actions are
 * changed in the kernel. An action that is inherited over execve is put there when it is asked for.
 */
static long sigaction_of_child(const struct chain_action *new, struct chain_action *oldp)
{
	long r = sigaction_raw(SIGSEGV, NULL, oldp);

	if (r)
		return r;
	if (oldp->handler == (uint64_t)chain_handler) {
		*oldp = action_get();
		if (!new && oldp->handler == (uint64_t)SIG_IGN)
			new = oldp;
	}
	if (!new)
		return 0;
	r = sigaction_raw(SIGSEGV, new, NULL);
	if (!r)
		gate_control(CONTROL_CHAIN, CHAIN_OFF, 0, 0, 0, 0);
	return r;
}

/* What the kernel keeps of an action: it cannot block these, and knows no other flags. */
static void sanitise(struct chain_action *a)
{
	a->mask &= ~(BIT(SIGKILL) | BIT(SIGSTOP));
	a->flags &= SA_NOCLDSTOP | SA_NOCLDWAIT | SA_SIGINFO | SA_ONSTACK | SA_RESTART |
		    SA_NODEFER | SA_RESETHAND | 0x800 /* SA_EXPOSE_TAGBITS */ | RESTORER;
}

/*
 * Sets (unless `new` is NULL) and tells the program's action of SIGSEGV.
 *
 * Context: anywhere, once the chain is active.
 * Return: 0; -errno: a filter of the program's own refuses it, and *oldp may be unwritten.
 */
long chain_sigaction(const struct chain_action *new, struct chain_action *oldp)
{
	struct chain_action a;

	if (new) {
		a = *new;
		sanitise(&a);
	}
	if (!owns_actions())
		return sigaction_of_child(new ? &a : NULL, oldp);
	*oldp = action_get();
	return new ? set_own(&a) : 0;
}

/*
 * rt_sigaction(2) of SIGSEGV with the program's pointers. Context: as chain_sigaction().
 *
 * Return: 0, -EINVAL, -EFAULT, or what a filter of the program's own has for it.
 */
long chain_sigaction_raw(const void *new, void *old, uint64_t size)
{
	struct chain_action a, was;
	long r;

	if (size != 8)
		return -EINVAL;
	if (new &&chain_copy(&a, new, sizeof(a)))
		return -EFAULT;
	r = chain_sigaction(new ? &a : NULL, &was);
	if (r)
		return r;
	return old && chain_copy(old, &was, sizeof(was)) ? -EFAULT : 0;
}

/*
 * A system call that the supervisor has not made, because it is the library's to serve: the thread
 * stands behind it, and its registers are the arguments.
 */
static void serve_call(const siginfo_t *info, greg_t *regs)
{
	const struct module *m;
	struct mm_call c = {.nr = info->si_pid,
			    .arg = {(uint64_t)regs[REG_RDI], (uint64_t)regs[REG_RSI],
				    (uint64_t)regs[REG_RDX], (uint64_t)regs[REG_R10],
				    (uint64_t)regs[REG_R8], (uint64_t)regs[REG_R9]},
			    .caller = (uint64_t)regs[REG_RIP],
			    .direct = true};

	if ((uint64_t)info->si_value.sival_ptr != c.caller)
		return; /* it has been late, and another call's registers are here */
	m = module_find(c.caller);
	if (m && m->name->libc) /* mmap(3) and mprotect(3) push nothing: who called them is next */
		chain_copy(&c.caller, (const void *)regs[REG_RSP], sizeof(c.caller));
	if (c.nr == SYS_rt_sigaction)
		regs[REG_RAX] =
			chain_sigaction_raw((const void *)c.arg[1], (void *)c.arg[2], c.arg[3]);
	else
		regs[REG_RAX] = mm_ruled(&c);
}

/* ---- the handler --------------------------------------------------------------------------- */

static bool was_copying(uint64_t rip)
{
	return rip >= (uint64_t)chain_copy && rip < (uint64_t)chain_copy_end;
}

/*
 * Whether a page that is to be executed holds the stack that we run on: code on a stack. The
 * handler would take it back before it can return, for ever.
 */
static bool is_under_us(const ucontext_t *uc, uint64_t addr)
{
	uint64_t low = page_down((uint64_t)__builtin_frame_address(0) - DEEPEST);
	uint64_t high = (uint64_t)uc + FRAME_UC + FRAME_INFO;
	uint64_t fpu = (uint64_t)uc->uc_mcontext.fpregs;

	if (fpu > high)
		high = fpu + fpu_len(uc);
	return uc->uc_mcontext.gregs[REG_ERR] & FETCH && addr >= low && addr < page_up(high);
}

/*
 * Handles a SIGSEGV. Called by chain_handler() alone; the program's handler is entered from here.
 */
void chain_signal(int sig, siginfo_t *info, ucontext_t *uc)
{
	greg_t *regs = uc->uc_mcontext.gregs;

	if (info->si_code == CHAIN_CODE) {
		serve_call(info, regs);
		return;
	}
	if (info->si_code == SEGV_ACCERR && !is_under_us(uc, (uint64_t)info->si_addr) &&
	    fault_serve(uc, (uint64_t)info->si_addr))
		return;
	if (info->si_code > 0 && was_copying((uint64_t)regs[REG_RIP])) {
		regs[REG_RIP] = (greg_t)chain_copy_failed;
		return;
	}
	deliver(sig, info, uc);
}

/* ---- start --------------------------------------------------------------------------------- */

/* Handlers that were installed before may block SIGSEGV while they run. */
static void correct_masks(void)
{
	struct chain_action a;
	uint64_t mask;

	for (int sig = 1; sig <= N_SIGNALS; sig++) {
		if (sig == SIGSEGV || sigaction_raw(sig, NULL, &a) || a.handler <= 1 ||
		    !(a.mask & SEGV))
			continue;
		sigmask_action_in(sig, &a.mask);
		sigaction_raw(sig, &a, NULL);
	}
	if (!mask_raw(SIG_BLOCK, NULL, &mask) && mask & SEGV) {
		mask = sigmask_in(mask);
		mask_raw(SIG_SETMASK, &mask, NULL);
	}
}

/*
 * What the program has is known before its faults come here. Another thread may set another action
 * until the supervisor keeps the handler in place: then that is the program's.
 *
 * Return: 0; -errno: a filter of the program's own refuses it.
 */
static long install(void)
{
	const uint64_t ours = (uint64_t)chain_handler;
	struct chain_action was, own;
	long r;

	while (!(r = sigaction_raw(SIGSEGV, NULL, &was)) && was.handler != ours) {
		action_set(&was);
		own = own_action(was.flags);
		r = sigaction_raw(SIGSEGV, &own, &was);
		if (r)
			break;
		if (was.handler != ours)
			action_set(&was);
		gate_control(CONTROL_CHAIN, CHAIN_ON, 0, 0, 0, 0);
	}
	return r;
}

/* The page that tells fork children. Return: false: no memory. */
static bool owner_page(void)
{
	uint32_t *none = NULL;
	uint64_t page;

	if (__atomic_load_n(&chain.owner, __ATOMIC_ACQUIRE))
		return true;
	page = arena_pages(CM_PAGE);
	if (!page)
		return false;
	/* a sandbox that forbids this advice (Chromium's) forbids to fork as well */
	gate_call6(SYS_madvise, (long)page, CM_PAGE, MADV_WIPEONFORK, 0, 0, 0);
	__atomic_compare_exchange_n(&chain.owner, &none, (uint32_t *)page, false, __ATOMIC_ACQ_REL,
				    __ATOMIC_RELAXED);
	return true;
}

/*
 * Puts the handler in place, before there is anything for it to serve. Several threads may do it at
 * once, each all of it, and a fork child that finds it half done: nobody waits for anybody. A fork
 * child does it again the first time, since fork(2) copies the actions first and the memory later.
 *
 * These are the only calls outside of the mmap family that are made for a program that has not
 * asked for them, so a filter of its own that came first may refuse them. A fork child of a process
 * that has the handler has it without asking, but for that race.
 *
 * Context: anywhere after the constructor.
 * Return: 0, -ENOMEM, or what the filter refused them with.
 */
int chain_start(void)
{
	long r;

	if (chain_is_active() && __atomic_load_n(chain.owner, __ATOMIC_RELAXED))
		return 0;
	if (!owner_page())
		return -ENOMEM;
	r = install();
	if (r && !chain_is_active())
		return (int)r;
	owns_actions();
	correct_masks();
	attention_set(ATTEND_FLIP);
	return 0;
}

/* ---- exec ---------------------------------------------------------------------------------- */

/*
 * What the next image inherits is what the program believes to have: an ignored SIGSEGV, a blocked
 * one. `savedp` is to be given to chain_after_exec() should the execve fail.
 *
 * Return: whether anything was changed.
 */
bool chain_before_exec(struct chain_action *savedp)
{
	uint64_t mask = 0;

	if (!chain_is_active())
		return false;
	*savedp = (struct chain_action){.handler = action_get().handler};
	if (savedp->handler == (uint64_t)SIG_IGN)
		sigaction_raw(SIGSEGV, &(struct chain_action){.handler = (uint64_t)SIG_IGN}, NULL);
	mask_raw(SIG_BLOCK, NULL, &mask);
	savedp->mask = mask;
	if (mask & MARK) {
		mask = sigmask_out(mask);
		mask_raw(SIG_SETMASK, &mask, NULL);
	}
	return true;
}

/* Undoes chain_before_exec(). */
void chain_after_exec(const struct chain_action *saved)
{
	struct chain_action own = own_action(0);

	if (saved->handler == (uint64_t)SIG_IGN)
		sigaction_raw(SIGSEGV, &own, NULL);
	if (saved->mask & MARK)
		mask_raw(SIG_SETMASK, &saved->mask, NULL);
}
