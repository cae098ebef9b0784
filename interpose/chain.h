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

int chain_start(void);
long chain_sigaction(const struct chain_action *new, struct chain_action *oldp);
long chain_sigaction_raw(const void *new, void *old, uint64_t size);
bool chain_is_active(void);
void chain_signal(int sig, siginfo_t *info, ucontext_t *uc);
bool chain_before_exec(struct chain_action *savedp);
void chain_after_exec(const struct chain_action *saved);

/* arch/x86_64/chain.S */
void chain_handler(void);
void chain_restorer(void);
int chain_copy(void *to, const void *from, size_t n);
extern const char chain_copy_end[], chain_copy_failed[];
