/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/kit.h"
#include "interpose/slot.h"

/* The stubs' code, KIT_SITES blocks of KIT_STUB_BYTES. */
extern const unsigned char stub_blocks[KIT_SITES * KIT_STUB_BYTES]
	__attribute__((visibility("hidden")));

void stub_slot_set(struct stub_slot *s, uint64_t back, uint32_t nr, bool looked_at);
long stub_call(const uint64_t arg[6], const struct stub_slot *slot, const uint64_t *stack);
