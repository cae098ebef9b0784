/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * For programs that do ordinary things very often: nothing may fail that would not fail natively.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the program with what failed, unless it holds. */
#define CHECK(cond)                                                                   \
	do {                                                                          \
		if (!(cond)) {                                                        \
			int check_errno = errno;                                      \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #cond, \
				strerrorname_np(check_errno));                        \
			exit(1);                                                      \
		}                                                                     \
	} while (0)

/* xorshift64, one state a thread. Source: Marsaglia, "Xorshift RNGs", 2003. */
static inline unsigned long check_random(unsigned long *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}
