/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <cpuid.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/*
 * Registers: every one holds a pattern, something happens that is handled, and every one must
 * hold it still. What happens is a jump to `regs_event`, which comes back by `jmp *%r11`: a fault
 * that the program's handler skips, code that has just been written, a store into code that has
 * run. The x87 and vector state is compared as XSAVE stores it.
 */

#define XSAVE_SIZE         16384
#define X87_SSE_AVX_AVX512 0xe7u

uint64_t regs_before[16], regs_after[16], regs_flags, regs_flags_after, regs_red[17];
uint64_t regs_stack, regs_mask;
const void *regs_event;
char regs_xsave_before[XSAVE_SIZE] __attribute__((aligned(64)));
char regs_xsave_after[XSAVE_SIZE] __attribute__((aligned(64)));
extern char regs_back[], regs_fault[], regs_fault_store[];
void regs_run(void);

/* In the order of regs_before; rsp, the fifth, is compared and never loaded; r11 is the way back.
 */
__asm__(".text\n"
	".globl regs_run, regs_back, regs_fault, regs_fault_store\n"
	".type regs_run, @function\n"
	"regs_run:\n"
	"push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
	"mov regs_mask(%rip), %eax; xor %edx, %edx; xsave64 regs_xsave_before(%rip)\n"
	"mov %rsp, regs_stack(%rip)\n"
	".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n"
	"movq $(0x5eed0000 + \\n), -8*\\n(%rsp)\n" /* the red zone */
	".endr\n"
	"lea -256(%rsp), %rsp; pushq regs_flags(%rip); popfq; lea 256(%rsp), %rsp\n"
	"mov 0+regs_before(%rip), %rax; mov 8+regs_before(%rip), %rbx\n"
	"mov 16+regs_before(%rip), %rcx; mov 24+regs_before(%rip), %rdx\n"
	"mov 40+regs_before(%rip), %rsi; mov 48+regs_before(%rip), %rdi\n"
	"mov 56+regs_before(%rip), %rbp; mov 64+regs_before(%rip), %r8\n"
	"mov 72+regs_before(%rip), %r9; mov 80+regs_before(%rip), %r10\n"
	"mov 88+regs_before(%rip), %r11; mov 96+regs_before(%rip), %r12\n"
	"mov 104+regs_before(%rip), %r13; mov 112+regs_before(%rip), %r14\n"
	"mov 120+regs_before(%rip), %r15\n"
	"jmp *regs_event(%rip)\n"
	"regs_fault: movb $1, (%r10)\n"
	"regs_fault_store: movb $0x41, (%r10)\n" /* what is there already */
	"jmp *%r11\n"
	"regs_back:\n"
	"mov %rax, 0+regs_after(%rip); mov %rbx, 8+regs_after(%rip)\n"
	"mov %rcx, 16+regs_after(%rip); mov %rdx, 24+regs_after(%rip)\n"
	"mov %rsp, 32+regs_after(%rip)\n"
	"mov %rsi, 40+regs_after(%rip); mov %rdi, 48+regs_after(%rip)\n"
	"mov %rbp, 56+regs_after(%rip); mov %r8, 64+regs_after(%rip)\n"
	"mov %r9, 72+regs_after(%rip); mov %r10, 80+regs_after(%rip)\n"
	"mov %r11, 88+regs_after(%rip); mov %r12, 96+regs_after(%rip)\n"
	"mov %r13, 104+regs_after(%rip); mov %r14, 112+regs_after(%rip)\n"
	"mov %r15, 120+regs_after(%rip)\n"
	"mov regs_stack(%rip), %rsp\n"
	"lea -256(%rsp), %rsp; pushfq; popq regs_flags_after(%rip); lea 256(%rsp), %rsp\n"
	"cld\n"
	"lea -256(%rsp), %rsp; pushfq; andl $~0x40000, (%rsp); popfq; lea 256(%rsp), %rsp\n"
	".irp n, 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16\n"
	"mov -8*\\n(%rsp), %rax; mov %rax, 8*\\n+regs_red(%rip)\n"
	".endr\n"
	"mov regs_mask(%rip), %eax; xor %edx, %edx; xsave64 regs_xsave_after(%rip)\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
	"ret\n"
	".size regs_run, . - regs_run\n");

/* Patterns in all the vector registers the machine has, two numbers and a rounding mode in the x87.
 */
static void fill_vectors(void)
{
	static uint64_t patterns[32][8], masks[8];
	static const uint32_t mxcsr = 0x7f80; /* rounds to zero */
	static const uint16_t control = 0x0e7f;

	for (int i = 0; i < 256; i++)
		patterns[i / 8][i % 8] = 0x0101010101010101ul * (unsigned)(i % 251 + 1);
	for (int i = 0; i < 8; i++)
		masks[i] = 0x1234u + (unsigned)i;
	__asm__ volatile("fninit; fldpi; fldl2e; fldcw %0; ldmxcsr %1" ::"m"(control), "m"(mxcsr));
	if (regs_mask & 0xe0)
		__asm__ volatile(
			".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,"
			"23,24,25,26,27,28,29,30,31\n"
			"vmovdqu64 64*\\n(%0), %%zmm\\n\n"
			".endr\n"
			".irp n, 1,2,3,4,5,6,7\n"
			"kmovw 8*\\n(%1), %%k\\n\n"
			".endr\n" ::"r"(patterns),
			"r"(masks));
	else if (regs_mask & 4)
		__asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
				 "vmovdqu 32*\\n(%0), %%ymm\\n\n"
				 ".endr\n" ::"r"(patterns));
	else
		__asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n"
				 "movdqu 16*\\n(%0), %%xmm\\n\n"
				 ".endr\n" ::"r"(patterns));
}

/* The ABI's state again: the cases go on in C. */
static void reset_vectors(void)
{
	static const uint32_t mxcsr = 0x1f80;

	__asm__ volatile("fninit; ldmxcsr %0" ::"m"(mxcsr));
	if (regs_mask & 4)
		__asm__ volatile("vzeroall");
}

/* Bytes of XSAVE's areas that differ, of the legacy area and of each component behind it. */
static void compare_vectors(const char *what)
{
	unsigned int a, b, c, d;

	say("%s: legacy area %s, components %#lx -> %#lx", what,
	    memcmp(regs_xsave_before, regs_xsave_after, 416) ? "differs" : "same",
	    *(uint64_t *)(regs_xsave_before + 512) & regs_mask,
	    *(uint64_t *)(regs_xsave_after + 512) & regs_mask);
	for (unsigned int i = 2; i < 8; i++)
		if (regs_mask >> i & 1 && __get_cpuid_count(0xd, i, &a, &b, &c, &d))
			say("component %u, %u bytes: %s", i, a,
			    memcmp(regs_xsave_before + b, regs_xsave_after + b, a) ? "differs"
										   : "same");
}

static void prepare(void)
{
	unsigned int a = 3, d = 0;

	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	regs_mask = a & X87_SSE_AVX_AVX512;
	for (unsigned int i = 0; i < 16; i++)
		regs_before[i] = 0xabcd000000000000ul + i * 0x10001u;
	regs_before[11] = (uint64_t)regs_back;
}

/* One event with these flags; target is what r10 holds. */
static void look(const char *what, const void *event, const void *target, uint64_t flags)
{
	int wrong = 0;

	prepare();
	regs_event = event;
	regs_before[10] = (uint64_t)target;
	regs_flags = flags | 0x202;
	memset(regs_after, 0, sizeof(regs_after));
	memset(regs_red, 0, sizeof(regs_red));
	fill_vectors();
	regs_run();
	reset_vectors();
	regs_before[4] = regs_stack;
	for (int i = 0; i < 16; i++)
		wrong += regs_before[i] != regs_after[i];
	for (unsigned int i = 1; i <= 16; i++)
		wrong += regs_red[i] != 0x5eed0000u + i;
	say("%s: %d registers and words of the red zone wrong, flags %s", what, wrong,
	    regs_flags == regs_flags_after ? "same" : "differ");
	compare_vectors(what);
}

static void skip(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)regs_back;
	/* spoil what the frame must bring back */
	__asm__ volatile("fninit; pxor %%xmm0, %%xmm0; pxor %%xmm15, %%xmm15" ::: "xmm0", "xmm15");
}

static const uint64_t flag_sets[] = {
	0,
	0x8d5, /* OF SF ZF AF PF CF */
	0x400, /* DF */
	0x8d5 | 0x400 | 0x200000 /* and ID */,
};

/* jmp *%r11 */
static const unsigned char code[] = {0x41, 0xff, 0xe3};

static void over_fault(void)
{
	struct sigaction sa = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &sa, NULL);
	ready();
	for (size_t i = 0; i < N_ELEMENTS(flag_sets); i++) {
		look("fault", regs_fault, NULL, flag_sets[i]);
		jit_step();
		look("fault again", regs_fault, NULL, flag_sets[i]);
	}
}

static char alternate[65536];

static void use_alternate(void)
{
	const stack_t ss = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	sigaltstack(&ss, NULL);
}

static void on_usr1(int sig)
{
	memset(alternate, 0x5a, sizeof(alternate) / 2);
}

static void skip_busily(int sig, siginfo_t *info, void *context)
{
	skip(sig, info, context);
	jit_step();
	raise(SIGUSR1);
	jit_step();
}

/* An alternate stack, which the handler does not want, but what happens inside it does. */
static void over_fault_main(void)
{
	struct sigaction sa = {.sa_sigaction = skip_busily, .sa_flags = SA_SIGINFO};
	struct sigaction usr1 = {.sa_handler = on_usr1, .sa_flags = SA_ONSTACK};

	use_alternate();
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGUSR1, &usr1, NULL);
	ready();
	for (size_t i = 0; i < N_ELEMENTS(flag_sets); i++) {
		look("fault", regs_fault, NULL, flag_sets[i]);
		jit_step();
	}
}

static void over_flips_with(uint64_t flags)
{
	for (int i = 0; jit_page && i < 2; i++) {
		jit_load(code, sizeof(code));
		look("code just written", jit_page, NULL, flags);
		look("code that has run", jit_page, NULL, flags);
		look("store into it", regs_fault_store, jit_page, flags);
		look("and run", jit_page, NULL, flags);
	}
}

static void over_flips(void)
{
	ready();
	for (size_t i = 0; i < N_ELEMENTS(flag_sets); i++)
		over_flips_with(flag_sets[i]);
}

/* With a handler of the program's own, on a stack of its own, and the signal blocked. */
static void over_flips_handled(void)
{
	struct sigaction sa = {.sa_sigaction = skip, .sa_flags = SA_SIGINFO | SA_ONSTACK};

	use_alternate();
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	over_flips_with(0x8d5);
	mask_set(SIG_BLOCK, SIGSEGV);
	over_flips_with(0x8d5);
}

/* Alignment checks on: nothing on the way may trip over them. */
static void over_flips_alignment(void)
{
	ready();
	over_flips_with(0x40000);
}

static void change_vector(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
	uc->uc_mcontext.fpregs->_xmm[3].element[0] = 0x12345678;
	uc->uc_mcontext.fpregs->mxcsr ^= 0x6000;
}

/* A handler may change them, too. */
static void changed_vector(void)
{
	struct sigaction sa = {.sa_sigaction = change_vector, .sa_flags = SA_SIGINFO};
	uint32_t mxcsr, value;

	sigaction(SIGSEGV, &sa, NULL);
	ready();
	for (int i = 0; i < 3; i++) {
		fault_load(NULL);
		__asm__ volatile("movd %%xmm3, %0; stmxcsr %1" : "=r"(value), "=m"(mxcsr));
		say("xmm3 %#x, mxcsr %#x", value, mxcsr & 0xffc0);
		jit_step();
	}
}

const struct signals_case signals_regs_cases[] = {
	{"regs_over_fault", over_fault},
	{"regs_over_fault_main", over_fault_main},
	{"regs_over_flips", over_flips},
	{"regs_over_flips_handled", over_flips_handled},
	{"regs_over_flips_alignment", over_flips_alignment},
	{"regs_changed_vector", changed_vector},
	{NULL, NULL},
};
