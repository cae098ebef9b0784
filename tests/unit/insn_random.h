/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include <string.h>

#define INSN_RANDOM_SEED 88172645463325252ull

/* xorshift64: the same numbers everywhere. Source: G. Marsaglia, "Xorshift RNGs", 2003. */
static inline uint64_t insn_any(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Sixteen bytes for a decoder. Two of three begin with a prefix or an escape, which chance alone
 * would give too rarely. */
static inline void insn_random(uint64_t *state, unsigned round, uint8_t *code)
{
	static const uint8_t first[] = {0x66, 0xf2, 0xf3, 0x0f, 0xc4, 0xc5, 0x62, 0x48, 0x67, 0xf0};
	uint64_t words[2] = {insn_any(state), insn_any(state)};

	memcpy(code, words, 16);
	if (round % 3)
		code[0] = first[code[15] % sizeof(first)];
	if (round % 3 == 2 && code[0] != 0xc4 && code[0] != 0xc5 && code[0] != 0x62)
		code[1] = first[code[14] % sizeof(first)];
}
