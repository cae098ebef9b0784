/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>
#include "interpose/pages.h"

bool writer_may(const ucontext_t *uc, uint64_t addr, page_word word);
bool writer_may_call(uint64_t caller, uint64_t addr, page_word word);
uint64_t writer_address(uint32_t owner);
