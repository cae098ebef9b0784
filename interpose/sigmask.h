/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#define SIGMASK_BIT(sig) (1ull << ((sig)-1))
#define SIGMASK_MARK     SIGMASK_BIT(SIGSTKFLT) /* the program blocks SIGSEGV */

uint64_t sigmask_in(uint64_t mask);
uint64_t sigmask_out(uint64_t mask);
uint64_t sigmask_action_known(int sig);
void sigmask_action_in(int sig, uint64_t *maskp);
uint64_t sigmask_action_out(uint64_t known, uint64_t mask);
