/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"

bool inspect_range(struct range range, uint64_t caller);
bool inspect_page(uint64_t page, uint64_t caller);
