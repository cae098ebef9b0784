/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "supervise/disasm.h"
#include "supervise/elf.h"

/* Where the instructions of an object begin; see supervise/sweep.c. */
struct sweep {
	const struct elf *elf;
	struct elf_range *functions;
	size_t n_functions;
	struct disasm *disasm;
	uint64_t budget_bytes; /* how much may still be disassembled for marks */
};

/* A byte of which one wants to know the instruction that it is part of. */
struct sweep_mark {
	uint64_t offset;
	struct instruction insn; /* of size 0: not known, or not for certain */
};

/* Something that looks like a direct branch. */
typedef void sweep_branch_fn(void *context, uint64_t from_offset, uint64_t target);

int sweep_init(struct sweep *s, const struct elf *e);
void sweep_deinit(struct sweep *s);
struct elf_range sweep_range(const struct sweep *s, uint64_t offset, bool *is_functionp);
void sweep_marks(struct sweep *s, struct sweep_mark *marks, size_t n);
void sweep_branches(const struct elf *e, sweep_branch_fn *fn, void *context);
