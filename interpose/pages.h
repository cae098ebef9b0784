/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"

/* What is known of a page of the process: one word, changed atomically; see pages.c. */
typedef uint16_t page_word;

#define PAGE_MANAGED     1u     /* the program believes it to be writable and executable */
#define PAGE_X           2u     /* it is executable now; else writable. As far as we know */
#define PAGE_RAN         4u     /* it has been executable since it is managed */
#define PAGE_PENDING     8u     /* a call that begins or ends its being managed is under way */
#define PAGE_BUSY        16u    /* it changes along with a neighbour that another thread wants */
#define PAGE_OWNER_SHIFT 5      /* number of the module that asked for it; 0: unknown */
#define PAGE_OWNER_SELF  0x7ffu /* the library's own copies of instructions: step.c */

typedef void (*page_fn)(page_word *word, uint64_t arg);

int pages_prepare(struct range range);
page_word *pages_find(uint64_t addr);
void pages_each(struct range range, page_fn fn, uint64_t arg);
void pages_set(struct range range, page_word value);
bool pages_any(struct range range);
bool pages_all(struct range range);

static inline page_word page_get(const page_word *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline bool page_is_managed(uint64_t addr)
{
	const page_word *word = pages_find(addr);

	return word && page_get(word) & PAGE_MANAGED;
}
