/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/disasm.h"

#include <capstone/capstone.h>
#include <dlfcn.h>
#include <stdlib.h>

/*
 * Machine code by Capstone: as text for reports, and as a few kinds of instruction for those who
 * look for system calls. The one file that includes it. The library is loaded when it is needed for
 * the first time: it has so many pointers to relocate that it would cost every start of a program a
 * millisecond.
 */

#define LIBRARY "libcapstone.so.4"

static __typeof__(&cs_open) open_fn;
static __typeof__(&cs_disasm) disasm_fn;
static __typeof__(&cs_free) free_fn;
static __typeof__(&cs_close) close_fn;
static __typeof__(&cs_option) option_fn;
static __typeof__(&cs_malloc) malloc_fn;
static __typeof__(&cs_disasm_iter) iter_fn;

struct disasm {
	csh cs;
	cs_insn *insn; /* used again for each */
};

static bool load(void)
{
	static void *library;

	if (!library) {
		library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
		if (!library)
			return false;
		open_fn = (__typeof__(open_fn))dlsym(library, "cs_open");
		disasm_fn = (__typeof__(disasm_fn))dlsym(library, "cs_disasm");
		free_fn = (__typeof__(free_fn))dlsym(library, "cs_free");
		close_fn = (__typeof__(close_fn))dlsym(library, "cs_close");
		option_fn = (__typeof__(option_fn))dlsym(library, "cs_option");
		malloc_fn = (__typeof__(malloc_fn))dlsym(library, "cs_malloc");
		iter_fn = (__typeof__(iter_fn))dlsym(library, "cs_disasm_iter");
	}
	return open_fn && disasm_fn && free_fn && close_fn && option_fn && malloc_fn && iter_fn;
}

static void bytes(const uint8_t *code, size_t n, struct fmt *f)
{
	for (size_t i = 0; i < n; i++) {
		fmt_char(f, "0123456789abcdef"[code[i] >> 4]);
		fmt_char(f, "0123456789abcdef"[code[i] & 15]);
	}
}

/*
 * Writes the instruction that begins at `code`, which stands at `addr`, as an assembler would; its
 * bytes where Capstone is not to be had, or knows no such instruction. At most `n` bytes are read.
 */
void disasm_insn(const uint8_t *code, size_t n, uint64_t addr, struct fmt *f)
{
	cs_insn *insn = NULL;
	csh cs;

	if (!load() || open_fn(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK) {
		bytes(code, n, f);
		return;
	}
	if (disasm_fn(cs, code, n, addr, 1, &insn) == 1) {
		fmt_str(f, insn->mnemonic);
		if (insn->op_str[0])
			fmt_char(f, ' ');
		fmt_str(f, insn->op_str);
		free_fn(insn, 1);
	} else {
		bytes(code, n, f);
	}
	close_fn(&cs);
}

/* A disassembler for disasm_next(), the caller's to free. Return: NULL where there is none to be
 * had. */
struct disasm *disasm_new(void)
{
	struct disasm *d = load() ? calloc(1, sizeof(*d)) : NULL;

	if (!d)
		return NULL;
	if (open_fn(CS_ARCH_X86, CS_MODE_64, &d->cs) != CS_ERR_OK) {
		free(d);
		return NULL;
	}
	if (option_fn(d->cs, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK)
		d->insn = malloc_fn(d->cs);
	return d->insn ? d : disasm_free(d);
}

/* Takes NULL. Return: NULL. */
struct disasm *disasm_free(struct disasm *d)
{
	if (d) {
		if (d->insn)
			free_fn(d->insn, 1);
		close_fn(&d->cs);
		free(d);
	}
	return NULL;
}

static bool is_rax(unsigned reg)
{
	return reg == X86_REG_RAX || reg == X86_REG_EAX || reg == X86_REG_AX || reg == X86_REG_AL ||
	       reg == X86_REG_AH;
}

/* Capstone's word for what an operand is used as is not taken alone: a register that stands first
 * counts as written by all but those that only look. */
static bool only_looks(unsigned id)
{
	return id == X86_INS_CMP || id == X86_INS_TEST || id == X86_INS_PUSH || id == X86_INS_BT;
}

/* Writes that Capstone 4 does not tell of. */
static bool writes_rax_untold(unsigned id)
{
	return id == X86_INS_CMPXCHG || id == X86_INS_XLATB || id == X86_INS_ENCLS ||
	       id == X86_INS_ENCLU || id == X86_INS_VMCALL || id == X86_INS_VMMCALL;
}

static bool writes_rax(const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;

	for (int i = 0; i < insn->detail->regs_write_count; i++)
		if (is_rax(insn->detail->regs_write[i]))
			return true;
	for (int i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_REG && is_rax(x->operands[i].reg) &&
		    ((x->operands[i].access & CS_AC_WRITE) || (!i && !only_looks(insn->id))))
			return true;
	return writes_rax_untold(insn->id);
}

/* `mov $imm` into eax or rax, and `xor` or `sub` of it with itself. */
static bool is_constant(const cs_insn *insn, uint64_t *vp)
{
	const cs_x86_op *op = insn->detail->x86.operands;

	if (insn->detail->x86.op_count != 2 || op[0].type != X86_OP_REG ||
	    (op[0].reg != X86_REG_EAX && op[0].reg != X86_REG_RAX))
		return false;
	if ((insn->id == X86_INS_MOV || insn->id == X86_INS_MOVABS) && op[1].type == X86_OP_IMM) {
		*vp = (uint32_t)op[1].imm;
		return true;
	}
	if ((insn->id == X86_INS_XOR || insn->id == X86_INS_SUB) && op[1].type == X86_OP_REG &&
	    op[1].reg == op[0].reg) {
		*vp = 0;
		return true;
	}
	return false;
}

static bool is_conditional(unsigned id)
{
	return id == X86_INS_LOOP || id == X86_INS_LOOPE || id == X86_INS_LOOPNE ||
	       id == X86_INS_JRCXZ || id == X86_INS_JECXZ || id == X86_INS_JCXZ;
}

static bool is_in_group(const cs_insn *insn, uint8_t group)
{
	for (int i = 0; i < insn->detail->groups_count; i++)
		if (insn->detail->groups[i] == group)
			return true;
	return false;
}

/* What sends control elsewhere; DISASM_OTHER: nothing of the kind. A transaction's start counts as
 * a call of the place where an abort goes to: it comes there with any eax. */
static uint8_t flow_of(const cs_insn *insn, uint64_t *vp)
{
	const cs_x86_op *op = insn->detail->x86.operands;
	bool direct = insn->detail->x86.op_count == 1 && op->type == X86_OP_IMM;

	if (direct)
		*vp = (uint64_t)op->imm;
	switch (insn->id) {
	case X86_INS_CALL:
	case X86_INS_LCALL:
	case X86_INS_XBEGIN:
		return direct ? DISASM_CALL : DISASM_CALL_INDIRECT;
	case X86_INS_JMP:
	case X86_INS_LJMP:
		return direct ? DISASM_JUMP : DISASM_JUMP_INDIRECT;
	case X86_INS_RET:
	case X86_INS_RETF:
	case X86_INS_RETFQ:
	case X86_INS_IRET:
	case X86_INS_IRETD:
	case X86_INS_IRETQ:
	case X86_INS_SYSRET:
	case X86_INS_SYSEXIT:
	case X86_INS_HLT:
	case X86_INS_UD2:
		return DISASM_STOP;
	default:
		return direct && (is_in_group(insn, CS_GRP_JUMP) || is_conditional(insn->id))
			       ? DISASM_BRANCH
			       : DISASM_OTHER;
	}
}

static uint8_t kind_of(const cs_insn *insn, uint64_t *vp)
{
	const cs_x86 *x = &insn->detail->x86;
	uint8_t kind;

	if (insn->id == X86_INS_SYSCALL)
		return DISASM_SYSCALL;
	if (insn->id == X86_INS_SYSENTER)
		return DISASM_SYSENTER;
	if (insn->id == X86_INS_INT)
		return x->op_count == 1 && (uint8_t)x->operands[0].imm == 0x80 ? DISASM_INT80
									       : DISASM_WRITES;
	kind = flow_of(insn, vp);
	if (kind != DISASM_OTHER)
		return kind;
	if (is_constant(insn, vp))
		return DISASM_CONST;
	return writes_rax(insn) ? DISASM_WRITES : DISASM_OTHER;
}

/*
 * The instruction that begins at `code`, which stands at `addr`; at most `n` bytes, at least one,
 * are read. What Capstone does not know is DISASM_BAD and one byte long.
 */
void disasm_next(struct disasm *d, const uint8_t *code, size_t n, uint64_t addr,
		 struct instruction *ip)
{
	uint64_t next = addr;
	const uint8_t *at = code;
	size_t left = n;

	*ip = (struct instruction){.addr = addr, .size = 1, .kind = DISASM_BAD};
	if (!iter_fn(d->cs, &at, &left, &next, d->insn) || !d->insn->size)
		return;
	ip->size = (uint8_t)d->insn->size;
	ip->kind = kind_of(d->insn, &ip->value);
}
