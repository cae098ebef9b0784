/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/sigmask.h"

#include "interpose/forbid.h"

/*
 * Masks as the program means them, and as the kernel has them. A thread that blocks SIGSEGV is
 * killed by a fault. The program may do so, and flip's faults must come through all the same: so
 * SIGSEGV is never blocked where the library sees the call, and SIGSTKFLT, which Linux never sends,
 * is blocked in its place. It is the memory of what the program wanted, kept by the kernel for each
 * thread, in its frames and in what siglongjmp(3) restores.
 *
 * Context: anywhere; pure, but for the masks of handlers, which are remembered.
 */

#define SEGV      SIGMASK_BIT(SIGSEGV)
#define N_SIGNALS 64

/* What the kernel or libc takes out of a mask: SIGKILL, SIGSTOP, and libc's own two. */
#define UNBLOCKABLE \
	(SIGMASK_BIT(SIGKILL) | SIGMASK_BIT(SIGSTOP) | SIGMASK_BIT(32) | SIGMASK_BIT(33))

static uint64_t masks[N_SIGNALS + 1]; /* sa_mask as the program set it, where it names SIGSEGV */

/* A mask of the program's as the kernel is to have it. Context: anywhere. */
uint64_t sigmask_in(uint64_t mask)
{
	return mask & SEGV ? (mask & ~SEGV) | SIGMASK_MARK : mask & ~SIGMASK_MARK;
}

/* And back. Signals that hardly anybody blocks one by one say that the mask was a full one, which
 * had the mark's own signal in it. */
uint64_t sigmask_out(uint64_t mask)
{
	const uint64_t few = SIGMASK_BIT(SIGXCPU) | SIGMASK_BIT(SIGXFSZ) | SIGMASK_BIT(SIGVTALRM) |
			     SIGMASK_BIT(SIGPROF);
	uint64_t own = (mask & few) == few ? SIGMASK_MARK : 0;

	return (mask & ~SIGMASK_MARK) | (mask & SIGMASK_MARK ? SEGV : 0) | own;
}

/* The same for the mask of another signal's handler, which is remembered as it was. */
void sigmask_action_in(int sig, uint64_t *maskp)
{
	if (sig < 1 || sig > N_SIGNALS)
		return;
	__atomic_store_n(&masks[sig], *maskp & (SEGV | SIGMASK_MARK) ? *maskp : 0,
			 __ATOMIC_RELAXED);
	*maskp = sigmask_in(*maskp);
}

/* What is remembered of it; 0: nothing. Context: anywhere. */
uint64_t sigmask_action_known(int sig)
{
	if (sig < 1 || sig > N_SIGNALS)
		return 0;
	return __atomic_load_n(&masks[sig], __ATOMIC_RELAXED);
}

/* And back: a mask as the kernel has it, with what is remembered. Context: anywhere. */
uint64_t sigmask_action_out(uint64_t known, uint64_t mask)
{
	bool same = !((sigmask_in(known) ^ mask) & ~UNBLOCKABLE);

	return known && same ? (mask & ~(SEGV | SIGMASK_MARK)) | (known & (SEGV | SIGMASK_MARK))
			     : mask;
}
