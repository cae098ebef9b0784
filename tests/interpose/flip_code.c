/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Code at awkward places, and code that stores: into its own page, into its next instruction, into
 * other pages that have run, across pages. Apart from flip.c because the code is written in
 * assembly: a template is copied into memory and called there, so that it addresses itself.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* One template; `own_NAME` and `own_NAME_end` enclose it. Argument in %edi, result in %eax. */
#define OWN(name, ...)                                                           \
	extern const unsigned char own_##name[], own_##name##_end[];             \
	__asm__(".pushsection .text\n.balign 64, 0xcc\n"                         \
		"own_" #name ":\n" __VA_ARGS__ "\n.balign 64, 0xcc\n8: .zero 64" \
		"\nown_" #name "_end:\n.popsection");

/* 8f is data, in the same page as the code or, where the template is placed so, in the next. */
OWN(mov, "mov $100, %ecx\n"
	 "1: mov %edi, 8f(%rip)\n"
	 "add 8f(%rip), %eax\n"
	 "dec %ecx\n"
	 "jnz 1b\n"
	 "mov 8f(%rip), %eax\n"
	 "ret")
OWN(inc, "mov $1000, %ecx\n"
	 "1: lock incl 8f(%rip)\n"
	 "dec %ecx\n"
	 "jnz 1b\n"
	 "mov 8f(%rip), %eax\n"
	 "ret")
OWN(byte, "mov %dil, 8f+3(%rip)\n"
	  "movw $0x1234, 8f(%rip)\n"
	  "orb $1, 8f+2(%rip)\n"
	  "mov 8f(%rip), %eax\n"
	  "ret")
OWN(xadd, "mov %edi, %eax\n"
	  "lock xadd %eax, 8f(%rip)\n"
	  "xchg %edi, 8f+4(%rip)\n"
	  "mov 8f(%rip), %eax\n"
	  "cmpxchg %edi, 8f(%rip)\n"
	  "mov 8f(%rip), %eax\n"
	  "add 8f+4(%rip), %eax\n"
	  "ret")
OWN(wide, "movd %edi, %xmm0\n"
	  "pshufd $0, %xmm0, %xmm0\n"
	  "movdqu %xmm0, 8f+1(%rip)\n"
	  "movups %xmm0, 8f+17(%rip)\n"
	  "mov 8f+29(%rip), %eax\n"
	  "ret")
OWN(pop, "mov %rdi, %rax\n"
	 "push %rax\n"
	 "popq 8f(%rip)\n"
	 "mov 8f(%rip), %eax\n"
	 "ret")
OWN(flags, "xor %eax, %eax\n"
	   "stc\n"
	   "movl $5, 8f(%rip)\n"
	   "adc %edi, %eax\n"
	   "cmp %eax, %eax\n"
	   "setz 8f(%rip)\n"
	   "jnz 1f\n"
	   "add 8f(%rip), %eax\n"
	   "1: ret")
OWN(x87, "fnstcw 8f(%rip)\n"
	 "fildl 8f(%rip)\n"
	 "fistpl 8f+4(%rip)\n"
	 "stmxcsr 8f+8(%rip)\n"
	 "mov 8f+4(%rip), %eax\n"
	 "add 8f+8(%rip), %eax\n"
	 "ret")
OWN(stos, "lea 8f(%rip), %rdi\n"
	  "mov $0x5a, %al\n"
	  "mov $64, %ecx\n"
	  "rep stosb\n"
	  "mov 8f+60(%rip), %eax\n"
	  "ret")
OWN(stos_far, "lea 8f(%rip), %rdi\n"
	      "mov $0x5b, %al\n"
	      "mov $12000, %ecx\n"
	      "rep stosb\n"
	      "movzbl -1(%rdi), %eax\n"
	      "ret")
OWN(movs, "lea own_movs(%rip), %rsi\n"
	  "lea 8f(%rip), %rdi\n"
	  "mov $8, %ecx\n"
	  "rep movsq\n"
	  "mov 8f+4(%rip), %eax\n"
	  "sub own_movs+4(%rip), %eax\n"
	  "ret")
/* The store changes the instruction that follows it: its operand, 1 byte into it. */
OWN(next, "mov %edi, 1f+1(%rip)\n"
	  "1: mov $0, %eax\n"
	  "ret")
OWN(next_loop, "mov $300, %ecx\n"
	       "xor %edx, %edx\n"
	       "2: mov %ecx, 1f+1(%rip)\n"
	       "1: mov $0, %eax\n"
	       "add %eax, %edx\n"
	       "dec %ecx\n"
	       "jnz 2b\n"
	       "mov %edx, %eax\n"
	       "ret")
/* The store changes code in front of it, which is then jumped to. */
OWN(before, "jmp 2f\n"
	    "1: mov $0, %eax\n"
	    "ret\n"
	    "2: mov %edi, 1b+1(%rip)\n"
	    "jmp 1b")
/* Stores through a pointer (in %rdi) into whatever it points to, 8 bytes. */
OWN(through, "mov (%rdi), %rax\n"
	     "lea 1(%rax), %rax\n"
	     "mov %rax, (%rdi)\n"
	     "ret")

static uint32_t call_with(const void *at, uintptr_t argument)
{
	return ((uint32_t(*)(uintptr_t))(uintptr_t)at)(argument);
}

static void put(unsigned char *to, const unsigned char *from, const unsigned char *end)
{
	for (volatile unsigned char *p = to; from < end; from++)
		*p++ = *from;
	__asm__ volatile("" : : : "memory");
}

#define PUT(to, name) put(to, own_##name, own_##name##_end)

/*
 * The template wholly in one page; its data in the next page, which has run too; its data across
 * both; its code across both. Where the code locks, its data must not be across anything: some
 * kernels end a program for that.
 */
static void own(const unsigned char *from, const unsigned char *end, int locks)
{
	size_t data = (size_t)(end - from) - 64;
	unsigned char *p = flip_rwx(6);
	size_t places[] = {128, PAGE - data, PAGE - data - (locks ? 0 : 2),
			   PAGE - (locks ? 16 : 13)};

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		flip_check("next page", p + PAGE + 1024, 5);
		put(p + places[i], from, end);
		for (uint32_t n = 1; n <= 3; n++)
			printf("%u ", call_with(p + places[i], n * 1000 + 7));
		flip_look();
		printf("and %u\n", flip_call(p + PAGE + 1024));
	}
}

#define OWN_CASE(name, locks)                             \
	static void case_##name(void)                     \
	{                                                 \
		own(own_##name, own_##name##_end, locks); \
	}

OWN_CASE(mov, 0)
OWN_CASE(inc, 1)
OWN_CASE(byte, 0)
OWN_CASE(xadd, 1)
OWN_CASE(wide, 0)
OWN_CASE(pop, 0)
OWN_CASE(flags, 0)
OWN_CASE(x87, 0)
OWN_CASE(stos, 0)
OWN_CASE(movs, 0)
OWN_CASE(next, 0)
OWN_CASE(next_loop, 0)
OWN_CASE(before, 0)

/* On over its own page and three others that have run. */
static void case_stos_far(void)
{
	unsigned char *p = flip_rwx(4);

	for (int i = 1; i < 4; i++)
		flip_check("page", p + i * PAGE, 1);
	PUT(p, stos_far);
	printf("%u, ends with %d\n", call_with(p, 0), p[12000]);
	flip_look();
	for (int i = 0; i < 3; i++)
		flip_check("page", p + i * PAGE, 2);
}

static void span_code(void)
{
	unsigned char *p = flip_rwx(2);

	for (int back = 1; back < CODE; back++) {
		for (uint32_t i = 0; i < 100; i++) {
			flip_check("across pages", p + PAGE - back, i * 0x01020304);
			flip_look();
		}
		printf("%d before the page: %u\n", back, flip_call(p + PAGE - back));
	}
}

static void span_store(void)
{
	unsigned char *p = flip_rwx(4);

	for (int back = 1; back < 8; back++) {
		volatile uint64_t *at = (void *)(p + 2 * PAGE - back);
		uint32_t a, b;

		flip_check("one page", p + PAGE, 1);
		flip_check("the other", p + 2 * PAGE + 16, 2);
		*at = 0x1122334455667788;
		flip_look();
		a = flip_call(p + PAGE);
		*at = *at + 1;
		b = flip_call(p + 2 * PAGE + 16);
		printf("%d before the page: %lx, %u %u\n", back, *at, a, b);
	}
}

/* Code in one page stores into another that runs in between. */
static void code_to_code(void)
{
	unsigned char *p = flip_rwx(3);
	unsigned char *at = p + PAGE - 8;

	flip_emit(at + 8, 42);
	PUT(p + 2 * PAGE, through);
	flip_emit(at, 0); /* ends where the next page begins, or before */
	for (int i = 0; i < 1000; i++) {
		call_with(p + 2 * PAGE, (uintptr_t)at + 1);
		if (flip_call(at) != (uint32_t)i + 1)
			printf("after store %d: %u\n", i, flip_call(at));
		if (i % 50 == 0)
			flip_look();
	}
	printf("%u %u\n", flip_call(at), flip_call(at + 8));
}

/* Functions in different pages that call each other, each rewritten now and then. */
static void calls(void)
{
	unsigned char *p = flip_rwx(20);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 20; i++)
		flip_emit(p + i * PAGE, i);
	for (uint32_t round = 0; round < 200; round++) {
		for (uint32_t i = 0; i < 20; i++)
			sum += flip_call(p + (i * 7 + round) % 20 * PAGE);
		flip_emit(p + round % 20 * PAGE, round);
		if (round % 10 == 0)
			flip_look();
	}
	printf("%lu\n", sum);
}

/* libc's functions over pages that have all run. */
static void by_libc(void)
{
	unsigned char *p = flip_rwx(20), *q = flip_rwx(20);

	for (uint32_t i = 0; i < 20; i++) {
		flip_check("p", p + i * PAGE, i);
		flip_check("q", q + i * PAGE, 100 + i);
	}
	memcpy(p + 5 * PAGE + 100, q + 2 * PAGE, 8 * PAGE);
	memmove(q + 10, q + 7 * PAGE, 9 * PAGE + 17);
	printf("%u %u\n", flip_call(p + 6 * PAGE + 100), flip_call(q + 10 + 3 * PAGE));
	memset(p, 0x90, 20 * PAGE - CODE);
	flip_check("at last", p + 20 * PAGE - CODE, 9);
	flip_look();
	printf("%u\n", flip_call(p));
}

/* What a flip leaves alone although it calls the kernel. */
static void errno_kept(void)
{
	unsigned char *p = flip_rwx(2);

	errno = ENOTNAM;
	for (uint32_t i = 0; i < 10; i++) {
		flip_emit(p + i % 2 * PAGE, i);
		flip_call(p + i % 2 * PAGE);
	}
	printf("%s\n", strerrorname_np(errno));
	flip_look();
}

const struct flip_case flip_code[] = {
	{"errno_kept", errno_kept},
	{"own_mov", case_mov},
	{"own_inc", case_inc},
	{"own_byte", case_byte},
	{"own_xadd", case_xadd},
	{"own_wide", case_wide},
	{"own_pop", case_pop},
	{"own_flags", case_flags},
	{"own_x87", case_x87},
	{"own_stos", case_stos},
	{"own_movs", case_movs},
	{"own_next", case_next},
	{"own_next_loop", case_next_loop},
	{"own_before", case_before},
	{"own_stos_far", case_stos_far},
	{"span_code", span_code},
	{"span_store", span_store},
	{"code_to_code", code_to_code},
	{"calls", calls},
	{"by_libc", by_libc},
	{NULL, NULL},
};
