/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include <ucontext.h>

int step_begin(ucontext_t *uc);
