/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "interpose/judge.h"

bool next_call(const struct mm_call *c, long *rp);
