/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "common/range.h"

struct range vdso_range(uint64_t base);
