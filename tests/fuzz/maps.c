/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/maps.h"

#include "tests/fuzz/fuzz.h"

/* Each line of the input through maps_parse(): what it takes must make sense. */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t from = 0;

	for (size_t i = 0; i <= size; i++) {
		struct maps_entry e;

		if (i < size && text[i] != '\n')
			continue;
		if (!maps_parse(text + from, i - from, &e)) {
			MUST(e.range.start < e.range.end);
			MUST(!e.path == !e.path_len);
			MUST(!e.path || (e.path >= text + from && e.path + e.path_len == text + i));
		}
		from = i + 1;
	}
	return 0;
}
