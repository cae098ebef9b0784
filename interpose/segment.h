/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"

/* A part of a loaded object, by what may become of it; see interpose/segment.c. */
enum piece_kind { PIECE_TEXT, PIECE_RELRO, PIECE_DATA };

struct piece {
	struct range range;
	enum piece_kind kind;
};

#define SEGMENT_PIECES 16 /* of one object; what is beyond these is left out */

/* The program headers of an object, and what is to be added to its addresses. */
struct segments {
	const Elf64_Phdr *header;
	unsigned n;
	uint64_t bias;
};

bool segments_at(struct segments *sp, uint64_t base);
bool segments_relro(const struct segments *s, struct range *rp);

/* Whether a page is mapped. */
typedef bool (*segments_fn)(uint64_t page);

void segments_close(struct piece *piece, unsigned n, segments_fn is_mapped);
unsigned segments_pieces(const struct segments *s, struct piece piece[SEGMENT_PIECES]);
