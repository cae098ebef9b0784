/* SPDX-License-Identifier: BSD-2-Clause */

/* Which system calls of an object are found, with which number, and which can be patched. */

#include "supervise/sites.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "common/call.h"
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define MOV(nr)  0xb8, (nr)&0xff, (nr) >> 8, 0, 0
#define SYSCALL  0x0f, 0x05
#define CMP      0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff
#define RET      0xc3
#define NOP      0x90
#define JUMP(by) 0xeb, (by)&0xff
#define FUNCTIONS                \
	(&(struct image_tables){ \
		.encoding = 0x1b, .search = true, .version = 1, .augmentation = "zR"})
#define LIST(...) ((const uint8_t[]){__VA_ARGS__})

static struct image m;

/* The sites of an object with this code, in one function if `function`. */
static struct site_list find(const uint8_t *code, size_t n, bool function, enum sites_what what)
{
	struct image_function whole = {0, (uint32_t)n};
	struct site_list l;

	image_init(&m, code, n);
	if (function)
		image_add_functions(&m, &whole, 1, FUNCTIONS);
	ck_assert_int_eq(sites_find(m.bytes, m.size, what, &l), 0);
	return l;
}

static size_t n_patchable(const uint8_t *code, size_t n)
{
	struct site_list l = find(code, n, true, SITES_PATCHABLE), all;
	size_t n_sites = l.n, n_all = 0;

	for (size_t i = 0; i < l.n; i++)
		ck_assert(l.at[i].patchable &&
			  site_is_intact(l.at + i, m.bytes + l.at[i].offset - SITE_MOV_SIZE, 13));
	site_list_deinit(&l);
	all = find(code, n, true, SITES_ALL); /* both say the same */
	for (size_t i = 0; i < all.n; i++)
		n_all += all.at[i].patchable;
	ck_assert_uint_eq(n_all, n_sites);
	site_list_deinit(&all);
	return n_sites;
}

/* The number of the only call in the code. */
static int32_t number(const uint8_t *code, size_t n, bool function)
{
	struct site_list l = find(code, n, function, SITES_ALL);
	int32_t nr = l.n == 1 ? l.at[0].nr : -2;

	site_list_deinit(&l);
	return nr;
}

#define N_PATCHABLE(...)       n_patchable(LIST(__VA_ARGS__), sizeof(LIST(__VA_ARGS__)))
#define NUMBER(...)            number(LIST(__VA_ARGS__), sizeof(LIST(__VA_ARGS__)), true)
#define NUMBER_IN_STRETCH(...) number(LIST(__VA_ARGS__), sizeof(LIST(__VA_ARGS__)), false)

START_TEST(a_call_of_libcs_shape_is_patchable)
{
	struct site_list l = find(LIST(NOP, MOV(9), SYSCALL, CMP, RET), 15, true, SITES_PATCHABLE);

	ck_assert_uint_eq(l.n, 1);
	ck_assert_uint_eq(l.at[0].offset, IMAGE_CODE + 6);
	ck_assert_uint_eq(l.at[0].addr, IMAGE_BASE + IMAGE_CODE + 6);
	ck_assert_int_eq(l.at[0].nr, 9);
	ck_assert_int_eq(l.at[0].kind, SITE_SYSCALL);
	site_list_deinit(&l);
}
END_TEST

/* Loop: the calls of the list. */
START_TEST(only_calls_of_the_gate_are_patchable)
{
	static const struct {
		int nr;
		bool gate;
	} calls[] = {{SYS_mmap, 1},
		     {SYS_munmap, 1},
		     {SYS_mprotect, 1},
		     {SYS_pkey_mprotect, 1},
		     {SYS_mremap, 1},
		     {SYS_madvise, 1},
		     {SYS_shmat, 1},
		     {SYS_shmdt, 1},
		     {SYS_mseal, 1},
		     {SYS_brk, 0},
		     {SYS_remap_file_pages, 0},
		     {SYS_process_madvise, 0},
		     {SYS_execve, 0},
		     {SYS_ioctl, 0},
		     {SYS_map_shadow_stack, 0}};

	ck_assert_uint_eq(N_PATCHABLE(MOV(calls[_i].nr), SYSCALL, CMP, RET), calls[_i].gate);
	ck_assert(site_is_call(calls[_i].nr) == calls[_i].gate);
}
END_TEST

START_TEST(a_call_outside_all_functions_is_found)
{
	struct site_list l = find(LIST(NOP, MOV(9), SYSCALL, RET), 9, false, SITES_PATCHABLE);

	ck_assert_uint_eq(l.n, 1);
	site_list_deinit(&l);
}
END_TEST

START_TEST(bytes_that_are_inside_an_instruction_are_not)
{
	ck_assert_uint_eq(N_PATCHABLE(MOV(9), SYSCALL, RET), 1);
	/* movabs $…,%rdx holds all seven */
	ck_assert_uint_eq(N_PATCHABLE(0x48, 0xba, MOV(9), SYSCALL, NOP, RET), 0);
	/* mov $9,%r8d; syscall */
	ck_assert_uint_eq(N_PATCHABLE(0x41, MOV(9), SYSCALL, RET), 0);
	/* lea 9(%rip),%edi would be one byte longer than mov: its tail only looks like it */
	ck_assert_uint_eq(N_PATCHABLE(0x8d, 0x80, MOV(9), SYSCALL, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(0x90, 0x90, MOV(9), SYSCALL, RET), 1);
	/* the syscall is a distance's tail: mov $9,%eax in front of lea 0x50f(%rax) */
	ck_assert_uint_eq(N_PATCHABLE(MOV(9), 0x8d, 0x80, SYSCALL, 0, 0, RET), 0);
}
END_TEST

START_TEST(only_the_short_mov_is_patchable)
{
	ck_assert_uint_eq(N_PATCHABLE(0x48, 0xc7, 0xc0, 9, 0, 0, 0, SYSCALL, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(0x48, 0xb8, 9, 0, 0, 0, 0, 0, 0, 0, SYSCALL, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(0xb9, 9, 0, 0, 0, SYSCALL, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(MOV(9), NOP, SYSCALL, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(0xb8, 9, 0, 1, 0, SYSCALL, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(0xb8, 9, 0, 0, 0x80, SYSCALL, RET), 0);
}
END_TEST

/* Loop: the byte that is jumped to, of nine around the site; the first is harmless. */
static const int targets[] = {-1, 0, 1, 2, 3, 4, 5, 6, 7};

static size_t expected(int target)
{
	return target < 1 || target > 6;
}

START_TEST(a_short_branch_into_it_refuses)
{
	int t = targets[_i];

	/* from before, from behind, and conditional ones */
	ck_assert_uint_eq(N_PATCHABLE(JUMP(1 + t), NOP, MOV(9), SYSCALL, NOP, RET), expected(t));
	ck_assert_uint_eq(N_PATCHABLE(NOP, MOV(9), SYSCALL, NOP, JUMP(t - 10), RET), expected(t));
	ck_assert_uint_eq(N_PATCHABLE(NOP, MOV(9), SYSCALL, NOP, 0x74, (t - 10) & 0xff, RET),
			  expected(t));
	ck_assert_uint_eq(N_PATCHABLE(0xe3, 1 + t, NOP, MOV(9), SYSCALL, RET), expected(t));
	ck_assert_uint_eq(N_PATCHABLE(0xe2, 1 + t, NOP, MOV(9), SYSCALL, RET), expected(t));
	/* behind a prefix: bnd jmp, a branch hint */
	ck_assert_uint_eq(N_PATCHABLE(0xf2, JUMP(1 + t), NOP, MOV(9), SYSCALL, RET), expected(t));
	ck_assert_uint_eq(N_PATCHABLE(0x3e, 0x75, 1 + t, NOP, MOV(9), SYSCALL, RET), expected(t));
}
END_TEST

/* A branch at the very end of its reach, in a function of its own. */
START_TEST(a_branch_from_another_function_refuses)
{
	int t = targets[_i];
	const struct image_function two[] = {{0, 16}, {16, 256}};
	static const uint8_t site[] = {MOV(9), SYSCALL, CMP, RET};
	uint8_t code[272];
	struct site_list l;

	for (int far = 0; far < 2; far++) {
		memset(code, NOP, sizeof(code));
		code[0] = 0xeb;
		code[1] = 127;
		memcpy(code + 2 + 127 - (t > 0 ? t : 0) - (far ? 0 : 20), site, sizeof(site));
		code[1] = (uint8_t)(far ? 127 + (t > 0 ? 0 : t) : 127 - 20 + (t > 0 ? 0 : t));
		image_init(&m, code, sizeof(code));
		image_add_functions(&m, two, 2, FUNCTIONS);
		ck_assert_int_eq(sites_find(m.bytes, m.size, SITES_PATCHABLE, &l), 0);
		ck_assert_uint_eq(l.n, expected(t));
		site_list_deinit(&l);
	}
}
END_TEST

START_TEST(a_long_branch_into_it_refuses)
{
	int t = targets[_i];

	ck_assert_uint_eq(N_PATCHABLE(0xe9, t, 0, 0, 0, MOV(9), SYSCALL, NOP, RET),
			  t < 0 ? 1 : expected(t));
	ck_assert_uint_eq(N_PATCHABLE(0xe8, t + 1, 0, 0, 0, NOP, MOV(9), SYSCALL, NOP, RET),
			  expected(t));
	ck_assert_uint_eq(N_PATCHABLE(0x0f, 0x84, t + 1, 0, 0, 0, NOP, MOV(9), SYSCALL, NOP, RET),
			  expected(t));
	ck_assert_uint_eq(N_PATCHABLE(0xc7, 0xf8, t + 1, 0, 0, 0, NOP, MOV(9), SYSCALL, NOP, RET),
			  expected(t));
	ck_assert_uint_eq(N_PATCHABLE(NOP, MOV(9), SYSCALL, NOP, 0xe9, (t - 13) & 0xff, 0xff, 0xff,
				      0xff, RET),
			  expected(t));
	/* inside another instruction: movabs */
	ck_assert_uint_eq(N_PATCHABLE(0x48, 0xba, 0xe9, 4 + t, 0, 0, 0, NOP, NOP, NOP, NOP, MOV(9),
				      SYSCALL, NOP, RET),
			  expected(t));
}
END_TEST

/* What only looks like a short branch does not cost a site: or all of libc's would be lost. */
START_TEST(bytes_that_look_like_a_short_branch_do_not)
{
	/* mov $0x4eb,%edx: eb 04 would go to byte 2 */
	ck_assert_uint_eq(N_PATCHABLE(0xba, 0xeb, 0x04, 0, 0, MOV(9), SYSCALL, RET), 1);
	ck_assert_uint_eq(N_PATCHABLE(NOP, JUMP(4), NOP, NOP, MOV(9), SYSCALL, RET), 0);
}
END_TEST

/* The last: musl's __unmapself, which unmaps the stack it runs on, and goes on to exit. */
START_TEST(munmap_whose_result_nobody_looks_at_is_not_patchable)
{
	ck_assert_uint_eq(N_PATCHABLE(MOV(11), SYSCALL, CMP, RET), 1);
	ck_assert_uint_eq(N_PATCHABLE(MOV(11), SYSCALL, 0x48, 0x3d, 0, 0xf0, 0xff, 0xff, RET), 1);
	ck_assert_uint_eq(N_PATCHABLE(MOV(11), SYSCALL, 0x48, 0x3d, 2, 0xf0, 0xff, 0xff, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(MOV(11), SYSCALL, 0x48, 0x3d, 1, 0xf0, 0xff), 0);
	ck_assert_uint_eq(N_PATCHABLE(MOV(11), SYSCALL, RET), 0);
	ck_assert_uint_eq(N_PATCHABLE(MOV(11), SYSCALL, 0x48, 0x31, 0xff, MOV(60), SYSCALL), 0);
	ck_assert_uint_eq(N_PATCHABLE(MOV(9), SYSCALL, 0x48, 0x31, 0xff, MOV(60), SYSCALL), 1);
}
END_TEST

START_TEST(the_edges_of_the_text_are_kept)
{
	ck_assert_uint_eq(N_PATCHABLE(MOV(9), SYSCALL), 1);
	ck_assert_uint_eq(N_PATCHABLE(9, 0, 0, 0, SYSCALL), 0);
	ck_assert_uint_eq(N_PATCHABLE(SYSCALL), 0);
	ck_assert_uint_eq(N_PATCHABLE(MOV(9), 0x0f), 0);
}
END_TEST

START_TEST(behind_bytes_that_are_no_code_it_is_not_certain)
{
	uint8_t code[64];
	struct site_list l;

	memset(code, NOP, sizeof(code));
	memcpy(code + 50, LIST(MOV(9), SYSCALL), 7);
	ck_assert_uint_eq(n_patchable(code, sizeof(code)), 1);
	code[30] = 0x06; /* push %es: not in 64 bits */
	ck_assert_uint_eq(n_patchable(code, sizeof(code)), 0);
	code[30] = NOP;
	code[2] = 0x06; /* far enough away */
	ck_assert_uint_eq(n_patchable(code, sizeof(code)), 1);
	l = find(code, sizeof(code), true, SITES_ALL);
	ck_assert_uint_eq(l.n, 1);
	site_list_deinit(&l);
}
END_TEST

/* Each bit of the bytes at a site: those of the site matter, those behind it for munmap only. */
START_TEST(an_altered_site_is_not_intact)
{
	uint8_t map[SITE_SPAN] = {MOV(9), SYSCALL, CMP}, unmap[SITE_SPAN] = {MOV(11), SYSCALL, CMP};
	struct site s = {.nr = 9}, u = {.nr = 11};

	ck_assert(site_is_intact(&s, map, SITE_SIZE) && site_is_intact(&u, unmap, SITE_SPAN));
	ck_assert(!site_is_intact(&s, map, SITE_SIZE - 1));
	ck_assert(!site_is_intact(&u, unmap, SITE_SPAN - 1));
	for (int bit = 0; bit < 8 * SITE_SPAN; bit++) {
		map[bit / 8] ^= 1 << bit % 8;
		unmap[bit / 8] ^= 1 << bit % 8;
		ck_assert(site_is_intact(&s, map, SITE_SPAN) == (bit / 8 >= SITE_SIZE));
		ck_assert(site_is_intact(&u, unmap, SITE_SPAN) == (bit == 8 * 9)); /* f000 */
		map[bit / 8] ^= 1 << bit % 8;
		unmap[bit / 8] ^= 1 << bit % 8;
	}
}
END_TEST

START_TEST(a_site_of_another_call_is_never_intact)
{
	ck_assert(!site_is_intact(&(struct site){.nr = 59}, LIST(MOV(59), SYSCALL), 7));
	ck_assert(!site_is_intact(&(struct site){.nr = 9}, LIST(MOV(59), SYSCALL), 7));
	ck_assert(!site_is_intact(&(struct site){.nr = 59}, LIST(MOV(9), SYSCALL), 7));
}
END_TEST

START_TEST(every_kind_of_call_is_listed)
{
	struct site_list l =
		find(LIST(MOV(9), SYSCALL, MOV(5), 0xcd, 0x80, MOV(6), 0x0f, 0x34, 0xcd, 0x81, 0x48,
			  0xba, SYSCALL, 0xcd, 0x80, 0, 0, 0, 0, RET),
		     34, true, SITES_ALL);

	ck_assert_uint_eq(l.n, 3);
	ck_assert_int_eq(l.at[0].kind, SITE_SYSCALL);
	ck_assert_int_eq(l.at[1].kind, SITE_INT80);
	ck_assert_int_eq(l.at[2].kind, SITE_SYSENTER);
	ck_assert_int_eq(l.at[1].nr, 5);
	ck_assert_int_eq(l.at[2].nr, 6);
	site_list_deinit(&l);
}
END_TEST

START_TEST(a_constant_is_the_number)
{
	ck_assert_int_eq(NUMBER(MOV(39), SYSCALL, RET), 39);
	ck_assert_int_eq(NUMBER(MOV(39), 0x89, 0xfe, SYSCALL, RET), 39); /* mov %edi,%esi */
	ck_assert_int_eq(NUMBER(0x31, 0xc0, SYSCALL, RET), 0);           /* xor %eax,%eax */
	ck_assert_int_eq(NUMBER(0x48, 0x29, 0xc0, SYSCALL, RET), 0);     /* sub %rax,%rax */
	ck_assert_int_eq(NUMBER(0x48, 0xc7, 0xc0, 15, 0, 0, 0, SYSCALL), 15);
	ck_assert_int_eq(NUMBER(0x48, 0xb8, 15, 0, 0, 0, 1, 0, 0, 0, SYSCALL), 15);
	ck_assert_int_eq(NUMBER(0x48, 0xc7, 0xc0, 0xff, 0xff, 0xff, 0xff, SYSCALL), SITE_UNKNOWN);
}
END_TEST

START_TEST(what_writes_a_part_of_rax_makes_it_unknown)
{
	static const uint8_t writes[][4] = {
		{0x89, 0xf8, NOP, NOP},   /* mov %edi,%eax */
		{0xb0, 1, NOP, NOP},      /* mov $1,%al */
		{0xb4, 1, NOP, NOP},      /* mov $1,%ah */
		{0x66, 0xb8, 1, 0},       /* mov $1,%ax */
		{0xff, 0xc0, NOP, NOP},   /* inc %eax */
		{0x31, 0xf8, NOP, NOP},   /* xor %edi,%eax */
		{0x0f, 0xa2, NOP, NOP},   /* cpuid */
		{0x0f, 0x31, NOP, NOP},   /* rdtsc */
		{0xf7, 0xe1, NOP, NOP},   /* mul %ecx */
		{0x48, 0x97, NOP, NOP},   /* xchg %rax,%rdi */
		{0x87, 0xc7, NOP, NOP},   /* xchg %eax,%edi */
		{0x0f, 0xb1, 0x0f, NOP},  /* cmpxchg %ecx,(%rdi) */
		{0x0f, 0xc1, 0x07, NOP},  /* xadd %eax,(%rdi) */
		{0x0f, 0x44, 0xc7, NOP},  /* cmove %edi,%eax */
		{0x0f, 0x94, 0xc0, NOP},  /* sete %al */
		{0x8d, 0x47, 1, NOP},     /* lea 1(%rdi),%eax */
		{0x58, NOP, NOP, NOP},    /* pop %rax */
		{0x48, 0x98, NOP, NOP},   /* cltq */
		{0xac, NOP, NOP, NOP},    /* lods */
		{0x9f, NOP, NOP, NOP},    /* lahf */
		{0xff, 0xd7, NOP, NOP},   /* call *%rdi */
		{0xec, NOP, NOP, NOP},    /* in (%dx),%al */
		{0xcd, 0x81, NOP, NOP},   /* int $0x81 */
		{0x0f, 0x01, 0xd0, NOP},  /* xgetbv */
		{0x06, NOP, NOP, NOP},    /* none */
		{0xd7, NOP, NOP, NOP},    /* xlat */
		{0xc9, 0x0f, 0xc8, NOP},  /* leave; bswap %eax */
		{0x0f, 0xc7, 0xf0, NOP},  /* rdrand %eax */
		{0x0f, 0xd7, 0xc0, NOP},  /* pmovmskb %mm0,%eax */
		{0x66, 0x0f, 0x7e, 0xc0}, /* movd %xmm0,%eax */
		{0xc1, 0xe0, 2, NOP},     /* shl $2,%eax */
		{0xd1, 0xe0, NOP, NOP},   /* shl %eax */
		{0x0f, 0xa4, 0xf8, 2},    /* shld $2,%edi,%eax */
		{0x0f, 0xab, 0xf8, NOP},  /* bts %edi,%eax */
		{0x04, 1, NOP, NOP},      /* add $1,%al */
		{0xdf, 0xe0, NOP, NOP},   /* fnstsw %ax */
		{0x0f, 0x32, NOP, NOP},   /* rdmsr */
		{0x0f, 0x33, NOP, NOP},   /* rdpmc */
		{0x99, 0x48, 0x99, 0x98}, /* cltd; cqto; cwtl */
		{0x0f, 0xc7, 0x0f, NOP},  /* cmpxchg8b (%rdi) */
	};
	const uint8_t *w = writes[_i];

	ck_assert_int_eq(NUMBER(MOV(39), w[0], w[1], w[2], w[3], SYSCALL, RET), SITE_UNKNOWN);
}
END_TEST

START_TEST(the_second_of_two_results_makes_it_unknown)
{
	/* mulx %edx,%eax,%ecx */
	ck_assert_int_eq(NUMBER(MOV(39), 0xc4, 0xe2, 0x7b, 0xf6, 0xca, SYSCALL, RET), SITE_UNKNOWN);
	ck_assert_int_eq(NUMBER(MOV(39), 0xc4, 0xe2, 0x73, 0xf6, 0xd6, SYSCALL, RET), 39);
}
END_TEST

START_TEST(what_leaves_rax_alone_keeps_it)
{
	static const uint8_t keeps[][4] = {
		{0x83, 0xf8, 1, NOP},     /* cmp $1,%eax */
		{0x85, 0xc0, NOP, NOP},   /* test %eax,%eax */
		{0x50, NOP, NOP, NOP},    /* push %rax */
		{0x48, 0x89, 0xc7, NOP},  /* mov %rax,%rdi */
		{0x89, 0x00, NOP, NOP},   /* mov %eax,(%rax) */
		{0x48, 0x63, 0xf8, NOP},  /* movslq %eax,%rdi */
		{0xf3, 0x48, 0xab, NOP},  /* rep stos */
		{0x49, 0x89, 0xca, NOP},  /* mov %rcx,%r10 */
		{0xf3, 0x0f, 0x1e, 0xfa}, /* endbr64 */
	};
	const uint8_t *k = keeps[_i];

	ck_assert_int_eq(NUMBER(MOV(39), k[0], k[1], k[2], k[3], SYSCALL, RET), 39);
}
END_TEST

START_TEST(paths_that_agree_are_certain_others_are_not)
{
	/* jz to the second mov; both go to the syscall */
	ck_assert_int_eq(NUMBER(0x74, 7, MOV(39), JUMP(5), MOV(39), SYSCALL, RET), 39);
	ck_assert_int_eq(NUMBER(0x74, 7, MOV(39), JUMP(5), MOV(40), SYSCALL, RET), SITE_UNKNOWN);
	/* the function's start leads there as well */
	ck_assert_int_eq(NUMBER(0x74, 5, MOV(39), SYSCALL, RET), SITE_UNKNOWN);
	/* a loop back over the call, whose result is in eax then */
	ck_assert_int_eq(NUMBER(MOV(39), SYSCALL, JUMP(-9)), 39);
	ck_assert_int_eq(NUMBER(MOV(39), SYSCALL, JUMP(-4)), SITE_UNKNOWN);
	/* and over another constant */
	ck_assert_int_eq(NUMBER(MOV(39), NOP, SYSCALL, MOV(40), 0x74, -10 & 0xff, RET),
			 SITE_UNKNOWN);
}
END_TEST

START_TEST(neither_function_start_nor_result_is_a_number)
{
	ck_assert_int_eq(NUMBER(SYSCALL, RET), SITE_UNKNOWN);
	ck_assert_int_eq(NUMBER(MOV(1), 0xe8, 0, 0, 0x10, 0, SYSCALL, RET), SITE_UNKNOWN);
	/* called from inside the function */
	ck_assert_int_eq(NUMBER(0xe8, 6, 0, 0, 0, RET, MOV(1), SYSCALL, RET), SITE_UNKNOWN);
}
END_TEST

START_TEST(a_branch_from_another_function_makes_it_unknown)
{
	const struct image_function two[] = {{0, 8}, {8, 16}};
	uint8_t code[24];
	struct site_list l;

	for (int t = 0; t < 8; t++) {
		memset(code, NOP, sizeof(code));
		memcpy(code + 8, LIST(MOV(39), SYSCALL, RET), 8);
		memcpy(code, LIST(0xe9, 3 + t, 0, 0, 0), 5);
		image_init(&m, code, sizeof(code));
		image_add_functions(&m, two, 2, FUNCTIONS);
		ck_assert_int_eq(sites_find(m.bytes, m.size, SITES_ALL, &l), 0);
		ck_assert_uint_eq(l.n, 1);
		ck_assert_int_eq(l.at[0].nr, t == 0 || t == 7 ? 39 : SITE_UNKNOWN);
		site_list_deinit(&l);
	}
}
END_TEST

START_TEST(with_a_table_only_the_next_instruction_is_certain)
{
	ck_assert_int_eq(NUMBER(MOV(39), NOP, SYSCALL, RET), 39);
	ck_assert_int_eq(NUMBER(MOV(39), NOP, SYSCALL, 0xff, 0xe7), SITE_UNKNOWN); /* jmp *%rdi */
	ck_assert_int_eq(NUMBER(MOV(39), SYSCALL, 0xff, 0xe7), 39);
	ck_assert_int_eq(NUMBER(MOV(39), NOP, SYSCALL, 0xff, 0x27), SITE_UNKNOWN); /* *(%rdi) */
}
END_TEST

START_TEST(a_branch_behind_a_lock_prefix_is_one_to_it)
{
	/* je to the inc behind the prefix, as in libc: je 1f; lock; 1: incl (%rdi) */
	ck_assert_int_eq(NUMBER(MOV(39), 0x74, 1, 0xf0, 0xff, 0x07, SYSCALL, RET), 39);
	/* but into a mov is another reading of the code */
	ck_assert_int_eq(NUMBER(MOV(39), 0x74, 1, 0x89, 0xfe, NOP, SYSCALL, RET), SITE_UNKNOWN);
}
END_TEST

START_TEST(in_a_stretch_functions_begin_behind_what_does_not_go_on)
{
	/* jmp over the second mov: in a function, nothing else leads to the nop */
	ck_assert_int_eq(NUMBER(MOV(39), JUMP(1), RET, NOP, SYSCALL, RET), 39);
	ck_assert_int_eq(NUMBER_IN_STRETCH(MOV(39), JUMP(1), RET, NOP, SYSCALL, RET), SITE_UNKNOWN);
	ck_assert_int_eq(NUMBER_IN_STRETCH(RET, MOV(39), NOP, SYSCALL, RET), 39);
	/* a table spoils its own function only: the second one is called, the first jumps */
	ck_assert_int_eq(NUMBER_IN_STRETCH(0xff, 0xe7, MOV(39), NOP, SYSCALL, RET, 0xe8, 0xf2, 0xff,
					   0xff, 0xff),
			 39);
	ck_assert_int_eq(NUMBER_IN_STRETCH(0xff, 0xe7, MOV(39), NOP, SYSCALL, RET), SITE_UNKNOWN);
}
END_TEST

START_TEST(what_is_no_object_is_refused)
{
	struct site_list l = {(void *)1, 7};

	image_init(&m, LIST(MOV(9), SYSCALL), 7);
	m.bytes[18] = 3; /* for another processor */
	ck_assert_int_eq(sites_find(m.bytes, m.size, SITES_ALL, &l), -ENOEXEC);
	ck_assert_int_eq(sites_find(NULL, 0, SITES_ALL, &l), -ENOEXEC);
	ck_assert(l.at == (void *)1 && l.n == 7);
}
END_TEST

/* Many sites and a long stretch: there is an end to both. */
START_TEST(what_no_compiler_makes_has_an_end)
{
	size_t n = (size_t)3 << 20;
	uint8_t *big = malloc(IMAGE_CODE + n);
	struct site_list l;

	image_init(&m, LIST(MOV(9), SYSCALL), 7);
	memcpy(big, m.bytes, IMAGE_CODE);
	memcpy(big + 64 + 32, &n, sizeof(n)); /* p_filesz */
	for (size_t i = 0; i + 7 <= n; i += 7)
		memcpy(big + IMAGE_CODE + i, LIST(MOV(9), SYSCALL), 7);
	ck_assert_int_eq(sites_find(big, IMAGE_CODE + n, SITES_PATCHABLE, &l), 0);
	ck_assert_uint_eq(l.n, 1024);
	site_list_deinit(&l);
	memset(big + IMAGE_CODE, NOP, n);
	memcpy(big + IMAGE_CODE + n - 7, LIST(MOV(9), SYSCALL), 7);
	ck_assert_int_eq(sites_find(big, IMAGE_CODE + n, SITES_PATCHABLE, &l), 0);
	ck_assert_uint_eq(l.n, 0); /* too far to be sure of */
	site_list_deinit(&l);
	ck_assert_int_eq(sites_find(big + n, 0, SITES_PATCHABLE, &l), -ENOEXEC);
	free(big);
}
END_TEST

static TCase *numbers(void)
{
	TCase *t = tcase_create("numbers");

	tcase_add_test(t, every_kind_of_call_is_listed);
	tcase_add_test(t, a_constant_is_the_number);
	tcase_add_loop_test(t, what_writes_a_part_of_rax_makes_it_unknown, 0, 40);
	tcase_add_test(t, the_second_of_two_results_makes_it_unknown);
	tcase_add_loop_test(t, what_leaves_rax_alone_keeps_it, 0, 9);
	tcase_add_test(t, paths_that_agree_are_certain_others_are_not);
	tcase_add_test(t, neither_function_start_nor_result_is_a_number);
	tcase_add_test(t, a_branch_from_another_function_makes_it_unknown);
	tcase_add_test(t, with_a_table_only_the_next_instruction_is_certain);
	tcase_add_test(t, a_branch_behind_a_lock_prefix_is_one_to_it);
	tcase_add_test(t, in_a_stretch_functions_begin_behind_what_does_not_go_on);
	return t;
}

int main(void)
{
	Suite *s = suite_create("sites");
	TCase *t = tcase_create("patchable");

	tcase_add_test(t, a_call_of_libcs_shape_is_patchable);
	tcase_add_loop_test(t, only_calls_of_the_gate_are_patchable, 0, 15);
	tcase_add_test(t, a_call_outside_all_functions_is_found);
	tcase_add_test(t, bytes_that_are_inside_an_instruction_are_not);
	tcase_add_test(t, only_the_short_mov_is_patchable);
	tcase_add_loop_test(t, a_short_branch_into_it_refuses, 0, 9);
	tcase_add_loop_test(t, a_branch_from_another_function_refuses, 0, 9);
	tcase_add_loop_test(t, a_long_branch_into_it_refuses, 0, 9);
	tcase_add_test(t, bytes_that_look_like_a_short_branch_do_not);
	tcase_add_test(t, munmap_whose_result_nobody_looks_at_is_not_patchable);
	tcase_add_test(t, the_edges_of_the_text_are_kept);
	tcase_add_test(t, behind_bytes_that_are_no_code_it_is_not_certain);
	tcase_add_test(t, an_altered_site_is_not_intact);
	tcase_add_test(t, a_site_of_another_call_is_never_intact);
	tcase_add_test(t, what_is_no_object_is_refused);
	tcase_add_test(t, what_no_compiler_makes_has_an_end);
	suite_add_tcase(s, t);
	suite_add_tcase(s, numbers());
	return unit_run(s);
}
