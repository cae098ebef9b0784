/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a handler is told: of faults of every kind, and of signals that somebody sent. */

#define PAGE         4096ul
#define NONCANONICAL ((void *)(1ul << 62))

static char *page(int prot)
{
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		say("mmap: %s", strerrorname_np(errno)), _exit(8);
	memset(p, 0xc3, PAGE);
	mprotect(p, PAGE, prot);
	return p;
}

/* Three times, with code written and run between. */
#define TELL(name, addr, rip)                                   \
	do {                                                    \
		seen_resume = fault_##name##_end;               \
		for (int told = 0; told < 3; told++) {          \
			say(#name ": %ld", fault_##name(addr)); \
			seen_say(rip, addr);                    \
			jit_step();                             \
		}                                               \
	} while (0)

static void load_null(void)
{
	seen_install(SIGSEGV, 0);
	TELL(load, NULL, fault_load_at);
}

static void store_null(void)
{
	seen_install(SIGSEGV, 0);
	TELL(store, (char *)16, fault_store_at);
}

static void load_none(void)
{
	char *p = page(PROT_NONE);

	seen_install(SIGSEGV, 0);
	TELL(load, p + 100, fault_load_at);
	TELL(store, p + 100, fault_store_at);
}

static void store_read_only(void)
{
	char *p = page(PROT_READ);

	seen_install(SIGSEGV, 0);
	TELL(store, p + PAGE - 1, fault_store_at);
	say("it holds %d", p[PAGE - 1]);
}

static void exec_null(void)
{
	seen_install(SIGSEGV, 0);
	TELL(exec, NULL, NULL);
}

static void exec_data(void)
{
	char *p = page(PROT_READ | PROT_WRITE);

	seen_install(SIGSEGV, 0);
	TELL(exec, p + 64, p + 64);
	say("it holds %d", p[64]);
}

/* No address is told with these: si_addr is 0. */
static void noncanonical(void)
{
	seen_install(SIGSEGV, 0);
	seen_resume = fault_load_end;
	fault_load(NONCANONICAL);
	seen_say(fault_load_at, NONCANONICAL);
	jit_step();
	seen_resume = fault_store_end;
	fault_store(NONCANONICAL);
	seen_say(fault_store_at, NONCANONICAL);
	jit_step();
	seen_resume = fault_exec_end;
	fault_exec(NONCANONICAL);
	seen_say(fault_exec_at, NONCANONICAL);
}

static void privileged(void)
{
	seen_install(SIGSEGV, 0);
	TELL(hlt, NULL, fault_hlt_at);
	seen_resume = fault_int20_end;
	fault_int20(NULL);
	say("error %#lx", seen.error);
	seen_say(fault_int20_at, NULL);
}

static void say_sender(void)
{
	say("from this process %d, this user %d, value %d", seen.info.si_pid == getpid(),
	    seen.info.si_uid == getuid(), seen.info.si_code == SI_QUEUE ? seen.info.si_int : 0);
	memset(&seen.info, 0, sizeof(seen.info));
	say("handler ran %d times: signal %d code %d errno %d, masks %#lx %#lx", seen.n, seen.sig,
	    seen.code, seen.err, seen.mask, seen.mask_inside);
	seen.n = 0;
	jit_step();
}

/* The same for SIGBUS and SIGUSR1, for which nobody keeps a handler. */
static void sent(int sig)
{
	const union sigval value = {.sival_int = 4711};
	siginfo_t info = {.si_signo = sig, .si_code = SI_QUEUE};

	seen_install(sig, 0);
	kill(getpid(), sig);
	say_sender();
	raise(sig);
	say_sender();
	sigqueue(getpid(), sig, value);
	say_sender();
	syscall(SYS_tgkill, getpid(), gettid(), sig);
	say_sender();
	raw(SYS_kill, getpid(), sig, 0, 0);
	say_sender();
	info.si_errno = 5;
	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_int = 99;
	syscall(SYS_rt_sigqueueinfo, getpid(), sig, &info);
	say_sender();
}

static void sent_segv(void)
{
	sent(SIGSEGV);
}

static void sent_others(void)
{
	sent(SIGBUS);
	sent(SIGUSR1);
}

/* A sender may call it what he likes: a fault it is not. */
static void send_as_fault(int code, void *address)
{
	siginfo_t info;

	memset(&info, 0, sizeof(info));
	info.si_signo = SIGSEGV;
	info.si_code = code;
	info.si_addr = address;
	say("%ld", raw(SYS_rt_sigqueueinfo, getpid(), SIGSEGV, (long)&info, 0));
	say("handler ran %d times: code %d, address %d", seen.n, seen.code,
	    seen.addr == (uint64_t)address);
	seen.n = 0;
	jit_step();
}

static void sent_as_fault(void)
{
	seen_install(SIGSEGV, 0);
	send_as_fault(SEGV_MAPERR, jit_page);
	send_as_fault(SEGV_ACCERR, &seen);
	send_as_fault(SI_KERNEL, jit_page);
	send_as_fault(-77, jit_page);
}

/* Of code that was written and has run, in words that only the kernel should use. */
static void sent_as_flip(void)
{
	seen_install(SIGSEGV, 0);
	send_as_fault(SEGV_ACCERR, jit_page);
}

static char *truncated(void)
{
	int fd = memfd_create("bus", 0);
	char *p;

	if (fd < 0 || ftruncate(fd, PAGE))
		say("memfd: %s", strerrorname_np(errno));
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p[0] = 1;
	if (ftruncate(fd, 0))
		say("ftruncate: %s", strerrorname_np(errno));
	close(fd);
	return p;
}

static void bus_truncated(void)
{
	char *p = truncated();

	seen_install(SIGBUS, 0);
	TELL(load, p + 8, fault_load_at);
	TELL(store, p + 8, fault_store_at);
}

static void bus_stack_segment(void)
{
	seen_install(SIGBUS, 0);
	TELL(stack, NONCANONICAL, fault_stack_at);
}

/* Handlers run with alignment checks on; the rest of this one would not survive them. */
static void unaligned(int sig, siginfo_t *info, void *context)
{
	__asm__ volatile("pushfq; andl $~0x40000, (%%rsp); popfq" ::: "memory", "cc");
	seen_note(sig, info, context);
}

static void bus_alignment(void)
{
	static uint64_t data[2];

	struct sigaction sa = {.sa_sigaction = unaligned, .sa_flags = SA_SIGINFO};

	sigaction(SIGBUS, &sa, NULL);
	ready();
	TELL(align, (char *)data + 1, fault_align_at);
}

/* One handler for both, installed with both in its mask. */
static void bus_and_segv(void)
{
	struct sigaction sa = {.sa_sigaction = seen_note, .sa_flags = SA_SIGINFO};
	char *p = truncated();

	sigaddset(&sa.sa_mask, SIGBUS);
	sigaddset(&sa.sa_mask, SIGSEGV);
	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	TELL(load, p, fault_load_at);
	TELL(load, NULL, fault_load_at);
}

/* Code that was written at run time faults itself. */
static void jit_faults(void)
{
	static const unsigned char load[] = {0x8b, 0x07, 0xc3};      /* mov (%rdi),%eax; ret */
	static const unsigned char hlt[] = {0x90, 0xf4, 0x90, 0xc3}; /* nop; hlt; nop; ret */

	seen_install(SIGSEGV, 0);
	for (int i = 0; jit_page && i < 3; i++) {
		jit_load(load, sizeof(load));
		seen_resume = jit_page + 2;
		((void (*)(void *))jit_page)(NULL);
		seen_say(jit_page, NULL);
		((void (*)(void *))jit_page)(jit_page + 2 * PAGE - 4);
		jit_load(hlt, sizeof(hlt));
		((void (*)(void))jit_page)();
		seen_say(jit_page + 1, NULL);
	}
}

/* What the program itself takes away from such memory is missing. */
static void jit_protected(void)
{
	seen_install(SIGSEGV, 0);
	for (int i = 0; jit_page && i < 2; i++) {
		mprotect(jit_page, PAGE, PROT_READ | PROT_EXEC);
		seen_resume = fault_store_end;
		fault_store(jit_page + 64);
		seen_say(fault_store_at, jit_page + 64);
		mprotect(jit_page, PAGE, PROT_READ | PROT_WRITE);
		jit_load("\xc3", 1);
		seen_resume = fault_exec_end;
		fault_exec(jit_page);
		seen_say(jit_page, jit_page);
		mprotect(jit_page, PAGE, PROT_NONE);
		seen_resume = fault_load_end;
		fault_load(jit_page);
		seen_say(fault_load_at, jit_page);
		mprotect(jit_page, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
		jit_step();
	}
}
#undef TELL

const struct signals_case signals_fault_cases[] = {
	{"fault_load_null", load_null},
	{"fault_store_null", store_null},
	{"fault_load_none", load_none},
	{"fault_store_read_only", store_read_only},
	{"fault_exec_null", exec_null},
	{"fault_exec_data", exec_data},
	{"fault_noncanonical", noncanonical},
	{"fault_privileged", privileged},
	{"fault_sent_segv", sent_segv},
	{"fault_sent_others", sent_others},
	{"fault_sent_as_fault", sent_as_fault},
	{"fault_sent_as_flip", sent_as_flip},
	{"fault_bus_truncated", bus_truncated},
	{"fault_bus_stack_segment", bus_stack_segment},
	{"fault_bus_alignment", bus_alignment},
	{"fault_bus_and_segv", bus_and_segv},
	{"fault_jit_faults", jit_faults},
	{"fault_jit_protected", jit_protected},
	{NULL, NULL},
};
