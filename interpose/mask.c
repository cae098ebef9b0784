/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/mask.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include "interpose/chain.h"
#include "interpose/gate.h"
#include "interpose/sigmask.h"
#include "interpose/wrap.h"
#include "interpose/forbid.h"

/*
 * The names by which programs set the action of SIGSEGV, and block it: for a thread, while a
 * handler runs, or while they wait. The action is kept by chain.c; the signal stays open for flip
 * in the kernel, and reads back as the program set it. Only in processes with memory that flip
 * manages; in others, and for all else, these are libc's.
 *
 * What has no wrapper sets the action all the same, by a longer way (chain.c), but can block the
 * signal in earnest: contexts (setcontext, and what a handler writes into its own), and libc by
 * itself.
 *
 * Context: as the functions themselves.
 */

#define NEXT(name) ((__typeof__(&name))state()->next[NEXT_##name])
#define KERNEL_SET 8 /* bytes of a mask, for the kernel */

static int missing(void)
{
	*__errno_location() = ENOSYS;
	return -1;
}

/* The first word of a sigset_t is the kernel's whole mask (glibc and musl, x86-64). */
static uint64_t word(const sigset_t *set)
{
	return *(const uint64_t *)set;
}

static void set_word(sigset_t *set, uint64_t mask)
{
	*(uint64_t *)set = mask;
}

/* ---- actions -------------------------------------------------------------------------------- */

static int action_of_segv(const struct sigaction *new, struct sigaction *old)
{
	struct chain_action a, was;
	long r;

	if (new)
		a = (struct chain_action){
			.handler = (uint64_t) new->sa_handler,
			.flags = (uint32_t) new->sa_flags | CHAIN_RESTORER,
			.restorer = (uint64_t)chain_restorer,
			.mask = word(&new->sa_mask),
		};
	r = chain_sigaction(new ? &a : NULL, &was);
	if (r) {
		*__errno_location() = (int)-r;
		return -1;
	}
	if (!old)
		return 0;
	memset(old, 0, sizeof(*old));
	old->sa_handler = (void (*)(int))was.handler;
	old->sa_flags = (int)was.flags;
	old->sa_restorer = (void (*)(void))was.restorer;
	set_word(&old->sa_mask, was.mask);
	return 0;
}

EXPORT int sigaction(int sig, const struct sigaction *new, struct sigaction *old)
{
	struct sigaction a;
	uint64_t known, mask;
	int r;

	if (!NEXT(sigaction))
		return missing();
	if (!chain_is_active())
		return NEXT(sigaction)(sig, new, old);
	if (sig == SIGSEGV)
		return action_of_segv(new, old);
	known = sigmask_action_known(sig);
	if (new) {
		a = *new;
		mask = word(&a.sa_mask);
		sigmask_action_in(sig, &mask);
		set_word(&a.sa_mask, mask);
	}
	r = NEXT(sigaction)(sig, new ? &a : NULL, old);
	if (!r && old)
		set_word(&old->sa_mask, sigmask_action_out(known, word(&old->sa_mask)));
	return r;
}

/* BSD's, as glibc and musl have it; signal(3) of other signals sets no mask that names SIGSEGV. */
EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
	struct sigaction a = {.sa_flags = SA_RESTART}, old;

	if (!NEXT(signal)) {
		missing();
		return SIG_ERR;
	}
	if (sig != SIGSEGV || !chain_is_active() || handler == SIG_ERR)
		return NEXT(signal)(sig, handler);
	a.sa_handler = handler;
	set_word(&a.sa_mask, 1ull << (SIGSEGV - 1));
	return action_of_segv(&a, &old) ? SIG_ERR : old.sa_handler;
}

/* rt_sigaction(2) by syscall(3). Return: as the kernel. */
long mask_rt_sigaction(int sig, const void *new, void *old, size_t size)
{
	struct chain_action a;
	uint64_t known;
	long r;

	if (!chain_is_active() || size != KERNEL_SET)
		return sys_raw6(SYS_rt_sigaction, sig, (long)new, (long)old, (long)size, 0, 0);
	if (sig == SIGSEGV)
		return chain_sigaction_raw(new, old, size);
	known = sigmask_action_known(sig);
	if (new &&chain_copy(&a, new, sizeof(a)))
		return -EFAULT;
	if (new)
		sigmask_action_in(sig, &a.mask);
	r = sys_raw6(SYS_rt_sigaction, sig, new ? (long)&a : 0, (long)old, (long)size, 0, 0);
	if (!r && old)
		((struct chain_action *)old)->mask =
			sigmask_action_out(known, ((struct chain_action *)old)->mask);
	return r;
}

/* ---- masks ---------------------------------------------------------------------------------- */

/* What `how` is to do to the kernel's mask. To unblock is to unblock the mark, and the signal
 * itself as it may be from before. */
static uint64_t change_in(int how, uint64_t mask)
{
	uint64_t in = sigmask_in(mask);

	return how == SIG_UNBLOCK ? in | (mask & 1ull << (SIGSEGV - 1)) : in;
}

/* rt_sigprocmask(2) by syscall(3). Return: as the kernel. */
long mask_rt_sigprocmask(int how, const void *new, void *old, size_t size)
{
	uint64_t mask;
	long r;

	if (!chain_is_active() || size != KERNEL_SET)
		return sys_raw6(SYS_rt_sigprocmask, how, (long)new, (long)old, (long)size, 0, 0);
	if (new &&chain_copy(&mask, new, sizeof(mask)))
		return -EFAULT;
	mask = new ? change_in(how, mask) : 0;
	r = sys_raw6(SYS_rt_sigprocmask, how, new ? (long)&mask : 0, (long)old, (long)size, 0, 0);
	if (!r && old)
		*(uint64_t *)old = sigmask_out(*(uint64_t *)old);
	return r;
}

typedef int (*mask_fn)(int, const sigset_t *, sigset_t *);

static int change(mask_fn next, int how, const sigset_t *set, sigset_t *old)
{
	sigset_t in;
	int r;

	if (!chain_is_active())
		return next(how, set, old);
	if (set) {
		in = *set;
		set_word(&in, change_in(how, word(set)));
	}
	r = next(how, set ? &in : NULL, old);
	if (!r && old)
		set_word(old, sigmask_out(word(old)));
	return r;
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return NEXT(sigprocmask) ? change(NEXT(sigprocmask), how, set, old) : missing();
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	return NEXT(pthread_sigmask) ? change(NEXT(pthread_sigmask), how, set, old) : ENOSYS;
}

/* ---- masks for the time of a wait, and of threads to come ------------------------------------ */

/* The program's set, or a copy of it for the kernel in *in. */
static const sigset_t *set_in(const sigset_t *set, sigset_t *in)
{
	if (!set || !chain_is_active())
		return set;
	*in = *set;
	set_word(in, sigmask_in(word(set)));
	return in;
}

EXPORT int sigsuspend(const sigset_t *set)
{
	sigset_t in;

	return NEXT(sigsuspend) ? NEXT(sigsuspend)(set_in(set, &in)) : missing();
}

EXPORT int ppoll(struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *set)
{
	sigset_t in;

	return NEXT(ppoll) ? NEXT(ppoll)(p, n, t, set_in(set, &in)) : missing();
}

int __ppoll_chk(struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *set,
		size_t room);

/* As _FORTIFY_SOURCE has it. */
EXPORT int __ppoll_chk(struct pollfd *p, nfds_t n, const struct timespec *t, const sigset_t *set,
		       size_t room)
{
	sigset_t in;

	return NEXT(__ppoll_chk) ? NEXT(__ppoll_chk)(p, n, t, set_in(set, &in), room) : missing();
}

EXPORT int pselect(int n, fd_set *restrict r, fd_set *restrict w, fd_set *restrict x,
		   const struct timespec *restrict t, const sigset_t *restrict set)
{
	sigset_t in;

	return NEXT(pselect) ? NEXT(pselect)(n, r, w, x, t, set_in(set, &in)) : missing();
}

EXPORT int epoll_pwait(int fd, struct epoll_event *e, int n, int ms, const sigset_t *set)
{
	sigset_t in;

	return NEXT(epoll_pwait) ? NEXT(epoll_pwait)(fd, e, n, ms, set_in(set, &in)) : missing();
}

EXPORT int epoll_pwait2(int fd, struct epoll_event *e, int n, const struct timespec *t,
			const sigset_t *set)
{
	sigset_t in;

	return NEXT(epoll_pwait2) ? NEXT(epoll_pwait2)(fd, e, n, t, set_in(set, &in)) : missing();
}

EXPORT int pthread_attr_setsigmask_np(pthread_attr_t *attr, const sigset_t *set)
{
	sigset_t in;

	return NEXT(pthread_attr_setsigmask_np)
		       ? NEXT(pthread_attr_setsigmask_np)(attr, set_in(set, &in))
		       : ENOSYS;
}
