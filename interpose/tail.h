/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "common/range.h"

bool tail_start(void);
void tail_add(struct range tail);
void tail_drop(struct range range);
bool tail_take(struct range range, struct range *tailp);
bool tail_find(struct range range, struct range *tailp);
