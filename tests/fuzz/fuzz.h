/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * One fuzz target: libFuzzer's face, also called by replay.c. Anything but a return is a finding.
 *
 * Source: LLVM 14, "libFuzzer – a library for coverage-guided fuzz testing".
 */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input; stays in builds without assert(). */
#define MUST(condition)                   \
	do {                              \
		if (!(condition))         \
			__builtin_trap(); \
	} while (0)
