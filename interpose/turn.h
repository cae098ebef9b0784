/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include <ucontext.h>
#include "interpose/fault.h"

void turn_wait(uint64_t page, enum fault_kind kind, const ucontext_t *uc);
