/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"

bool reuse_start(uint64_t keep_bytes);
bool reuse_is_on(void);
uint64_t reuse_pick(uint64_t len, unsigned attempt);
bool reuse_extend(uint64_t end, uint64_t len);
void reuse_mapped(struct range range);
void reuse_placed(uint64_t len);
void reuse_unmapped(struct range range);
