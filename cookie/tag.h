/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>

/* The value of a cookie: which slot, and proof that it was given out; see tag.c. */

#define TAG_INDEX_BITS 22

struct tag_key {
	uint64_t k[2];
	uint64_t n_random; /* drawn so far, counted down from 0 */
};

int tag_key_draw(struct tag_key *kp);
void tag_key_fork(struct tag_key *k);
uint64_t tag_random(struct tag_key *k);
uint64_t tag_value(const struct tag_key *k, uint32_t index, uint32_t generation);

static inline uint32_t tag_index(uint64_t value)
{
	return (uint32_t)value & ((1u << TAG_INDEX_BITS) - 1);
}
