/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/inside.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include "tests/cookie/claims.h"

/*
 * What happens in the middle of a call, where a test wants it and not by chance: a signal, or an
 * error of the kernel's. Separate for its trick, which is said in inside.h.
 */

#define BY_FILTER 1 /* SYS_SECCOMP, which not every libc has */

static void (*to_run)(void);

static void trapped(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	if (to_run)
		to_run();
	to_run = NULL;
	if (info->si_code == BY_FILTER)
		u->uc_mcontext.gregs[REG_RAX] = -ENOMEM;
}

static void filter(int nr, unsigned action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {COUNT(code), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		claims_broken("a filter");
}

void kernel_says(int nr, int error)
{
	filter(nr, SECCOMP_RET_ERRNO | (unsigned)error);
}

static void prepare(void (*fn)(void))
{
	struct sigaction act = {.sa_sigaction = trapped, .sa_flags = SA_SIGINFO};

	to_run = fn;
	sigaction(SIGSYS, &act, NULL);
}

int inside_run(void (*fn)(void))
{
	cm_t c = region_new(PAGE, RW, 0);

	prepare(fn);
	filter(SYS_mprotect, SECCOMP_RET_TRAP);
	errno = 0;
	cmprotect(c, 0, PAGE, R);
	return errno;
}

int outside_run(void (*fn)(void))
{
	prepare(fn);
	return raise(SIGSYS);
}
