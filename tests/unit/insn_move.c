/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/arch/x86_64/insn.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/unit/unit.h"

/*
 * Moved instructions, executed: registers, flags and memory are afterwards what the instruction in
 * its place makes of them, and the flow is behind that place.
 */

/* One mapping: the instruction in its place with a `ret` behind it, data, and the copy. */
#define PAGE    4096
#define N_PAGES 16
#define DATA    (1 * PAGE) /* two pages */
#define COPY    (8 * PAGE)
#define STRAY   (9 * PAGE) /* where the copy's uncorrected displacement leads */
#define TARGET  (DATA + 2048)

/* name, needed feature, instruction */
#define INSNS(X)                                            \
	X(mov_byte, 0, "movb %cl, (%rdi)")                  \
	X(mov_word, 0, "movw $0x1234, 5(%rdi)")             \
	X(mov_long, 0, "movl $0x12345678, 0x100(%rdi)")     \
	X(mov_quad, 0, "movq $-7, 8(%rdi,%rdx,4)")          \
	X(mov_r8, 0, "movq %r8, -8(%rdi)")                  \
	X(add, 0, "addq %rcx, (%rdi)")                      \
	X(adc, 0, "adcl $0x7f, (%rdi)")                     \
	X(inc, 0, "incb (%rdi)")                            \
	X(neg, 0, "negl (%rdi)")                            \
	X(shl, 0, "shlq $3, (%rdi)")                        \
	X(bts, 0, "btsq $1, (%rdi)")                        \
	X(setc, 0, "setc (%rdi)")                           \
	X(xchg, 0, "xchgq %rdx, (%rdi)")                    \
	X(xadd, 0, "lock xaddl %ecx, (%rdi)")               \
	X(cmpxchg, 0, "lock cmpxchgq %rcx, (%rdi)")         \
	X(cmpxchg_fails, 0, "lock cmpxchgq %rcx, 24(%rdi)") \
	X(stosb, 0, "rep stosb")                            \
	X(stosq, 0, "rep stosq")                            \
	X(movsb, 0, "movsb")                                \
	X(movups, 0, "movups %xmm0, (%rdi)")                \
	X(movnti, 0, "movnti %rcx, (%rdi)")                 \
	X(movhps, 0, "movhps %xmm0, 3(%rdi)")               \
	X(vmovdqu, 1, "vmovdqu %xmm0, 1(%rdi)")             \
	X(vmovdqu_ymm, 1, "vmovdqu %ymm0, 1(%rdi)")         \
	X(vmovdqu32, 2, "vmovdqu32 %zmm0, 64(%rdi)")        \
	X(rip_mov, 0, "movq %rcx, 0x1000(%rip)")            \
	X(rip_imm8, 0, "movb $0x5a, 0x1000(%rip)")          \
	X(rip_imm32, 0, "movq $0x12345678, 0x1004(%rip)")   \
	X(rip_add, 0, "addl $0x1234, 0x1000(%rip)")         \
	X(rip_lock, 0, "lock incq 0x1000(%rip)")            \
	X(rip_movaps, 0, "movups %xmm0, 0x1000(%rip)")      \
	X(rip_vmovdqu, 1, "vmovdqu %xmm0, 0x1000(%rip)")    \
	X(rip_evex, 2, "vmovdqu64 %zmm0, 0x1000(%rip)")     \
	X(rip_load, 0, "movzwl 0x1003(%rip), %eax")         \
	X(rip_extract, 1, "vpextrb $3, %xmm0, 0x1000(%rip)")

#define LAY(name, feature, text)                                                \
	__asm__(".pushsection .rodata\nins_" #name ": " text "\nend_" #name ":" \
		"\n.popsection");                                               \
	extern const uint8_t ins_##name[], end_##name[];
#define ROW(name, feature, text) {text, ins_##name, end_##name, feature},

INSNS(LAY)

static const struct row {
	const char *text;
	const uint8_t *code, *end;
	int feature; /* 1: AVX, 2: AVX-512 */
} rows[] = {INSNS(ROW)};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

struct state {
	uint64_t rax, rcx, rdx, rsi, rdi, r8, flags;
	uint64_t xmm0[2];
	uint8_t data[2 * PAGE];
};

static uint8_t *area;

static void setup(void)
{
	area = mmap(NULL, N_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	ck_assert_ptr_ne(area, MAP_FAILED);
}

static void teardown(void)
{
	munmap(area, N_PAGES * PAGE);
}

static bool has(int feature)
{
	if (feature == 2)
		return __builtin_cpu_supports("avx512f");
	return feature == 0 || __builtin_cpu_supports("avx");
}

/* The stack below the red zone is used; the instructions themselves leave the stack alone. */
static void call(const uint8_t *code, struct state *s)
{
	register uint64_t r8 __asm__("r8") = s->r8;

	if (has(1))
		__asm__ volatile("vzeroupper" ::: "xmm0");
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "movups (%[xmm]), %%xmm0\n\t"
			 "push %[flags]\n\tpopf\n\t"
			 "call *%[code]\n\t"
			 "pushf\n\tpop %[flags]\n\t"
			 "movups %%xmm0, (%[xmm])\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : "+a"(s->rax), "+c"(s->rcx), "+d"(s->rdx), "+S"(s->rsi), "+D"(s->rdi),
			   "+r"(r8), [flags] "+&r"(s->flags)
			 : [code] "r"(code), [xmm] "r"(s->xmm0)
			 : "memory", "cc", "xmm0");
	s->r8 = r8;
}

/* Runs what has been laid at `entry`, with the same registers and data each time. */
static void run(size_t entry, struct state *s)
{
	*s = (struct state){.rcx = 0x1f, .rdx = 77, .r8 = 0x1122334455667788};
	s->rdi = (uint64_t)area + TARGET;
	s->rsi = s->rdi + 64;
	s->flags = 0x203; /* carry */
	s->xmm0[0] = 0x0123456789abcdef;
	s->xmm0[1] = 0xfedcba9876543210;
	for (size_t i = 0; i < sizeof(s->data); i++)
		area[DATA + i] = (uint8_t)(i * 7 + i / 256);
	memcpy(&s->rax, area + TARGET, 8); /* what cmpxchg compares with */
	ck_assert_int_eq(mprotect(area, PAGE, PROT_READ | PROT_EXEC), 0);
	ck_assert_int_eq(mprotect(area + COPY, PAGE, PROT_READ | PROT_EXEC), 0);
	call(area + entry, s);
	ck_assert_int_eq(mprotect(area, PAGE, PROT_READ | PROT_WRITE), 0);
	ck_assert_int_eq(mprotect(area + COPY, PAGE, PROT_READ | PROT_WRITE), 0);
	memcpy(s->data, area + DATA, sizeof(s->data));
}

static void lay_in_place(const struct row *r)
{
	size_t len = (size_t)(r->end - r->code);

	memset(area, 0xcc, PAGE);
	memcpy(area, r->code, len);
	area[len] = 0xc3;
}

/* Its place then holds int3: what has the effect can only be the copy. */
static void lay_moved(const struct row *r)
{
	size_t len = (size_t)(r->end - r->code);

	memset(area, 0xcc, len);
	memset(area + COPY, 0xcc, PAGE);
	ck_assert_msg(insn_move(r->code, len, (uint64_t)area, (uint64_t)area + COPY, area + COPY,
				INSN_MOVED_MAX) == (int)len + 14,
		      "%s", r->text);
}

static bool same(const struct state *a, const struct state *b)
{
	return !memcmp(a, b, sizeof(*a));
}

START_TEST(a_moved_instruction_has_its_effect)
{
	static struct state before, native, moved;
	const struct row *r = &rows[_i];
	static const struct row nothing = {"nop", (const uint8_t *)"\x90", NULL, 0};
	struct row nop = nothing;

	if (!has(r->feature)) /* then no program has it either */
		return;
	nop.end = nop.code + 1;
	lay_in_place(&nop);
	run(0, &before);
	lay_in_place(r);
	run(0, &native);
	ck_assert_msg(!same(&before, &native), "%s: no effect to compare", r->text);
	lay_moved(r);
	run(COPY, &moved);
	ck_assert_msg(same(&native, &moved), "%s: another effect", r->text);
}
END_TEST

/* Twin: the same bytes elsewhere store elsewhere. */
START_TEST(a_displacement_left_alone_reaches_elsewhere)
{
	static struct state native, copied;
	uint8_t stray[PAGE] = {0};
	const struct row *r;

	for (r = rows; strcmp(r->text, "movq %rcx, 0x1000(%rip)"); r++)
		;
	lay_in_place(r);
	run(0, &native);
	lay_moved(r);
	memcpy(area + COPY, r->code, (size_t)(r->end - r->code));
	ck_assert(!memcmp(area + STRAY, stray, PAGE));
	run(COPY, &copied);
	ck_assert(!same(&native, &copied));
	ck_assert(memcmp(area + STRAY, stray, PAGE));
}
END_TEST

static const struct {
	const char *what, *bytes;
	size_t n;
	int error;
} refused[] = {
	{"jmp", "\xeb\x10", 2, -EOPNOTSUPP},
	{"jmp rel32", "\xe9\x10\0\0\0", 5, -EOPNOTSUPP},
	{"jz", "\x74\x10", 2, -EOPNOTSUPP},
	{"jz rel32", "\x0f\x84\x10\0\0\0", 6, -EOPNOTSUPP},
	{"jmp *%rax", "\xff\xe0", 2, -EOPNOTSUPP},
	{"ljmp *(%rax)", "\xff\x28", 2, -EOPNOTSUPP},
	{"jrcxz", "\xe3\x10", 2, -EOPNOTSUPP},
	{"loop", "\xe2\x10", 2, -EOPNOTSUPP},
	{"call", "\xe8\x10\0\0\0", 5, -EOPNOTSUPP},
	{"call *(%rax)", "\xff\x10", 2, -EOPNOTSUPP},
	{"call *0x10(%rip)", "\xff\x15\x10\0\0\0", 6, -EOPNOTSUPP},
	{"lcall *(%rax)", "\xff\x18", 2, -EOPNOTSUPP},
	{"ret", "\xc3", 1, -EOPNOTSUPP},
	{"ret imm16", "\xc2\x10\0", 3, -EOPNOTSUPP},
	{"lret", "\xcb", 1, -EOPNOTSUPP},
	{"iretq", "\x48\xcf", 2, -EOPNOTSUPP},
	{"int3", "\xcc", 1, -EOPNOTSUPP},
	{"int $0x80", "\xcd\x80", 2, -EOPNOTSUPP},
	{"int1", "\xf1", 1, -EOPNOTSUPP},
	{"syscall", "\x0f\x05", 2, -EOPNOTSUPP},
	{"sysenter", "\x0f\x34", 2, -EOPNOTSUPP},
	{"ud2", "\x0f\x0b", 2, -EOPNOTSUPP},
	{"hlt", "\xf4", 1, -EOPNOTSUPP},
	{"popf", "\x9d", 1, -EOPNOTSUPP},
	{"xbegin", "\xc7\xf8\x10\0\0\0", 6, -EOPNOTSUPP},
	{"xabort", "\xc6\xf8\x10", 3, -EOPNOTSUPP},
	{"xend", "\x0f\x01\xd5", 3, -EOPNOTSUPP},
	{"wrpkru", "\x0f\x01\xef", 3, -EOPNOTSUPP},
	{"mov %rcx, 0x10(%eip)", "\x67\x48\x89\x0d\x10\0\0\0", 8, -EOPNOTSUPP},
	{"push es", "\x06", 1, -EINVAL},
	{"half an instruction", "\x48\x89", 2, -ENODATA},
	{"nothing", "", 0, -ENODATA},
};

START_TEST(what_moves_or_sees_the_flow_is_refused)
{
	uint8_t out[INSN_MOVED_MAX], untouched[INSN_MOVED_MAX];
	int r;

	memset(out, 0xa5, sizeof(out));
	memset(untouched, 0xa5, sizeof(untouched));
	r = insn_move((const uint8_t *)refused[_i].bytes, refused[_i].n, 0x1000, 0x2000, out,
		      sizeof(out));
	ck_assert_msg(r == refused[_i].error, "%s: %d", refused[_i].what, r);
	ck_assert(!memcmp(out, untouched, sizeof(out)));
}
END_TEST

START_TEST(a_displacement_must_fit)
{
	static const uint8_t code[] = {0x48, 0x89, 0x0d, 0xfc, 0xff, 0xff, 0x7f}; /* 2^31 - 4 */
	const uint64_t at = 0x7f0000000000;
	uint8_t out[INSN_MOVED_MAX];
	int32_t disp;

	ck_assert_int_eq(insn_move(code, 7, at, at - 3, out, sizeof(out)), 21);
	memcpy(&disp, out + 3, 4);
	ck_assert_int_eq(disp, INT32_MAX);
	ck_assert_int_eq(insn_move(code, 7, at, at - 4, out, sizeof(out)), -ERANGE);
	ck_assert_int_eq(insn_move(code, 7, at, at + 0xfffffffc, out, sizeof(out)), 21);
	memcpy(&disp, out + 3, 4);
	ck_assert_int_eq(disp, INT32_MIN);
	ck_assert_int_eq(insn_move(code, 7, at, at + 0xfffffffd, out, sizeof(out)), -ERANGE);
	ck_assert_int_eq(insn_move(code, 7, at, 0x1000, out, sizeof(out)), -ERANGE);
}
END_TEST

START_TEST(room_is_never_exceeded)
{
	static const uint8_t code[] = {0x48, 0x89, 0x0f};
	uint8_t out[INSN_MOVED_MAX];

	for (size_t room = 0; room < sizeof(out); room++) {
		memset(out, 0xa5, sizeof(out));
		ck_assert_int_eq(insn_move(code, 3, 0x1000, 0x2000, out, room),
				 room < 17 ? -ENOSPC : 17);
		for (size_t i = room < 17 ? 0 : 17; i < sizeof(out); i++)
			ck_assert_int_eq(out[i], 0xa5);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("insn_move");
	TCase *t = tcase_create("insn_move");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, a_moved_instruction_has_its_effect, 0, N_ROWS);
	tcase_add_test(t, a_displacement_left_alone_reaches_elsewhere);
	tcase_add_loop_test(t, what_moves_or_sees_the_flow_is_refused, 0,
			    sizeof(refused) / sizeof(refused[0]));
	tcase_add_test(t, a_displacement_must_fit);
	tcase_add_test(t, room_is_never_exceeded);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
