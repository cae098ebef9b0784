/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/range.h"

/* The library's own memory; see interpose/arena.c. */
void *arena_alloc(size_t len_bytes);
uint64_t arena_pages(size_t len_bytes);
void arena_reserve(uint64_t gate, bool seals);
bool arena_holds(struct range range);
