/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "interpose/judge.h"

long cookies_call(const struct mm_call *c);
bool cookies_let_go(uint64_t from, uint64_t to);
bool cookies_let_seal(uint64_t caller, struct range range);
