/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"

/* The tables of a loaded object, as far as a look-up needs them; see interpose/symbol.c. */
struct symbol_table {
	struct range image; /* first to last byte of its segments */
	uint64_t bias;
	uint64_t symtab;
	uint64_t strtab;
	uint64_t strtab_bytes;
	uint64_t hash;   /* DT_GNU_HASH */
	uint64_t versym; /* 0: no versions */
};

int symbol_table_init(struct symbol_table *tp, uint64_t bias, const ElfW(Dyn) * dyn,
		      const void *ehdr);
uint32_t symbol_hash(const char *name);
int symbol_find(const struct symbol_table *t, const char *name, uint32_t hash, uint64_t *addrp);
