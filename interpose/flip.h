/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"
#include "interpose/judge.h"

/* Whether this process has, or had, memory that flip manages. Set once; what asks on every call. */
extern bool flip_active;

static inline bool flip_is_active(void)
{
	return __builtin_expect(__atomic_load_n(&flip_active, __ATOMIC_ACQUIRE), 0);
}

bool flip_concerns(const struct mm_call *c);
long flip_call(const struct mm_call *c);
