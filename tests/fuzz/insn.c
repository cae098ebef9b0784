/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The input as instructions, one behind the other, and each of them moved. Its last sixteen bytes
 * are also the two addresses.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "interpose/arch/x86_64/insn.h"
#include "tests/fuzz/fuzz.h"

static bool is_one_of(int r, const int *errors)
{
	for (; *errors; errors++)
		if (r == *errors)
			return true;
	return false;
}

/* With fewer bytes it is only a beginning, with more it is the same. */
static void lengths_hold(const uint8_t *code, size_t n, const struct insn *i)
{
	struct insn again;

	MUST(i->len >= 1 && i->len <= INSN_MAX && i->len <= n);
	MUST(i->disp_at < i->len);
	MUST(!i->rip_relative || (i->disp_at && i->disp_at + 4 <= i->len));
	for (size_t k = 0; k < i->len; k++)
		MUST(insn_decode(code, k, &again) == -ENODATA);
	MUST(!insn_decode(code, i->len, &again) && again.len == i->len);
}

/* In exactly sized memory: a byte too far, read or written, is found. */
static void moves(const uint8_t *code, size_t n, uint64_t from, uint64_t to, size_t room)
{
	static const int errors[] = {-EINVAL, -ENODATA, -EOPNOTSUPP, -ERANGE, -ENOSPC, 0};
	uint8_t *copy = malloc(n ? n : 1), *out = malloc(room ? room : 1);
	int r;

	memcpy(copy, code, n);
	memset(out, 0xa5, room);
	r = insn_move(copy, n, from, to, out, room);
	if (r < 0) {
		MUST(is_one_of(r, errors));
		for (size_t i = 0; i < room; i++)
			MUST(out[i] == 0xa5);
	} else {
		MUST((size_t)r > 14 && (size_t)r <= room && r <= INSN_MOVED_MAX);
		for (size_t i = (size_t)r; i < room; i++)
			MUST(out[i] == 0xa5);
	}
	MUST(room < INSN_MOVED_MAX || r != -ENOSPC);
	free(copy);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t at[2] = {0x7f0000000000, 0x7f0000001000};

	if (size >= sizeof(at))
		memcpy(at, data + size - sizeof(at), sizeof(at));
	for (size_t done = 0; done < size;) {
		struct insn i = {.len = 1};
		size_t n = size - done;
		int r = insn_decode(data + done, n, &i);

		MUST(!r || r == -EINVAL || (r == -ENODATA && n < INSN_MAX));
		if (!r)
			lengths_hold(data + done, n, &i);
		moves(data + done, n, at[0], at[1], (done + size) % (INSN_MOVED_MAX + 8));
		moves(data + done, i.len, at[0], at[0] + 0x1000, INSN_MOVED_MAX);
		done += i.len;
	}
	return 0;
}
