/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "interpose/judge.h"

void reserve_start(void);
void reserve_meet(const struct mm_call *c);
long reserve_make(const struct mm_call *c);
