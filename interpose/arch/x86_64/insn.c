/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/arch/x86_64/insn.h"

#include <errno.h>
#include <string.h>
#include "interpose/forbid.h"

/*
 * How long an instruction is, and the same instruction elsewhere: one that stores into the page it
 * lies in cannot be executed there while that page is writable, so a copy of it is.
 *
 * Separate because nothing of it knows of pages or signals: bytes in, bytes out, which a
 * disassembler and the processor can be asked about in a test.
 *
 * Source: Intel SDM volume 2, chapter 2 and appendix A (opcode maps); AMD APM volume 3, appendix A;
 * which opcodes exist in the maps behind 0F, VEX and EVEX: binutils 2.40, opcodes/i386-dis.c.
 *
 * Holds: 64-bit mode only. No byte behind the instruction is read. What is not in the tables, and
 * what processors differ in, is no instruction: a refusal costs the program a signal, a wrong
 * length would run the wrong code. 3DNow!, XOP, MVEX, APX, ud0, ud1 and moves to control registers
 * are left out for that.
 *
 * Context: anywhere, signal handlers included; pure.
 */

/* The shape of an opcode: what follows it, by the letters of the tables below; 0 is no opcode. */
enum {
	NONE = 1, /* no immediate */
	BYTE,
	WORD,
	ENTER, /* a word and a byte */
	FULL,  /* two or four bytes, by operand size */
	WIDE,  /* as FULL, or eight: mov to a register */
	MOFFS, /* an address */
	TEST,  /* of F6 and F7 the first two have an immediate */
	REL,   /* four bytes to add to rip */
	IMMEDIATE = 0x3f,
	FLOW = 0x40,
	MODRM = 0x80,
};

#define XX 0
#define N_ NONE
#define NB BYTE
#define NE ENTER
#define NZ FULL
#define NV WIDE
#define NO MOFFS
#define M_ (MODRM | NONE)
#define MB (MODRM | BYTE)
#define MZ (MODRM | FULL)
#define MT (MODRM | TEST)
#define J_ (FLOW | NONE)
#define JB (FLOW | BYTE)
#define JW (FLOW | WORD)
#define JZ (FLOW | REL)

/* Prefixes and escapes are XX: whoever looks here has taken them off. popf (9D) counts as flow: it
 * can set the trap flag. */
/* clang-format off */
static const uint8_t one_byte[256] = {
/*      0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
/* 0 */ M_, M_, M_, M_, NB, NZ, XX, XX, M_, M_, M_, M_, NB, NZ, XX, XX,
/* 1 */ M_, M_, M_, M_, NB, NZ, XX, XX, M_, M_, M_, M_, NB, NZ, XX, XX,
/* 2 */ M_, M_, M_, M_, NB, NZ, XX, XX, M_, M_, M_, M_, NB, NZ, XX, XX,
/* 3 */ M_, M_, M_, M_, NB, NZ, XX, XX, M_, M_, M_, M_, NB, NZ, XX, XX,
/* 4 */ XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
/* 5 */ N_, N_, N_, N_, N_, N_, N_, N_, N_, N_, N_, N_, N_, N_, N_, N_,
/* 6 */ XX, XX, XX, M_, XX, XX, XX, XX, NZ, MZ, NB, MB, N_, N_, N_, N_,
/* 7 */ JB, JB, JB, JB, JB, JB, JB, JB, JB, JB, JB, JB, JB, JB, JB, JB,
/* 8 */ MB, MZ, XX, MB, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* 9 */ N_, N_, N_, N_, N_, N_, N_, N_, N_, N_, XX, N_, N_, J_, N_, N_,
/* a */ NO, NO, NO, NO, N_, N_, N_, N_, NB, NZ, N_, N_, N_, N_, N_, N_,
/* b */ NB, NB, NB, NB, NB, NB, NB, NB, NV, NV, NV, NV, NV, NV, NV, NV,
/* c */ MB, MB, JW, J_, XX, XX, MB, MZ, NE, N_, JW, J_, J_, JB, XX, J_,
/* d */ M_, M_, M_, M_, XX, XX, XX, N_, M_, M_, M_, M_, M_, M_, M_, M_,
/* e */ JB, JB, JB, JB, NB, NB, NB, NB, JZ, JZ, XX, JB, N_, N_, N_, N_,
/* f */ XX, J_, XX, XX, J_, N_, MT, MT, N_, N_, N_, N_, N_, N_, M_, M_,
};

/* Behind 0F, and what follows the opcodes that VEX and EVEX share with it. */
static const uint8_t two_byte[256] = {
/*      0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
/* 0 */ M_, M_, M_, M_, XX, J_, N_, J_, N_, N_, XX, J_, XX, M_, XX, XX,
/* 1 */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* 2 */ XX, XX, XX, XX, XX, XX, XX, XX, M_, M_, M_, M_, M_, M_, M_, M_,
/* 3 */ N_, N_, N_, N_, J_, J_, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
/* 4 */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* 5 */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* 6 */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* 7 */ MB, MB, MB, MB, M_, M_, M_, N_, XX, XX, XX, XX, M_, M_, M_, M_,
/* 8 */ JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ, JZ,
/* 9 */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* a */ N_, N_, N_, M_, MB, M_, XX, XX, N_, N_, XX, M_, MB, M_, M_, M_,
/* b */ M_, M_, M_, M_, M_, M_, M_, M_, M_, XX, MB, M_, M_, M_, M_, M_,
/* c */ M_, M_, MB, M_, MB, MB, MB, M_, N_, N_, N_, N_, N_, N_, N_, N_,
/* d */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* e */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_,
/* f */ M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, M_, XX,
};

/* The other maps: all have ModRM, those of map 3 a byte behind it. A row is the high digit of the
 * opcode, a bit the low one. */
static const uint16_t legacy_maps[4][16] = {
	[2] = {0x0fff, 0x70b1, 0x0f3f, 0xffbf, 0x0003, 0x0000, 0x0000, 0x0000,
	       0x0007, 0x0000, 0x0000, 0x0000, 0xbf00, 0xf900, 0x0000, 0x1f63},
	[3] = {0xff00, 0x00f0, 0x0007, 0x0000, 0x0017, 0x0000, 0x000f, 0x0000,
	       0x0000, 0x0000, 0x0000, 0x0000, 0xd000, 0x8000, 0x0000, 0x0001},
};

static const uint16_t vex_maps[4][16] = {
	[1] = {0x0000, 0x00ff, 0xff00, 0x0000, 0x0cf6, 0xffff, 0xffff, 0xf0ff,
	       0x0000, 0x030f, 0x4000, 0x0000, 0x0074, 0xffff, 0xffff, 0x7fff},
	[2] = {0xffff, 0x77c8, 0xff3f, 0xffff, 0x0ae3, 0x070f, 0x0000, 0x0304,
	       0x5000, 0xffcf, 0xffc0, 0xfff3, 0x8000, 0xf800, 0xffff, 0x00ec},
	[3] = {0xff77, 0x23f0, 0x0007, 0x030f, 0x1f57, 0xf000, 0xff0f, 0xff00,
	       0x0000, 0x0000, 0x0000, 0x0000, 0xc000, 0x8000, 0x0000, 0x0001},
};

static const uint16_t evex_maps[8][16] = {
	[1] = {0x0000, 0x00ff, 0xff00, 0x0000, 0x0000, 0xfff2, 0xffff, 0xcf7f,
	       0x0000, 0x0000, 0x0000, 0x0000, 0x0074, 0xff7e, 0xffff, 0x7f7e},
	[2] = {0x3811, 0xff7f, 0x3fff, 0xffff, 0xf0fd, 0x0f3f, 0x017c, 0xffef,
	       0xaf08, 0xffcf, 0xffcf, 0xfff0, 0xbd10, 0xf000, 0x0000, 0x0000},
	[3] = {0x8f3b, 0xeff0, 0x00ef, 0xcf00, 0x001c, 0x00f3, 0x00c0, 0x000f,
	       0x0000, 0x0000, 0x0000, 0x0000, 0xc004, 0x0000, 0x0000, 0x0000},
	[5] = {0x0000, 0x2003, 0xf400, 0x0000, 0x0000, 0xff02, 0x4000, 0x7f00,
	       0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000, 0x0000},
	[6] = {0x0000, 0x0008, 0x3000, 0x0000, 0xf00c, 0x00c0, 0x0000, 0x0000,
	       0x0000, 0xffc0, 0xffc0, 0xffc0, 0x0000, 0x00c0, 0x0000, 0x0000},
};
/* clang-format on */

/* Opcodes of which the middle field of ModRM decides: a bit for each of its eight values. */
static const struct group {
	uint8_t map, opcode, known, flow;
} groups[] = {
	{0, 0x8f, 0x01, 0x00}, /* pop; the rest is XOP */
	{0, 0xc6, 0x01, 0x00}, /* mov */
	{0, 0xc7, 0x01, 0x00}, /* mov */
	{0, 0xfe, 0x03, 0x00}, /* inc, dec */
	{0, 0xff, 0x7f, 0x3c}, /* inc, dec, call, call far, jmp, jmp far, push */
	{1, 0xba, 0xf0, 0x00}, /* bt, bts, btr, btc */
};

/* An instruction being read. The first error stays, and after it nothing more is read. */
struct look {
	const uint8_t *code;
	size_t n;
	unsigned at;
	int error;
	uint8_t rex, rep, map, opcode, modrm; /* rep: F2, F3 or 0 */
	bool op16, lock, coded;               /* coded: by VEX or EVEX */
	struct insn insn;
};

static void fail(struct look *l, int error)
{
	if (!l->error)
		l->error = error;
}

/* The next `k` bytes belong to the instruction. */
static bool skip(struct look *l, unsigned k)
{
	if (l->at + k > INSN_MAX)
		fail(l, -EINVAL);
	else if (l->at + k > l->n)
		fail(l, -ENODATA);
	if (l->error)
		return false;
	l->at += k;
	return true;
}

static uint8_t take(struct look *l)
{
	return skip(l, 1) ? l->code[l->at - 1] : 0;
}

static bool take_legacy_prefix(struct look *l, uint8_t b)
{
	switch (b) {
	case 0x66:
		l->op16 = true;
		return true;
	case 0x67:
		l->insn.addr32 = true;
		return true;
	case 0xf0:
		l->lock = true;
		return true;
	case 0xf2:
	case 0xf3:
		l->rep = b;
		return true;
	case 0x26: /* segments */
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
		return true;
	}
	return false;
}

/* All prefixes. A REX that is not the last is ignored by processors, and written by no compiler.
 * Return: the byte behind them. */
static uint8_t take_prefixes(struct look *l)
{
	for (;;) {
		uint8_t b = take(l);
		bool rex = (b & 0xf0) == 0x40;

		if (!rex && !take_legacy_prefix(l, b))
			return b;
		if (l->rex)
			fail(l, -EINVAL);
		if (rex)
			l->rex = b;
	}
}

static bool rex_w(const struct look *l)
{
	return l->rex & 8;
}

/* The shape of the opcode that is next, in a map of which `known` holds the opcodes. */
static uint8_t map_shape(struct look *l, uint8_t map, const uint16_t *known)
{
	uint8_t op = take(l);

	l->map = map;
	l->opcode = op;
	if (!(known[op >> 4] >> (op & 15) & 1))
		return XX;
	if (map == 1 && two_byte[op])
		return two_byte[op];
	return map == 3 ? MB : M_;
}

static uint8_t legacy_shape(struct look *l, uint8_t op)
{
	if (op == 0x0f) {
		op = take(l);
		if (op == 0x38 || op == 0x3a)
			return map_shape(l, op == 0x38 ? 2 : 3, legacy_maps[op == 0x38 ? 2 : 3]);
		l->map = 1;
	}
	l->opcode = op;
	return l->map ? two_byte[op] : one_byte[op];
}

/* C4 and C5: the map is in the first byte behind C4, and 1 for C5. */
static uint8_t vex_shape(struct look *l, bool long_form)
{
	uint8_t map = long_form ? take(l) & 0x1f : 1;

	take(l);
	return map >= 1 && map <= 3 ? map_shape(l, map, vex_maps[map]) : XX;
}

/* 62: one bit of each of the first two bytes has a fixed value, other values being MVEX or APX. */
static uint8_t evex_shape(struct look *l)
{
	uint8_t p0 = take(l), p1 = take(l);

	take(l);
	return !(p0 & 8) && (p1 & 4) ? map_shape(l, p0 & 7, evex_maps[p0 & 7]) : XX;
}

static uint8_t take_opcode(struct look *l)
{
	uint8_t op = take_prefixes(l);

	l->coded = op == 0xc4 || op == 0xc5 || op == 0x62;
	if (!l->coded)
		return legacy_shape(l, op);
	if (l->op16 || l->rep || l->lock || l->rex)
		return XX;
	return op == 0x62 ? evex_shape(l) : vex_shape(l, op == 0xc4);
}

/* ModRM, SIB and displacement. SDM volume 2, tables 2-2 and 2-3; 2.2.1.6, "RIP-Relative". */
static void take_modrm(struct look *l)
{
	uint8_t modrm = take(l), mod = modrm >> 6, base = modrm & 7;
	unsigned disp = mod == 1 ? 1 : mod == 2 ? 4 : 0;

	l->modrm = modrm;
	if (mod == 3)
		return;
	if (base == 4)
		base = take(l) & 7;
	else
		l->insn.rip_relative = mod == 0 && base == 5;
	if (mod == 0 && base == 5)
		disp = 4;
	if (disp)
		l->insn.disp_at = (uint8_t)l->at;
	skip(l, disp);
}

/* What ModRM says of an opcode that is not one of its own. */
static void look_at_group(struct look *l)
{
	uint8_t reg = l->modrm >> 3 & 7;

	if (l->coded)
		return;
	if (!l->map && (l->opcode | 1) == 0xc7 && l->modrm == 0xf8) { /* xabort, xbegin */
		l->insn.branches = true;
		return;
	}
	for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		const struct group *g = &groups[i];

		if (g->map != l->map || g->opcode != l->opcode)
			continue;
		if (!(g->known >> reg & 1))
			fail(l, -EINVAL);
		if (g->flow >> reg & 1)
			l->insn.branches = true;
	}
	if (l->map == 1 && l->opcode == 0x01 && l->modrm >= 0xc0) /* vmcall, xend, uiret, … */
		l->insn.branches = true;
	if (l->map == 1 && l->opcode == 0xb8 && l->rep != 0xf3) /* popcnt, else nothing */
		fail(l, -EINVAL);
}

/* With an operand-size prefix a branch has two bytes for AMD and four for Intel. */
static unsigned rel_bytes(struct look *l)
{
	if (l->op16 && !rex_w(l))
		fail(l, -EINVAL);
	return 4;
}

static unsigned immediate_bytes(struct look *l, uint8_t shape)
{
	unsigned full = l->op16 && !rex_w(l) ? 2 : 4;

	switch (shape & IMMEDIATE) {
	case BYTE:
		return 1;
	case WORD:
		return 2;
	case ENTER:
		return 3;
	case FULL:
		return full;
	case WIDE:
		return rex_w(l) ? 8 : full;
	case MOFFS:
		return l->insn.addr32 ? 4 : 8;
	case TEST:
		if (l->modrm >> 3 & 6)
			return 0;
		return l->opcode & 1 ? full : 1;
	case REL:
		return rel_bytes(l);
	}
	return 0;
}

/*
 * The instruction of 64-bit mode that the `n` bytes at `code` begin with; no more of them are read
 * than it has. Whether the processor would execute it is another question: privilege, features, a
 * prefix that it does not allow there.
 *
 * Context: anywhere.
 *
 * Return: 0; -EINVAL for what is none, or none that is known; -ENODATA for the beginning of one
 * that is longer than `n`.
 */
int insn_decode(const uint8_t *code, size_t n, struct insn *ip)
{
	struct look l = {.code = code, .n = n};
	uint8_t shape = take_opcode(&l);

	if (!shape)
		fail(&l, -EINVAL);
	l.insn.branches = shape & FLOW;
	if (shape & MODRM && !l.error) {
		take_modrm(&l);
		look_at_group(&l);
	}
	skip(&l, immediate_bytes(&l, shape));
	if (l.error)
		return l.error;
	l.insn.len = (uint8_t)l.at;
	*ip = l.insn;
	return 0;
}

/* What stands at `from` reaches the same address from `to`. */
static int move_disp(const uint8_t *code, uint64_t from, uint64_t to, int32_t *dispp)
{
	int32_t disp;
	int64_t moved;

	memcpy(&disp, code, sizeof(disp));
	moved = (int64_t)(from - to + (uint64_t)(int64_t)disp);
	if (moved != (int32_t)moved)
		return -ERANGE;
	*dispp = (int32_t)moved;
	return 0;
}

/*
 * Writes code that does at `to` what the instruction at `from` does and goes on behind that one:
 * the instruction, with another displacement where that counts from rip, and a jump through the
 * eight bytes behind it. Neither registers nor the stack are used for it. `code` holds the bytes
 * that are to be executed, at most `n` of them, and must not change meanwhile: a copy, where others
 * could write. `out` has `room` bytes, INSN_MOVED_MAX are always enough; it is written only on
 * success.
 *
 * Two differences remain. A fault in the moved instruction shows an address in it, and x87
 * instructions leave their new address behind as the last one (fnstenv).
 *
 * Context: anywhere.
 *
 * Return: the bytes written; -EINVAL and -ENODATA as insn_decode(); -EOPNOTSUPP for an instruction
 * that changes the flow or looks at it, or counts from the lower half of rip; -ERANGE where `to` is
 * too far from what it reaches; -ENOSPC.
 */
int insn_move(const uint8_t *code, size_t n, uint64_t from, uint64_t to, uint8_t *out, size_t room)
{
	static const uint8_t jump[] = {0xff, 0x25, 0, 0, 0, 0}; /* jmp *0(%rip) */
	struct insn i;
	int32_t disp = 0;
	uint64_t next;
	int r = insn_decode(code, n, &i);

	if (r)
		return r;
	if (i.branches || (i.rip_relative && i.addr32))
		return -EOPNOTSUPP;
	if (i.rip_relative && move_disp(code + i.disp_at, from, to, &disp))
		return -ERANGE;
	if (room < i.len + sizeof(jump) + sizeof(next))
		return -ENOSPC;
	memcpy(out, code, i.len);
	if (i.rip_relative)
		memcpy(out + i.disp_at, &disp, sizeof(disp));
	memcpy(out + i.len, jump, sizeof(jump));
	next = from + i.len;
	memcpy(out + i.len + sizeof(jump), &next, sizeof(next));
	return (int)(i.len + sizeof(jump) + sizeof(next));
}
