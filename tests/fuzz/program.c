/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Files as programs, entered anywhere. What must hold: what is sealed of a process by them are
 * whole pages that a user can have, and not more of them than there is room for.
 */

#include <string.h>
#include "common/range.h"
#include "supervise/program.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct program_piece piece[PROGRAM_MAX_PIECES];
	uint64_t entry;
	int n;

	if (size < sizeof(entry))
		return 0;
	memcpy(&entry, data, sizeof(entry));
	n = program_pieces(data + sizeof(entry), size - sizeof(entry), entry, piece);
	MUST(n <= PROGRAM_MAX_PIECES);
	for (int i = 0; i < n; i++) {
		struct range r = piece[i].range;

		MUST(r.start < r.end && r.end <= 1ull << 56 && !((r.start | r.end) % CM_PAGE));
		MUST(piece[i].kind <= PROGRAM_DATA);
	}
	return 0;
}
