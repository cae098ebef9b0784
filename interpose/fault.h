/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>
#include "common/range.h"

/* What a page is wanted for; see fault.c. */
enum fault_kind { FAULT_WRITE, FAULT_FETCH };

bool fault_serve(ucontext_t *uc, uint64_t addr);
bool fault_write(struct range pages);
