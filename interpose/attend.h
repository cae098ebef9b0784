/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Why calls of this process are to be looked at, beyond what policy said when it started: bits that
 * are set once and stay. One byte, for what asks on every call; the assembly reads it too.
 */
#define ATTEND_FLIP    1 /* there is, or was, memory that flip manages */
#define ATTEND_SEALS   2 /* the program has sealed ranges in a way that the kernel does not know */
#define ATTEND_COOKIES 4 /* the program has regions that are known by a cookie */

#define ATTEND_RESERVE 8 /* policy has a say in where mappings lie: interpose/reserve.c */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

extern uint8_t attention;

static inline bool attention_is(unsigned why)
{
	return __builtin_expect(__atomic_load_n(&attention, __ATOMIC_ACQUIRE) & why, 0);
}

/* Pairs with the acquire above: what was written before is seen by who sees the bit. */
static inline void attention_set(unsigned why)
{
	__atomic_fetch_or(&attention, (uint8_t)why, __ATOMIC_RELEASE);
}

#endif
