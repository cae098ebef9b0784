/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>
#include "interpose/fault.h"
#include "interpose/pages.h"

bool turn_pass(const page_word *word);
void turn_wait(uint64_t page, enum fault_kind kind, const ucontext_t *uc);
