/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include "tests/unit/region_model.h"

/*
 * A string of bytes is a run of the region table beside its model (tests/unit/region_model.c):
 *
 *   byte 0   bit 7: a universe of 64 pages, where everything collides, or of 4096
 *            bits 0..6: the allocation from which on memory is refused; 0: never
 *   then, four bytes each: operation and length, first page (two bytes), value
 */

#define COMPARE_EVERY 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct model m;
	unsigned fail;

	if (!size)
		return 0;
	fail = data[0] & 0x7f;
	model_pages_fail(fail, fail ? UINT32_MAX : 0);
	if (model_init(&m, data[0] & 0x80 ? 64 : 4096))
		return 0;
	for (size_t i = 1; i + 4 <= size; i += 4) {
		enum model_op op = data[i] % 8 % MODEL_OPS;
		unsigned n = data[i] >> 3, first = data[i + 1] | (unsigned)data[i + 2] << 8;

		/* mostly small, some that cover leaves */
		if (n > 24)
			n = 1u << (n - 20);
		model_do(&m, op, first, n, data[i + 3]);
		if (i / 4 % COMPARE_EVERY == 0) {
			model_compare(&m);
			model_check_tree(&m.t);
		}
	}
	model_compare(&m);
	model_check_tree(&m.t);
	model_deinit(&m);
	return 0;
}
