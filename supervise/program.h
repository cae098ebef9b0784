/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "common/range.h"

/* Where the kernel has put a program's segments; see supervise/program.c. */
enum program_kind {
	PROGRAM_TEXT,  /* what was mapped without PROT_WRITE */
	PROGRAM_RELRO, /* what its start-up makes read-only */
	PROGRAM_DATA,
};

struct program_piece {
	struct range range;
	enum program_kind kind;
};

#define PROGRAM_HEAD_BYTES 16384 /* of the file: where its program headers are */
#define PROGRAM_MAX_PIECES 384   /* three of as many segments as are looked at */

int program_pieces(const uint8_t *head, size_t size, uint64_t entry,
		   struct program_piece piece[PROGRAM_MAX_PIECES]);
