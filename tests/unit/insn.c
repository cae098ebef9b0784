/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/arch/x86_64/insn.h"

#include <capstone/capstone.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include "tests/unit/insn_random.h"
#include "tests/unit/unit.h"

/*
 * The decoder against Capstone: over all code that this program has loaded, and over random bytes.
 * Capstone 4 does not know all that a libc of today contains; there the decoder's own word is taken
 * for where the next instruction begins. tests/unit/insn_cpu.c asks the processor.
 */

#define N_RANDOM 400000

static csh capstone;
static cs_insn *theirs;

static void setup(void)
{
	ck_assert_int_eq(cs_open(CS_ARCH_X86, CS_MODE_64, &capstone), CS_ERR_OK);
	ck_assert_int_eq(cs_option(capstone, CS_OPT_DETAIL, CS_OPT_ON), CS_ERR_OK);
	theirs = cs_malloc(capstone);
}

static void teardown(void)
{
	cs_free(theirs, 1);
	cs_close(&capstone);
}

static bool capstone_knows(const uint8_t *code, size_t n)
{
	uint64_t address = 0;

	return cs_disasm_iter(capstone, &code, &n, &address, theirs);
}

/* What was decoded, in hexadecimal, for messages. */
static const char *hex(const uint8_t *code, size_t n)
{
	static char text[3 * INSN_MAX + 1];

	for (size_t i = 0; i < n && i < INSN_MAX; i++)
		sprintf(text + 3 * i, " %02x", code[i]);
	return text;
}

static bool uses_rip(const cs_x86 *x)
{
	for (int i = 0; i < x->op_count; i++)
		if (x->operands[i].type == X86_OP_MEM && (x->operands[i].mem.base == X86_REG_RIP ||
							  x->operands[i].mem.base == X86_REG_EIP))
			return true;
	return false;
}

static bool is_flow(void)
{
	static const uint8_t groups[] = {CS_GRP_JUMP, CS_GRP_CALL, CS_GRP_RET, CS_GRP_INT,
					 CS_GRP_IRET};

	for (size_t i = 0; i < sizeof(groups); i++)
		if (cs_insn_group(capstone, theirs, groups[i]))
			return true;
	return false;
}

static void agree(const uint8_t *code, size_t n, const struct insn *ours)
{
	const cs_x86 *x = &theirs->detail->x86;

	ck_assert_msg(ours->len == theirs->size, "%d bytes, for Capstone %d: %s %s:%s", ours->len,
		      theirs->size, theirs->mnemonic, theirs->op_str, hex(code, n));
	if (ours->rip_relative || uses_rip(x))
		ck_assert_msg(ours->rip_relative && ours->disp_at == x->encoding.disp_offset,
			      "displacement at %d, for Capstone at %d:%s", ours->disp_at,
			      x->encoding.disp_offset, hex(code, n));
	ck_assert_msg(ours->branches || !is_flow(), "no branch, but for Capstone: %s:%s",
		      theirs->mnemonic, hex(code, n));
}

/* One segment of code, instruction by instruction. */
static void sweep(const uint8_t *code, size_t n, size_t *knownp, size_t *refusedp)
{
	while (n) {
		struct insn ours = {.len = 1};
		int r = insn_decode(code, n, &ours);
		size_t len = ours.len;

		ck_assert(!r || r == -EINVAL || (r == -ENODATA && n < INSN_MAX));
		if (capstone_knows(code, n)) {
			len = theirs->size;
			++*knownp;
			if (r)
				++*refusedp;
			else
				agree(code, n, &ours);
		}
		code += len;
		n -= len;
	}
}

struct sweep {
	size_t known, refused, objects;
};

static int object_sweep(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct sweep *s = arg;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && p->p_flags & PF_X)
			sweep((const uint8_t *)info->dlpi_addr + p->p_vaddr, p->p_filesz, &s->known,
			      &s->refused);
	}
	s->objects++;
	return 0;
}

START_TEST(loaded_code_is_decoded_as_by_capstone)
{
	struct sweep s = {0};

	dl_iterate_phdr(object_sweep, &s);
	ck_assert_uint_ge(s.objects, 3);
	ck_assert_uint_gt(s.known, 300000);
	ck_assert_msg(s.refused * 100 < s.known, "%zu of %zu refused", s.refused, s.known);
}
END_TEST

/*
 * What Capstone 4.0.2 gets wrong, as the processor showed: the operand of push (68) with 66 and a
 * repeat prefix, of ret (C2) with REX.W and of call (E8) with REX behind 66 or 67; and EVEX with
 * rounding in a register form, for which it reads a displacement.
 */
static bool is_capstone_mistake(const uint8_t *code)
{
	const uint8_t *p = code;
	bool size = false, more = false;

	if (*p == 0x62)
		return code[3] & 0x10 && code[5] >= 0xc0;
	for (; strchr("\x66\x67\xf0\xf2\xf3\x26\x2e\x36\x3e\x64\x65", *p) && *p; p++) {
		size |= *p == 0x66 || *p == 0x67;
		more |= *p == 0xf2 || *p == 0xf3;
	}
	if ((*p & 0xf0) == 0x40) {
		more = true;
		p++;
	}
	return size && more && (*p == 0x68 || *p == 0xc2 || *p == 0xe8);
}

START_TEST(random_bytes_are_decoded_as_by_capstone)
{
	uint64_t state = INSN_RANDOM_SEED;
	unsigned both = 0, mistakes = 0;

	for (unsigned i = 0; i < N_RANDOM; i++) {
		uint8_t code[16];
		struct insn ours;

		insn_random(&state, i, code);
		if (insn_decode(code, INSN_MAX, &ours) || !capstone_knows(code, INSN_MAX))
			continue;
		both++;
		if (ours.len != theirs->size && is_capstone_mistake(code))
			mistakes++;
		else
			agree(code, INSN_MAX, &ours);
	}
	ck_assert_uint_gt(both, N_RANDOM / 2);
	ck_assert_uint_lt(mistakes, N_RANDOM / 10000);
}
END_TEST

static const struct {
	const char *what, *bytes;
	size_t n;
	int len; /* or -EINVAL */
} rows[] = {
	{"mov imm64", "\x48\xb8\1\2\3\4\5\6\7\10", 10, 10},
	{"mov imm16", "\x66\xb8\1\2", 4, 4},
	{"mov imm32, REX.W wins over 66", "\x66\x48\xc7\xc0\1\2\3\4", 8, 8},
	{"mov from an address", "\xa1\1\2\3\4\5\6\7\10", 9, 9},
	{"mov from an address of 32 bits", "\x67\xa1\1\2\3\4", 6, 6},
	{"test imm", "\xf7\x00\1\2\3\4", 6, 6},
	{"not", "\xf7\x10", 2, 2},
	{"enter", "\xc8\1\2\3", 4, 4},
	{"base 5 without a register", "\x8b\x04\x25\1\2\3\4", 7, 7},
	{"vpternlogd zmm, imm8", "\x62\xf3\x75\x48\x25\x40\x01\xff", 8, 8},
	{"fifteen bytes", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\xc8", 15, 15},
	{"sixteen bytes", "\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x89\xc8", 16,
	 -EINVAL},
	{"push es", "\x06", 1, -EINVAL},
	{"REX that is not the last prefix", "\x48\x66\xb8\1\2\3\4\5\6\7\10", 11, -EINVAL},
	{"VEX behind REX", "\x48\xc5\xf8\x77", 4, -EINVAL},
	{"XOP", "\x8f\xe8\x78\xc0\xc1\xc2", 6, -EINVAL},
	{"APX", "\x62\xf4\x7c\x18\x01\xc0", 6, -EINVAL},
	{"REX2", "\xd5\x10\x01\xc0", 4, -EINVAL},
	{"call rel16 or rel32", "\x66\xe8\1\2\3\4", 6, -EINVAL},
	{"3DNow!", "\x0f\x0f\xc1\x9e", 4, -EINVAL},
};

START_TEST(lengths_are_known_or_refused)
{
	struct insn i = {.len = 99};
	int r = insn_decode((const uint8_t *)rows[_i].bytes, rows[_i].n, &i);

	ck_assert_msg(rows[_i].len < 0 ? r == rows[_i].len && i.len == 99
				       : !r && i.len == rows[_i].len,
		      "%s: %d, %d bytes", rows[_i].what, r, i.len);
	for (size_t n = 0; r == 0 && n < i.len; n++)
		ck_assert_msg(insn_decode((const uint8_t *)rows[_i].bytes, n, &i) == -ENODATA,
			      "%s: %zu bytes are enough", rows[_i].what, n);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("insn");
	TCase *t = tcase_create("insn");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, loaded_code_is_decoded_as_by_capstone);
	tcase_add_test(t, random_bytes_are_decoded_as_by_capstone);
	tcase_add_loop_test(t, lengths_are_known_or_refused, 0, sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
