/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Small ELF objects that tests make; see tests/unit/image.c. */

#define IMAGE_CODE  0x200    /* where the code stands in the file */
#define IMAGE_BASE  0x401000 /* what addresses are more than offsets */
#define IMAGE_BYTES 65536

struct image {
	uint8_t bytes[IMAGE_BYTES];
	size_t size;
};

/* A function of the code: where it begins in it, and how long it is. */
struct image_function {
	uint32_t at;
	uint32_t size;
};

/* How the tables of the functions are written. */
struct image_tables {
	uint8_t encoding;         /* of pointers in .eh_frame */
	bool search;              /* with a table in .eh_frame_hdr */
	uint8_t version;          /* of the CIE */
	const char *augmentation; /* "zR" and what else */
};

void image_init(struct image *m, const uint8_t *code, size_t n);
void image_add_functions(struct image *m, const struct image_function *f, size_t n,
			 const struct image_tables *how);
