/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "common/fmt.h"

/* What an instruction is to somebody who follows control and the number in eax. */
enum disasm_kind {
	DISASM_OTHER,         /* goes on behind itself and leaves rax alone */
	DISASM_WRITES,        /* writes rax or a part of it, with what is not known */
	DISASM_CONST,         /* eax becomes `value`, the upper half whatever it becomes */
	DISASM_SYSCALL,       /* syscall */
	DISASM_SYSENTER,      /* sysenter */
	DISASM_INT80,         /* int $0x80 */
	DISASM_BRANCH,        /* to `value`, or on behind itself */
	DISASM_JUMP,          /* to `value` */
	DISASM_CALL,          /* of `value`; comes back with any rax */
	DISASM_CALL_INDIRECT, /* comes back with any rax */
	DISASM_JUMP_INDIRECT, /* to where nobody knows */
	DISASM_STOP,          /* ret and what else does not go on behind itself */
	DISASM_BAD,           /* none that is known: one byte */
};

struct instruction {
	uint64_t addr;
	uint64_t value; /* the target or the constant */
	uint8_t size;   /* bytes, at least 1 */
	uint8_t kind;   /* enum disasm_kind */
};

struct disasm;

void disasm_insn(const uint8_t *code, size_t n, uint64_t addr, struct fmt *f);
struct disasm *disasm_new(void);
struct disasm *disasm_free(struct disasm *d);
void disasm_next(struct disasm *d, const uint8_t *code, size_t n, uint64_t addr,
		 struct instruction *ip);
