/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The library's own memory; see interpose/arena.c. */
void *arena_alloc(size_t len_bytes);
uint64_t arena_pages(size_t len_bytes);
