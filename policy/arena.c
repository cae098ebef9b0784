/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * Memory for documents. A policy that has been read is a web of small strings and lists that live
 * equally long and are never changed; owning them one by one would be most of the reader's code,
 * and its error paths most of its faults.
 *
 * Chunks are malloc'ed and linked; requests are served from the newest. Everything is zeroed.
 */

#define CHUNK_BYTES 16384

struct arena_chunk {
	struct arena_chunk *next;
	size_t used_bytes, size_bytes;
	_Alignas(max_align_t) unsigned char data[];
};

static struct arena_chunk *chunk_add(struct arena *a, size_t need_bytes)
{
	size_t size_bytes = need_bytes > CHUNK_BYTES ? need_bytes : CHUNK_BYTES;
	struct arena_chunk *c = calloc(1, sizeof(*c) + size_bytes);

	if (!c)
		return NULL;
	c->size_bytes = size_bytes;
	c->next = a->chunks;
	a->chunks = c;
	return c;
}

/*
 * Zeroed memory, aligned for any type, that lives until arena_deinit().
 *
 * Return: NULL when there is no memory.
 */
void *arena_alloc(struct arena *a, size_t size_bytes)
{
	struct arena_chunk *c = a->chunks;
	size_t need = (size_bytes + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	void *p;

	if (size_bytes > SIZE_MAX / 2)
		return NULL;
	if (!c || c->size_bytes - c->used_bytes < need)
		c = chunk_add(a, need);
	if (!c)
		return NULL;
	p = c->data + c->used_bytes;
	c->used_bytes += need;
	return p;
}

/*
 * Room for one more item behind the n that `old` holds: `old` itself, or a copy twice as large when
 * n is 0 or a power of two. For arrays that only ever grow through this function.
 *
 * Return: NULL when there is no memory; `old` is still good then.
 */
void *arena_grow(struct arena *a, void *old, size_t n, size_t item_bytes)
{
	void *p;

	if (n & (n - 1))
		return old;
	p = arena_alloc(a, (n ? 2 * n : 1) * item_bytes);
	if (p && n)
		memcpy(p, old, n * item_bytes);
	return p;
}

/*
 * A copy of a string.
 *
 * Return: NULL when there is no memory.
 */
char *arena_strdup(struct arena *a, const char *s)
{
	size_t size_bytes = strlen(s) + 1;
	char *copy = arena_alloc(a, size_bytes);

	return copy ? memcpy(copy, s, size_bytes) : NULL;
}

/* Give back all of it. The arena is empty afterwards and may be used again. */
void arena_deinit(struct arena *a)
{
	while (a->chunks) {
		struct arena_chunk *next = a->chunks->next;

		free(a->chunks);
		a->chunks = next;
	}
}
