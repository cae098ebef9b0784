/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>

/* Memory that is given back all at once; see policy/arena.c. */
struct arena {
	struct arena_chunk *chunks;
};

#define ARENA_INIT   \
	{            \
		NULL \
	}

void *arena_alloc(struct arena *a, size_t size_bytes);
void *arena_grow(struct arena *a, void *old, size_t n, size_t item_bytes);
char *arena_strdup(struct arena *a, const char *s);
void arena_deinit(struct arena *a);
