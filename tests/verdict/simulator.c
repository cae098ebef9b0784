/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The simulator itself: a judge that is always content would let every filter pass, so each answer
 * that it can give is asked for, on programs of a few instructions.
 */

#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <stddef.h>
#include <stdlib.h>
#include "tests/unit/unit.h"
#include "tests/verdict/bpf.h"

#define LD(field)            BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RET(value)           BPF_STMT(BPF_RET | BPF_K, value)
#define RET_A                BPF_STMT(BPF_RET | BPF_A, 0)
#define IMM(value)           BPF_STMT(BPF_LD | BPF_IMM, value)
#define IMM_X(value)         BPF_STMT(BPF_LDX | BPF_IMM, value)
#define JUMP(op, k, yes, no) BPF_JUMP(BPF_JMP | op | BPF_K, k, yes, no)
#define SKIP(n)              BPF_STMT(BPF_JMP | BPF_JA, n)
#define PROG(...)                                                           \
	(&(struct sock_fprog){sizeof((struct sock_filter[]){__VA_ARGS__}) / \
				      sizeof(struct sock_filter),           \
			      (struct sock_filter[]){__VA_ARGS__}})
#define ALLOWED  SECCOMP_RET_ALLOW
#define NOTIFIED SECCOMP_RET_USER_NOTIF

static const struct seccomp_data call = {
	.nr = 39,
	.arch = AUDIT_ARCH_X86_64,
	.instruction_pointer = 0x1122334455667788,
	.args = {0x0123456789abcdef, 1, 2, 3, 4, 0xf000000000000005},
};

static uint32_t value(const struct sock_fprog *prog)
{
	uint32_t ret;

	ck_assert_int_eq(bpf_run(prog, &call, &ret), 0);
	return ret;
}

static int error(const struct sock_fprog *prog)
{
	uint32_t ret = 0xabad1dea;
	int r = bpf_run(prog, &call, &ret);

	ck_assert_uint_eq(ret, 0xabad1dea);
	return r;
}

START_TEST(loads_read_the_word_they_name)
{
	ck_assert_uint_eq(value(PROG(LD(nr), RET_A)), 39);
	ck_assert_uint_eq(value(PROG(LD(arch), RET_A)), AUDIT_ARCH_X86_64);
	ck_assert_uint_eq(value(PROG(LD(instruction_pointer), RET_A)), 0x55667788);
	ck_assert_uint_eq(value(PROG(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 12), RET_A)), 0x11223344);
	ck_assert_uint_eq(value(PROG(LD(args[0]), RET_A)), 0x89abcdef);
	ck_assert_uint_eq(value(PROG(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), RET_A)), 0xf0000000);
	ck_assert_uint_eq(value(PROG(BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), RET_A)), 64);
}
END_TEST

START_TEST(arithmetic_is_that_of_32_bits)
{
	static const struct {
		uint16_t op;
		uint32_t a, k, result;
	} cases[] = {
		{BPF_ADD, 0xffffffff, 2, 1},          {BPF_SUB, 1, 2, 0xffffffff},
		{BPF_MUL, 0x10000, 0x10001, 0x10000}, {BPF_DIV, 7, 2, 3},
		{BPF_AND, 0xff0, 0x0ff, 0x0f0},       {BPF_OR, 0xf00, 0x00f, 0xf0f},
		{BPF_XOR, 0xff0, 0x0ff, 0xf0f},       {BPF_LSH, 3, 31, 0x80000000},
		{BPF_RSH, 0x80000000, 31, 1},         {BPF_NEG, 1, 0, 0xffffffff},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		uint16_t op = BPF_ALU | cases[i].op;
		uint32_t k = cases[i].k;

		ck_assert_uint_eq(value(PROG(IMM(cases[i].a), BPF_STMT(op | BPF_K, k), RET_A)),
				  cases[i].result);
		ck_assert_uint_eq(
			value(PROG(IMM_X(k), IMM(cases[i].a), BPF_STMT(op | BPF_X, 0), RET_A)),
			cases[i].result);
	}
}
END_TEST

START_TEST(jumps_go_where_they_say)
{
	static const struct {
		uint16_t op;
		uint32_t a, k, yes;
	} cases[] = {
		{BPF_JEQ, 5, 5, 1},          {BPF_JEQ, 5, 6, 0},  {BPF_JGT, 5, 5, 0},
		{BPF_JGT, 0x80000000, 5, 1}, {BPF_JGE, 5, 5, 1},  {BPF_JGE, 4, 5, 0},
		{BPF_JSET, 6, 4, 1},         {BPF_JSET, 3, 4, 0},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_uint_eq(value(PROG(IMM(cases[i].a), JUMP(cases[i].op, cases[i].k, 1, 0),
					     RET(0), RET(1))),
				  cases[i].yes);
	ck_assert_uint_eq(value(PROG(SKIP(1), RET(0), RET(1))), 1);
	ck_assert_uint_eq(value(PROG(IMM_X(9), IMM(9), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 1, 0),
				     RET(0), RET(1))),
			  1);
}
END_TEST

START_TEST(registers_and_memory_keep_what_is_put_there)
{
	ck_assert_uint_eq(value(PROG(IMM(7), BPF_STMT(BPF_MISC | BPF_TAX, 0), IMM(1),
				     BPF_STMT(BPF_MISC | BPF_TXA, 0), RET_A)),
			  7);
	ck_assert_uint_eq(value(PROG(IMM(7), BPF_STMT(BPF_ST, 15), IMM(1),
				     BPF_STMT(BPF_LD | BPF_MEM, 15), RET_A)),
			  7);
	ck_assert_uint_eq(
		value(PROG(IMM_X(8), BPF_STMT(BPF_STX, 0), IMM(1), BPF_STMT(BPF_LDX | BPF_MEM, 0),
			   BPF_STMT(BPF_MISC | BPF_TXA, 0), RET_A)),
		8);
}
END_TEST

START_TEST(what_has_no_meaning_is_an_error)
{
	ck_assert_int_eq(
		error(PROG(IMM(1), IMM_X(32), BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0), RET_A)),
		-EDOM);
	ck_assert_int_eq(error(PROG(IMM(1), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0), RET_A)), -EDOM);
	ck_assert_int_eq(error(PROG(IMM(1))), -EFAULT);
	ck_assert_int_eq(error(PROG(SKIP(1), RET(0))), -EFAULT);
	ck_assert_int_eq(error(PROG(SKIP(0xffffffff), RET(0))), -EFAULT);
	ck_assert_int_eq(error(PROG(IMM(0), JUMP(BPF_JEQ, 0, 255, 0), RET(0))), -EFAULT);
	ck_assert_int_eq(error(PROG(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET_A)), -EFAULT);
	ck_assert_int_eq(error(PROG(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RET_A)), -EFAULT);
	ck_assert_int_eq(error(PROG(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RET_A)), -EINVAL);
	ck_assert_int_eq(error(PROG(BPF_STMT(BPF_ST, BPF_MEMWORDS), RET_A)), -EFAULT);
	ck_assert_int_eq(error(PROG(BPF_STMT(BPF_LD | BPF_MEM, BPF_MEMWORDS), RET_A)), -EFAULT);
}
END_TEST

START_TEST(programs_that_the_kernel_would_not_load_are_refused)
{
	static struct sock_filter many[BPF_MAXINSNS + 1];

	for (unsigned i = 0; i <= BPF_MAXINSNS; i++)
		many[i] = (struct sock_filter)RET(0);
	ck_assert_int_eq(bpf_check(PROG(LD(nr), JUMP(BPF_JEQ, 1, 0, 1), RET(0), RET(1))), 0);
	ck_assert_int_eq(bpf_check(&(struct sock_fprog){BPF_MAXINSNS, many}), 0);
	ck_assert_int_eq(bpf_check(&(struct sock_fprog){BPF_MAXINSNS + 1, many}), -E2BIG);
	ck_assert_int_eq(bpf_check(&(struct sock_fprog){0, many}), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(RET(0), LD(nr))), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(LD(nr), JUMP(BPF_JEQ, 1, 0, 2), RET(0), RET(1))), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(LD(nr), JUMP(BPF_JEQ, 1, 2, 0), RET(0), RET(1))), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(SKIP(1), RET(0))), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), RET(0))), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET(0))), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET(0))), -EINVAL);
	ck_assert_int_eq(bpf_check(PROG(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(0))), -EINVAL);
}
END_TEST

static bool cached(const struct sock_fprog *prog)
{
	return bpf_is_const_allow(prog, call.nr, call.arch);
}

START_TEST(only_number_and_architecture_can_be_cached)
{
	ck_assert(cached(PROG(RET(ALLOWED))));
	ck_assert(!cached(PROG(RET(NOTIFIED))));
	ck_assert(cached(PROG(LD(arch), JUMP(BPF_JEQ, AUDIT_ARCH_X86_64, 1, 0), RET(NOTIFIED),
			      LD(nr), JUMP(BPF_JGE, 40, 0, 1), RET(NOTIFIED), RET(ALLOWED))));
	ck_assert(cached(PROG(LD(nr), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 7),
			      JUMP(BPF_JEQ, 7, 0, 1), RET(ALLOWED), RET(NOTIFIED))));
	ck_assert(!cached(PROG(LD(instruction_pointer), RET(ALLOWED))));
	ck_assert(!cached(PROG(LD(args[0]), RET(ALLOWED))));
	ck_assert(!cached(PROG(IMM(1), RET(ALLOWED))));
	ck_assert(!cached(PROG(LD(nr), BPF_STMT(BPF_MISC | BPF_TAX, 0), RET(ALLOWED))));
	ck_assert(!cached(PROG(LD(nr))));
	ck_assert(!cached(PROG(SKIP(1), RET(ALLOWED))));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("simulator");
	TCase *t = tcase_create("simulator");

	tcase_add_test(t, loads_read_the_word_they_name);
	tcase_add_test(t, arithmetic_is_that_of_32_bits);
	tcase_add_test(t, jumps_go_where_they_say);
	tcase_add_test(t, registers_and_memory_keep_what_is_put_there);
	tcase_add_test(t, what_has_no_meaning_is_an_error);
	tcase_add_test(t, programs_that_the_kernel_would_not_load_are_refused);
	tcase_add_test(t, only_number_and_architecture_can_be_cached);
	suite_add_tcase(s, t);
	return unit_run(s);
}
