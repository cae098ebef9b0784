/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * A handler that notes what it is told, the faults it is told of, and the masks around it. Apart
 * from the cases, which only differ in what they cause.
 */

struct seen seen;
void *seen_resume;

uint64_t mask_of(const sigset_t *set)
{
	uint64_t mask;

	memcpy(&mask, set, sizeof(mask));
	return mask;
}

/* The mask of the calling thread, as the program is told it. */
uint64_t mask_now(void)
{
	sigset_t set;

	memset(&set, 0, sizeof(set));
	return sigprocmask(SIG_BLOCK, NULL, &set) ? ~0ul : mask_of(&set);
}

void mask_set(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(how, &set, NULL);
}

/* All signals but the one that ends a case that hangs. */
void mask_fill(sigset_t *setp)
{
	sigfillset(setp);
	sigdelset(setp, SIGALRM);
}

void seen_note(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	const greg_t *g = uc->uc_mcontext.gregs;
	int local;

	seen.n++;
	seen.sig = sig;
	seen.code = info->si_code;
	seen.err = info->si_errno;
	seen.addr = (uint64_t)info->si_addr;
	seen.rip = g[REG_RIP];
	seen.rsp = g[REG_RSP];
	seen.cr2 = g[REG_CR2];
	seen.trapno = g[REG_TRAPNO];
	seen.error = g[REG_ERR];
	seen.flags = g[REG_EFL];
	seen.mask = mask_of(&uc->uc_sigmask);
	seen.mask_inside = mask_now();
	seen.local = (uint64_t)&local;
	seen.info = *info;
	seen.uc = *uc;
	if (seen_resume)
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)seen_resume;
}

/* seen_note as the action for the signal; the program is ready then. */
void seen_install(int sig, int flags)
{
	struct sigaction sa = {.sa_sigaction = seen_note, .sa_flags = flags | SA_SIGINFO};

	if (sigaction(sig, &sa, NULL))
		say("sigaction: %s", strerrorname_np(errno));
	ready();
}

static const char *relative(uint64_t value, const void *to)
{
	return value == (uint64_t)to ? "as expected" : value ? "elsewhere" : "0";
}

/* Everything noted since the last time, addresses in comparison with what is expected. */
void seen_say(const void *rip, const void *addr)
{
	say("handler ran %d times: signal %d code %d errno %d", seen.n, seen.sig, seen.code,
	    seen.err);
	say("address %s, rip %s, trap %lu, error %#lx", relative(seen.addr, addr),
	    relative(seen.rip, rip), seen.trapno, seen.error & 0x17);
	if (seen.trapno == 14)
		say("cr2 %s", relative(seen.cr2, addr));
	say("flags %#lx, mask of before %#lx, inside %#lx", seen.flags & 0x40000, seen.mask,
	    seen.mask_inside);
	say("uc_flags %#lx, link %p, stack %s, fpregs %s", seen.uc.uc_flags, seen.uc.uc_link,
	    seen.uc.uc_stack.ss_flags & SS_DISABLE ? "none" : "some",
	    seen.uc.uc_mcontext.fpregs ? "some" : "none");
	say("segments %#llx, old mask %#llx", seen.uc.uc_mcontext.gregs[REG_CSGSFS],
	    seen.uc.uc_mcontext.gregs[REG_OLDMASK]);
	memset(&seen, 0, sizeof(seen));
}

/* Each: the instruction at a label, and a label to go on at. Returns what it loaded, or 77. */
static uint64_t fault_kept __attribute__((used));

#define FAULT(name, before, insn, after)                                            \
	__asm__(".text\n"                                                           \
		".globl fault_" #name ", fault_" #name "_at, fault_" #name "_end\n" \
		".type fault_" #name ", @function\n"                                \
		"fault_" #name ":\n"                                                \
		".cfi_startproc\n"                                                  \
		"endbr64\n"                                                         \
		"mov $77, %eax\n" before "fault_" #name "_at:\n" insn "\n"          \
		"fault_" #name "_end:\n" after "ret\n"                              \
		".cfi_endproc\n"                                                    \
		".size fault_" #name ", . - fault_" #name "\n")

FAULT(load, "", "mov (%rdi), %eax", "");
FAULT(store, "", "movb $1, (%rdi)", "");
/* Goes on behind the call with the stack as the call has left it, so keep it somewhere else. */
FAULT(exec, "mov %rsp, fault_kept(%rip)\n", "call *%rdi", "mov fault_kept(%rip), %rsp\n");
FAULT(hlt, "", "hlt", "");
FAULT(int20, "", "int $0x20", "");
/* An address no table can map, through the stack segment: #SS. */
FAULT(stack, "push %rbp\nmov %rdi, %rbp\n", "mov (%rbp), %eax", "pop %rbp\n");
FAULT(align, "pushfq\norl $0x40000, (%rsp)\npopfq\n", "mov (%rdi), %eax",
      "pushfq\nandl $~0x40000, (%rsp)\npopfq\n");

__asm__(".text\n"
	".globl raw_restore\n"
	"raw_restore: mov $15, %rax\n"
	"syscall\n");

/* A system call by an instruction of the program's own; -errno. */
long raw(long nr, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long r = nr;

	__asm__ volatile("syscall"
			 : "+a"(r)
			 : "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return r;
}
