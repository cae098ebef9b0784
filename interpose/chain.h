/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#define CHAIN_RESTORER 0x04000000ull /* SA_RESTORER, arch/x86/include/uapi/asm/signal.h */

/* A signal's action as rt_sigaction(2) takes it; include/uapi/asm-generic/signal.h. */
struct chain_action {
	uint64_t handler;
	uint64_t flags;
	uint64_t restorer;
	uint64_t mask;
};

/* Where the program's handler is to be entered; filled in by chain_signal(), read in chain.S. */
struct chain_entry {
	uint64_t stack;
	uint64_t handler;
	siginfo_t *info;
	ucontext_t *uc;
};

int chain_start(void);
void chain_sigaction(const struct chain_action *new, struct chain_action *oldp);
long chain_sigaction_raw(const void *new, void *old, uint64_t size);
bool chain_is_active(void);
int chain_signal(int sig, siginfo_t *info, ucontext_t *uc, struct chain_entry *ep);
bool chain_before_exec(struct chain_action *savedp);
void chain_after_exec(const struct chain_action *saved);

/* arch/x86_64/chain.S */
void chain_handler(void);
void chain_restorer(void);
int chain_copy(void *to, const void *from, size_t n);
extern const char chain_copy_end[], chain_copy_failed[];
