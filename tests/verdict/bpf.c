/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/verdict/bpf.h"

/*
 * A machine for classic BPF as seccomp uses it: it answers what the kernel would, without a
 * process, a kernel or a risk, for any program counter and any argument. Two things are asked of
 * it: what a filter returns for a call, and whether the kernel could know that from the call's
 * number and architecture alone.
 *
 * It is a test's tool and trusts no program: every index is checked when it is used, and what the
 * kernel would not load (bpf_check()) is an error here.
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct machine {
	const struct sock_fprog *prog;
	const struct seccomp_data *data;
	uint32_t a, x;
	uint32_t mem[BPF_MEMWORDS];
	unsigned pc;
};

static int load_word(const struct seccomp_data *data, uint32_t offset, uint32_t *wordp)
{
	if (offset % 4 || offset > sizeof(*data) - 4)
		return -EFAULT;
	memcpy(wordp, (const char *)data + offset, 4);
	return 0;
}

static int alu(uint32_t a, uint16_t op, uint32_t v, uint32_t *ap)
{
	switch (op) {
	case BPF_ADD:
		*ap = a + v;
		return 0;
	case BPF_SUB:
		*ap = a - v;
		return 0;
	case BPF_MUL:
		*ap = a * v;
		return 0;
	case BPF_OR:
		*ap = a | v;
		return 0;
	case BPF_AND:
		*ap = a & v;
		return 0;
	case BPF_XOR:
		*ap = a ^ v;
		return 0;
	case BPF_NEG:
		*ap = -a;
		return 0;
	}
	/* What depends on the value of the operand: a filter that gets here with such a one has
	 * no meaning that every kernel agrees on. */
	if (op == BPF_LSH || op == BPF_RSH) {
		if (v >= 32)
			return -EDOM;
		*ap = op == BPF_LSH ? a << v : a >> v;
		return 0;
	}
	if (op != BPF_DIV)
		return -EINVAL;
	if (!v)
		return -EDOM;
	*ap = a / v;
	return 0;
}

static int test(uint32_t a, uint16_t op, uint32_t v, bool *yesp)
{
	switch (op) {
	case BPF_JEQ:
		*yesp = a == v;
		return 0;
	case BPF_JGT:
		*yesp = a > v;
		return 0;
	case BPF_JGE:
		*yesp = a >= v;
		return 0;
	case BPF_JSET:
		*yesp = a & v;
		return 0;
	}
	return -EINVAL;
}

static int machine_load(struct machine *m, const struct sock_filter *f, uint32_t *regp)
{
	switch (BPF_SIZE(f->code) | BPF_MODE(f->code)) {
	case BPF_W | BPF_ABS:
		return BPF_CLASS(f->code) == BPF_LD ? load_word(m->data, f->k, regp) : -EINVAL;
	case BPF_W | BPF_LEN:
		*regp = sizeof(*m->data);
		return 0;
	case BPF_IMM:
		*regp = f->k;
		return 0;
	case BPF_MEM:
		if (f->k >= BPF_MEMWORDS)
			return -EFAULT;
		*regp = m->mem[f->k];
		return 0;
	}
	return -EINVAL;
}

static int machine_jump(struct machine *m, const struct sock_filter *f)
{
	uint64_t skip;
	bool yes;
	int r;

	if (BPF_OP(f->code) == BPF_JA) {
		skip = f->k;
	} else {
		r = test(m->a, BPF_OP(f->code), BPF_SRC(f->code) == BPF_X ? m->x : f->k, &yes);
		if (r < 0)
			return r;
		skip = yes ? f->jt : f->jf;
	}
	if (skip >= m->prog->len - m->pc)
		return -EFAULT;
	m->pc += skip;
	return 0;
}

static int machine_store(struct machine *m, const struct sock_filter *f)
{
	if (f->k >= BPF_MEMWORDS)
		return -EFAULT;
	m->mem[f->k] = BPF_CLASS(f->code) == BPF_ST ? m->a : m->x;
	return 0;
}

static int machine_move(struct machine *m, const struct sock_filter *f)
{
	if (BPF_MISCOP(f->code) == BPF_TAX)
		m->x = m->a;
	else
		m->a = m->x;
	return 0;
}

/* One instruction that is no return; m->pc is already behind it. */
static int machine_step(struct machine *m, const struct sock_filter *f)
{
	switch (BPF_CLASS(f->code)) {
	case BPF_LD:
		return machine_load(m, f, &m->a);
	case BPF_LDX:
		return machine_load(m, f, &m->x);
	case BPF_ST:
	case BPF_STX:
		return machine_store(m, f);
	case BPF_ALU:
		return alu(m->a, BPF_OP(f->code), BPF_SRC(f->code) == BPF_X ? m->x : f->k, &m->a);
	case BPF_JMP:
		return machine_jump(m, f);
	case BPF_MISC:
		return machine_move(m, f);
	}
	return -EINVAL;
}

/**
 * bpf_run() - what a filter returns for a call
 * @prog: the filter
 * @data: the call, as the kernel would show it to the filter
 * @retp: written on success: the filter's answer, action and data
 *
 * Return: 0; -EINVAL: no instruction of seccomp's; -EFAULT: beyond the program, the call or the
 * memory; -EDOM: a division by 0 or a shift by 32 or more.
 *
 * Source: Linux 6.18 net/core/filter.c (bpf_convert_filter) and kernel/seccomp.c
 * (seccomp_check_filter).
 */
int bpf_run(const struct sock_fprog *prog, const struct seccomp_data *data, uint32_t *retp)
{
	struct machine m = {.prog = prog, .data = data};
	int r;

	while (m.pc < prog->len) {
		const struct sock_filter *f = &prog->filter[m.pc++];

		if (BPF_CLASS(f->code) == BPF_RET) {
			*retp = BPF_RVAL(f->code) == BPF_A ? m.a : f->k;
			return 0;
		}
		r = machine_step(&m, f);
		if (r < 0)
			return r;
	}
	return -EFAULT;
}

static bool code_is_known(uint16_t code)
{
	switch (code) {
	case BPF_LD | BPF_W | BPF_ABS:
	case BPF_LD | BPF_W | BPF_LEN:
	case BPF_LDX | BPF_W | BPF_LEN:
	case BPF_LD | BPF_IMM:
	case BPF_LDX | BPF_IMM:
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
	case BPF_MISC | BPF_TAX:
	case BPF_MISC | BPF_TXA:
	case BPF_RET | BPF_K:
	case BPF_RET | BPF_A:
	case BPF_ALU | BPF_NEG:
	case BPF_JMP | BPF_JA:
		return true;
	}
	switch (code & ~BPF_X) {
	case BPF_ALU | BPF_ADD:
	case BPF_ALU | BPF_SUB:
	case BPF_ALU | BPF_MUL:
	case BPF_ALU | BPF_DIV:
	case BPF_ALU | BPF_AND:
	case BPF_ALU | BPF_OR:
	case BPF_ALU | BPF_XOR:
	case BPF_ALU | BPF_LSH:
	case BPF_ALU | BPF_RSH:
	case BPF_JMP | BPF_JEQ:
	case BPF_JMP | BPF_JGT:
	case BPF_JMP | BPF_JGE:
	case BPF_JMP | BPF_JSET:
		return true;
	}
	return false;
}

/* Whether an instruction's own constant is one that the kernel accepts in its place. */
static bool constant_is_sound(const struct sock_filter *f)
{
	switch (f->code) {
	case BPF_ALU | BPF_DIV | BPF_K:
		return f->k != 0;
	case BPF_ALU | BPF_LSH | BPF_K:
	case BPF_ALU | BPF_RSH | BPF_K:
		return f->k < 32;
	case BPF_LD | BPF_MEM:
	case BPF_LDX | BPF_MEM:
	case BPF_ST:
	case BPF_STX:
		return f->k < BPF_MEMWORDS;
	case BPF_LD | BPF_W | BPF_ABS:
		return f->k % 4 == 0 && f->k < sizeof(struct seccomp_data);
	}
	return true;
}

/**
 * bpf_check() - whether the kernel would load a program
 * @prog: the program
 *
 * Return: 0; -EINVAL: an instruction or constant that seccomp does not take, a jump beyond the
 * end, or a last instruction that does not return; -E2BIG: more than BPF_MAXINSNS.
 *
 * Source: Linux 6.18 net/core/filter.c, bpf_check_classic(); kernel/seccomp.c,
 * seccomp_check_filter(). Left out: memory words read before they were written.
 */
int bpf_check(const struct sock_fprog *prog)
{
	if (!prog->len || BPF_CLASS(prog->filter[prog->len - 1].code) != BPF_RET)
		return -EINVAL;
	if (prog->len > BPF_MAXINSNS)
		return -E2BIG;
	for (unsigned i = 0; i < prog->len; i++) {
		const struct sock_filter *f = &prog->filter[i];
		unsigned left = prog->len - i - 1;

		if (!code_is_known(f->code) || !constant_is_sound(f))
			return -EINVAL;
		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		if (BPF_OP(f->code) == BPF_JA ? f->k >= left : f->jt >= left || f->jf >= left)
			return -EINVAL;
	}
	return 0;
}

/**
 * bpf_is_const_allow() - whether the kernel's action cache allows a call without running a filter
 * @prog: the filter
 * @nr: the call's number, without the x32 bit
 * @arch: AUDIT_ARCH_*
 *
 * The kernel follows the program as far as it goes with nr and arch alone, and gives up at any
 * other load or at an instruction that it does not emulate.
 *
 * Return: true where it would come to SECCOMP_RET_ALLOW.
 *
 * Source: Linux 6.18 kernel/seccomp.c, seccomp_is_const_allow().
 */
bool bpf_is_const_allow(const struct sock_fprog *prog, int nr, uint32_t arch)
{
	struct seccomp_data data = {.nr = nr, .arch = arch};
	struct machine m = {.prog = prog, .data = &data};

	while (m.pc < prog->len) {
		const struct sock_filter *f = &prog->filter[m.pc++];

		switch (f->code) {
		case BPF_RET | BPF_K:
			return f->k == SECCOMP_RET_ALLOW;
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k != offsetof(struct seccomp_data, nr) &&
			    f->k != offsetof(struct seccomp_data, arch))
				return false;
			break;
		case BPF_JMP | BPF_JA:
		case BPF_JMP | BPF_JEQ | BPF_K:
		case BPF_JMP | BPF_JGE | BPF_K:
		case BPF_JMP | BPF_JGT | BPF_K:
		case BPF_JMP | BPF_JSET | BPF_K:
		case BPF_ALU | BPF_AND | BPF_K:
			break;
		default:
			return false;
		}
		if (machine_step(&m, f) < 0)
			return false;
	}
	return false;
}
