/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "policy/key.h"

/*
 * What kind of value a key takes. A type made of words says which of them it admits, as a mask over
 * the numbers that policy/key.h gives them, so that one list of words serves types that differ in a
 * word only.
 *
 *   X(TYPE, mask of the numbers admitted, words by number)
 */

#define VERDICT_WORDS "allow", "log", "flip", "deny", "kill"

#define POLICY_TYPES(X)                                            \
	X(LATER, 0, "")                                            \
	X(LIST, 0, "")                                             \
	X(STRING, 0, "")                                           \
	X(SIZE, 0, "") /* bytes, in whole pages */                 \
	X(BOOL, 0x3, "false", "true")                              \
	X(VERDICT, 0x1b, VERDICT_WORDS)                            \
	X(FLIP_VERDICT, 0x1f, VERDICT_WORDS)                       \
	X(COMPAT_VERDICT, 0x1b, VERDICT_WORDS)                     \
	X(RAW_VERDICT, 0xf, "police", "log", "deny", "kill")       \
	X(INSPECT_VERDICT, 0xb, VERDICT_WORDS)                     \
	X(WRITERS, 0x7, "any", "module", "none")                   \
	X(FILE_CLASS, 0xf, "any", "nomemfd", "settled", "trusted") \
	X(PROC_MEM, 0x3, "allow", "landlock")                      \
	X(EXEC_POLICY, 0x7, "own", "narrow", "inherit")            \
	X(EXEC_VERIFY, 0x3, "first", "stop")                       \
	X(SEAL_LATE, 0x7, "never", "nodelete", "always")           \
	X(SEAL_DISCARD, 0x3, "gate", "notify")                     \
	X(REPORT_FORMAT, 0x3, "text", "json")

enum policy_type {
#define X(TYPE, mask, ...) TYPE_##TYPE,
	POLICY_TYPES(X)
#undef X
		TYPE_N
};

#define TYPE_MAX_WORDS 5 /* no type has more words than the verdicts */

/* A size is held as a number of pages, since a value of the compiled form has 32 bits. */
#define SIZE_UNIT_BYTES 4096ull
#define SIZE_MAX_PAGES  (uint32_t)((8ull << 30) / SIZE_UNIT_BYTES)

enum policy_type policy_key_type(enum policy_key key);
bool policy_word_fits(enum policy_type type, uint32_t word);
bool policy_key_overridable(enum policy_key key);
