/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>
#include "interpose/fault.h"
#include "interpose/pages.h"

/* Cycles: as long as a thread may be kept from running, and as long as nobody does that for good.
 */
#define TURN_SHORT 24000000u
#define TURN_LONG  3000000000u

bool turn_pass(const page_word *word, uint64_t most);
void turn_wait(uint64_t page, enum fault_kind kind, const ucontext_t *uc);
