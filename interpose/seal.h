/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"
#include "common/seal.h"
#include "interpose/link.h"
#include "interpose/segment.h"
#include "interpose/state.h"

enum policy_key seal_key(enum piece_kind kind);
void seal_prepare(const struct link *l, struct state *s);
bool seal_apply(void);
bool seal_is_possible(void);
bool seal_find(struct range range, struct sealed *sp);
void seal_pages(uint64_t addr, uint64_t len);
