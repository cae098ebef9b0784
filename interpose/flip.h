/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"
#include "interpose/attend.h"
#include "interpose/judge.h"

/* Whether this process has, or had, memory that flip manages. */
static inline bool flip_is_active(void)
{
	return attention_is(ATTEND_FLIP);
}

bool flip_concerns(const struct mm_call *c);
long flip_call(const struct mm_call *c);
