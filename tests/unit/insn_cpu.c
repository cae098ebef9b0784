/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/arch/x86_64/insn.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>
#include "tests/unit/insn_random.h"
#include "tests/unit/unit.h"

/*
 * The decoder against the processor, for what Capstone does not know or gets wrong. The first k
 * bytes of an instruction stand at the end of a page, with nothing behind it: the processor faults
 * there if and only if it is longer than k. With all registers zero and the trap flag set, in a
 * process of its own, so that one that is complete does nothing but trap.
 *
 * Source: C. Domas, "Breaking the x86 ISA", Black Hat USA 2017 (the page, the trap flag).
 */

#define PAGE     4096
#define N_RANDOM 60000
#define FETCH    16 /* page-fault error code: an instruction fetch */
#define TRAP     0x100

static uint8_t *end; /* of the page */

/* Written by the handler. */
static volatile size_t enter_with; /* bytes to run, 0: inside */
static volatile bool behind;       /* the fetch went on behind the page */
static gregset_t outside;

static void enter(greg_t *regs)
{
	memcpy(outside, regs, sizeof(outside));
	for (int i = 0; i < REG_RIP; i++)
		regs[i] = 0;
	regs[REG_RIP] = (greg_t)end - (greg_t)enter_with;
	regs[REG_EFL] |= TRAP;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	static size_t n;

	if (enter_with) {
		if (sig != SIGUSR1)
			_exit(3); /* a fault of the test's own */
		enter(regs);
		n = enter_with;
		enter_with = 0;
		return;
	}
	behind = sig == SIGSEGV && info->si_addr == end && regs[REG_ERR] & FETCH &&
		 regs[REG_RIP] == (greg_t)end - (greg_t)n;
	memcpy(regs, outside, sizeof(outside));
	enter_with = 1; /* a fault from here on is none of the instruction's */
}

static bool is_longer_than(const uint8_t *code, size_t k)
{
	memcpy(end - k, code, k);
	enter_with = k;
	raise(SIGUSR1);
	return behind;
}

/* At least one byte is executed: nothing is to be entered with none. */
static bool is_as_long(const uint8_t *code, size_t len)
{
	return (len == 1 || is_longer_than(code, len - 1)) && !is_longer_than(code, len);
}

static void prepare(void)
{
	static const int signals[] = {SIGUSR1, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
	static uint8_t stack[1 << 17];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction a = {.sa_sigaction = on_signal,
			      .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	/* far from everything that four random bytes could name */
	end = mmap((void *)0x7e0000000000, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ck_assert_ptr_ne(end, MAP_FAILED);
	end += PAGE;
	ck_assert_int_eq(mprotect(end, PAGE, PROT_NONE), 0);
	ck_assert_int_eq(sigaltstack(&ss, NULL), 0);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		ck_assert_int_eq(sigaction(signals[i], &a, NULL), 0);
	enter_with = 1;
}

/* What would change FS, where the thread's own data is, or store there, is not run; nor is what
 * branches, which is not moved either. */
static bool may_run(const uint8_t *code, const struct insn *i)
{
	if (i->branches)
		return false;
	for (size_t k = 0; k < i->len; k++)
		if (code[k] == 0x64 || code[k] == 0x8e ||
		    (code[k] == 0x0f && k + 1 < i->len &&
		     (code[k + 1] == 0xae || code[k + 1] == 0xb2 || code[k + 1] == 0xb4)))
			return false;
	return true;
}

struct outcome {
	unsigned agreed, wrong;
	uint8_t code[16]; /* the first wrong one */
	int len;
};

static void compare(struct outcome *o)
{
	uint64_t state = INSN_RANDOM_SEED;

	for (unsigned n = 0; n < N_RANDOM; n++) {
		uint8_t code[16];
		struct insn i;

		insn_random(&state, n, code);
		if (insn_decode(code, INSN_MAX, &i) || !may_run(code, &i))
			continue;
		if (is_as_long(code, i.len)) {
			o->agreed++;
		} else if (!o->wrong++) {
			memcpy(o->code, code, sizeof(code));
			o->len = i.len;
		}
	}
}

START_TEST(random_bytes_are_decoded_as_by_the_processor)
{
	struct outcome *o =
		mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = 0;
	pid_t child;

	ck_assert_ptr_ne(o, MAP_FAILED);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		prepare();
		compare(o);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(!status, "ended with %#x", (unsigned)status);
	ck_assert_msg(!o->wrong, "%u wrong: %d bytes of %02x %02x %02x %02x %02x %02x …", o->wrong,
		      o->len, o->code[0], o->code[1], o->code[2], o->code[3], o->code[4],
		      o->code[5]);
	ck_assert_uint_gt(o->agreed, N_RANDOM / 2);
}
END_TEST

static const struct {
	const char *what, *bytes;
	size_t len;
} known[] = {
	{"mov %rax, (%rdi)", "\x48\x89\x07", 3},
	{"movabs", "\x48\xb8\1\2\3\4\5\6\7\10", 10},
	{"push imm16 behind a repeat prefix", "\x66\xf2\x68\x90\x53\x6e\xe3", 5},
	{"nop", "\x90\x90", 1},
};

/* Twin: a byte more or less is found. */
START_TEST(a_wrong_length_is_found)
{
	const uint8_t *code = (const uint8_t *)known[_i].bytes;
	size_t len = known[_i].len;

	prepare();
	ck_assert_msg(is_as_long(code, len), "%s", known[_i].what);
	ck_assert_msg(!is_as_long(code, len + 1), "%s", known[_i].what);
	ck_assert_msg(len == 1 || !is_as_long(code, len - 1), "%s", known[_i].what);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("insn_cpu");
	TCase *t = tcase_create("insn_cpu");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, random_bytes_are_decoded_as_by_the_processor);
	tcase_add_loop_test(t, a_wrong_length_is_found, 0, sizeof(known) / sizeof(known[0]));
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
