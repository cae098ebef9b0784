/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the cases of signals_*.c share: a line of output, memory with code in it, a handler that
 * notes all it is told, and the naked system calls. Definitions: signals.c, signals_seen.c.
 */

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ucontext.h>

#define N_ELEMENTS(a) (sizeof(a) / sizeof((a)[0]))

struct signals_case {
	const char *name;
	void (*run)(void);
};

/* One list per file, ended by an empty row. */
extern const struct signals_case signals_action_cases[];
extern const struct signals_case signals_fault_cases[];
extern const struct signals_case signals_handler_cases[];
extern const struct signals_case signals_stack_cases[];
extern const struct signals_case signals_regs_cases[];
extern const struct signals_case signals_mask_cases[];
extern const struct signals_case signals_wait_cases[];
extern const struct signals_case signals_thread_cases[];
extern const struct signals_case signals_child_cases[];

/* signals.c */
extern unsigned char *jit_page;
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_result(const char *what, long r);
void ready(void);
void jit_step(void);
void jit_load(const void *code, size_t n);
void dies(void (*fn)(void));
void on_thread(void *(*fn)(void *), void *arg);

/* What a handler was told and found, from its arguments and from the kernel. */
struct seen {
	int n, sig, code, err;
	uint64_t addr, rip, rsp, cr2, trapno, error, flags, mask, mask_inside, local;
	siginfo_t info;
	ucontext_t uc;
};

/* signals_seen.c */
extern struct seen seen;
extern void *seen_resume; /* where the handler lets the program go on; NULL: where it was */
void seen_note(int sig, siginfo_t *info, void *context);
void seen_install(int sig, int flags);
void seen_say(const void *rip, const void *addr);
uint64_t mask_now(void);
uint64_t mask_of(const sigset_t *set);
void mask_set(int how, int sig);
void mask_fill(sigset_t *setp);

/* Faults at known places: the label of the instruction, and where to go on. */
#define FAULT(name)                                            \
	extern char fault_##name##_at[], fault_##name##_end[]; \
	long fault_##name(const volatile void *p)
FAULT(load);
FAULT(store);
FAULT(exec);
FAULT(hlt);
FAULT(int20);
FAULT(stack);
FAULT(align);
#undef FAULT

/* The kernel's own structure; glibc's differs. */
struct kernel_action {
	void *handler;
	uint64_t flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define KERNEL_RESTORER 0x04000000u
#define BIT(sig)        (UINT64_C(1) << ((sig)-1))

extern void raw_restore(void);
long raw(long nr, long a, long b, long c, long d);
