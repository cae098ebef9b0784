/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Accesses to memory that is believed to be writable and executable: code written and called, in
 * one page or in many, and single accesses that may fault, told in words. What all the cases are
 * made of.
 */

#include "tests/interpose/flip.h"

#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static _Thread_local sigjmp_buf back;
static _Thread_local struct {
	int code;
	char *at, *ip;
} fault;

/* Writes a function that returns `value`; by plain stores, so that no function of libc's is it. */
void flip_emit(void *at, uint32_t value)
{
	volatile unsigned char *p = at;

	p[0] = 0xb8;
	for (int i = 0; i < 4; i++)
		p[1 + i] = (unsigned char)(value >> 8 * i);
	p[5] = 0xc3;
	__asm__ volatile("" : : : "memory");
}

uint32_t flip_call(const void *at)
{
	return ((uint32_t(*)(void))(uintptr_t)at)();
}

/* Writes, calls, and says so when that does not give the value. */
void flip_check(const char *what, void *at, uint32_t value)
{
	uint32_t got;

	flip_emit(at, value);
	got = flip_call(at);
	if (got != value)
		printf("%s: returned %u, not %u\n", what, got, value);
}

void flip_protect(void *at, size_t pages, int prot)
{
	if (mprotect(at, pages * PAGE, prot))
		flip_broken("mprotect");
	flip_look();
}

/* Writes and calls page i of `pages`, in order: 100 + i. */
void flip_fill(unsigned char *p, unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		flip_check("fill", p + i * PAGE, 100 + i);
	flip_look();
}

/* All pages still return what flip_fill() gave them, whether it wrote some of them anew or not. */
void flip_check_filled(const char *what, unsigned char *p, unsigned first, unsigned pages)
{
	unsigned good = 0;

	for (unsigned i = 0; i < pages; i++) {
		good += flip_call(p + i * PAGE) == 100 + first + i;
		if (i % 2)
			flip_check(what, p + i * PAGE, 100 + first + i);
	}
	printf("%s: %u of %u pages\n", what, good, pages);
	flip_look();
}

/* Every other page executed last, the others written last. */
void flip_alternate(unsigned char *p, unsigned pages)
{
	flip_fill(p, pages);
	for (unsigned i = 0; i < pages; i += 2)
		flip_emit(p + i * PAGE, 100 + i);
	flip_look();
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;

	fault.code = info->si_code;
	fault.at = info->si_addr;
	fault.ip = (char *)uc->uc_mcontext.gregs[REG_RIP];
	siglongjmp(back, signo);
}

static void catch_faults(void (*handler)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};

	if (!handler)
		sa.sa_handler = SIG_DFL;
	if (sigaction(SIGSEGV, &sa, NULL) || sigaction(SIGBUS, &sa, NULL))
		flip_broken("sigaction");
}

static const char *fault_text(int signo, char how, char *base)
{
	static _Thread_local char text[128];

	snprintf(text, sizeof(text), "%s, code %d at +%#lx%s",
		 signo == SIGSEGV ? "SIGSEGV" : "SIGBUS", fault.code,
		 (unsigned long)(fault.at - base),
		 how == 'x' && fault.ip != fault.at ? ", from elsewhere" : "");
	return text;
}

static const char *access_text(char how, void *at)
{
	static _Thread_local char text[32];

	if (how == 'r') {
		(void)*(volatile char *)at;
		return "read";
	}
	if (how == 'w') {
		*(volatile char *)at = (char)0xb8;
		return "written";
	}
	snprintf(text, sizeof(text), "returns %u", flip_call(at));
	return text;
}

/*
 * One access: how = 'r' read, 'w' write (of the byte that flip_emit() begins with), 'x' call.
 *
 * Return: what came of it, in words; addresses as offsets from `base`.
 */
const char *flip_try(char how, void *at, void *base)
{
	const char *volatile text;
	int signo;

	catch_faults(on_fault);
	signo = sigsetjmp(back, 1);
	text = signo ? fault_text(signo, how, base) : access_text(how, at);
	catch_faults(NULL);
	return text;
}

void flip_show(const char *what, char how, void *at, void *base)
{
	printf("%s: %s\n", what, flip_try(how, at, base));
}
