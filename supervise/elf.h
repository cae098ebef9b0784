/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An ELF object's image in memory; see supervise/elf.c. */

/* Bytes of the file and the virtual address that the object gives them. */
struct elf_range {
	uint64_t offset;
	uint64_t addr;
	uint64_t size;
};

#define ELF_MAX_LOADS 64

struct elf {
	const uint8_t *data;
	size_t size;
	struct elf_range load[ELF_MAX_LOADS]; /* what the file has of each PT_LOAD */
	size_t n_loads;
	struct elf_range text[ELF_MAX_LOADS]; /* the executable ones; ascending, apart */
	size_t n_texts;
	struct elf_range eh_frame_hdr; /* size 0: none */
};

int elf_init(struct elf *e, const uint8_t *data, size_t size);
bool elf_find(const struct elf *e, uint64_t addr, struct elf_range *rp);
int elf_functions(const struct elf *e, struct elf_range **fp, size_t *np);
