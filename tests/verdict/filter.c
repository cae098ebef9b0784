/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The filter that policy/filter.c builds, run in the simulator: the rows of filter.rows, and what
 * must hold for every call there is. tests/verdict/live.c asks the kernel about some of them.
 */

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/audit.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include "common/call.h"
#include "common/control.h"
#include "common/kit.h"
#include "policy/filter.h"
#include "tests/unit/unit.h"
#include "tests/verdict/bpf.h"

#define X32_BIT 0x40000000

enum verdict { ALLOW, NOTIFY };

/* Where a call comes from, as the kernel reports it: the address after its instruction. */
enum from {
	GATE,
	BYTE_BEFORE,
	BYTE_AFTER,
	PAGE_START,
	PAGE_BEFORE,
	PAGE_AFTER,
	OTHER_HIGH, /* one bit of the upper half differs */
	OTHER_LOW,  /* the topmost bit of the lower half differs */
	HALVES_SWAPPED,
	LOW_ONLY,
	HIGH_ONLY,
	NONCANONICAL,
	STUB_FIRST, /* by the entries that the gate's page has for the stubs */
	STUB_SECOND,
	STUB_LAST,
	ELSEWHERE,
	N_FROM,
};

struct row {
	const char *text;
	unsigned flags; /* that the verdict holds with */
	enum verdict verdict;
	uint32_t arch;
	int nr;
	enum from from;
	uint64_t args[6];
};

#define NATIVE(name) AUDIT_ARCH_X86_64, SYS_##name
#define X32(name)    AUDIT_ARCH_X86_64, SYS_##name | X32_BIT
#define I386(number) AUDIT_ARCH_I386, number
#define NUMBER(n)    AUDIT_ARCH_X86_64, n
#define ROW(verdict, call, from, ...) \
	{#call " " #from " (" #__VA_ARGS__ ") -> " #verdict, 0, verdict, call, from, {__VA_ARGS__}},
#define ROW_WITH(flags, verdict, call, from, ...)                        \
	{#flags ": " #call " " #from " (" #__VA_ARGS__ ") -> " #verdict, \
	 flags,                                                          \
	 verdict,                                                        \
	 call,                                                           \
	 from,                                                           \
	 {__VA_ARGS__}},

static const struct row rows[] = {
#include "tests/verdict/filter.rows"
};

#define N_ROWS ((int)(sizeof(rows) / sizeof(*rows)))

#define DISCARDS FILTER_NOTIFY_DISCARDS
#define NO_MSEAL FILTER_NO_MSEAL

/* An argument that is so far from the gate. */
#define GIB         (1ull << 30)
#define NEAR_MARK   0x6e65617200000000ull
#define NEAR(bytes) (NEAR_MARK + (uint64_t)(int64_t)((bytes) >> 12))

static const struct row flag_rows[] = {
#include "tests/verdict/filter_flags.rows"
};

#define N_FLAG_ROWS ((int)(sizeof(flag_rows) / sizeof(*flag_rows)))

/* Places for a gate: the halves of its address small, large, and with the topmost bit set. */
static const uint64_t gates[] = {0x600012345000, 0x7fffffffe000, 0x100000000, 0x5555ffffe000,
				 0x7f0080000000};

#define N_GATES ((int)(sizeof(gates) / sizeof(*gates)))

static const int gate_calls[] = {SYS_mmap,  SYS_munmap, SYS_mprotect, SYS_pkey_mprotect, SYS_mremap,
				 SYS_shmat, SYS_shmdt,  SYS_mseal,    SYS_madvise};

static const int listed_calls[] = {
#define X(NAME, name, n_args, how) SYS_##name,
	CM_ALL_CALLS(X)
#undef X
};

#define HAS(list, nr) has(list, sizeof(list) / sizeof(*(list)), nr)

static bool has(const int *list, unsigned n, int nr)
{
	while (n)
		if (list[--n] == nr)
			return true;
	return false;
}

static uint64_t address(enum from from, uint64_t gate)
{
	uint64_t ip = gate + FILTER_GATE_RETURN;

	switch (from) {
	case GATE:
		return ip;
	case BYTE_BEFORE:
		return ip - 1;
	case BYTE_AFTER:
		return ip + 1;
	case PAGE_START:
		return gate;
	case PAGE_BEFORE:
		return ip - 4096;
	case PAGE_AFTER:
		return ip + 4096;
	case OTHER_HIGH:
		return ip ^ 1ull << 32;
	case OTHER_LOW:
		return ip ^ 1ull << 31;
	case HALVES_SWAPPED:
		return ip >> 32 | ip << 32;
	case LOW_ONLY:
		return (uint32_t)ip;
	case HIGH_ONLY:
		return ip & ~0xffffffffull;
	case NONCANONICAL:
		return ip | 1ull << 63;
	case STUB_FIRST:
		return ip + kit_entry(0);
	case STUB_SECOND:
		return ip + kit_entry(1);
	case STUB_LAST:
		return ip + kit_entry(KIT_SITES - 1);
	default:
		return 0x401000;
	}
}

#define N_FLAGS 4

static struct sock_fprog all_progs[N_FLAGS][N_GATES], *progs = all_progs[0];

/* Once for all tests: each runs in a fork of its own. */
static void build_all(void)
{
	for (int i = 0; i < N_FLAGS * N_GATES; i++)
		ck_assert_int_eq(filter_build(gates[i % N_GATES], i / N_GATES,
					      &all_progs[i / N_GATES][i % N_GATES]),
				 0);
}

static void free_all(void)
{
	for (int i = 0; i < N_FLAGS * N_GATES; i++)
		filter_deinit(&all_progs[i / N_GATES][i % N_GATES]);
}

static uint64_t argument(uint64_t word, uint64_t gate)
{
	int64_t pages = (int64_t)(word - NEAR_MARK);

	return pages > -(1l << 28) && pages < 1l << 28 ? gate + (uint64_t)pages * 4096 : word;
}

static enum verdict run(const struct sock_fprog *prog, const struct seccomp_data *data)
{
	uint32_t ret;

	ck_assert_int_eq(bpf_run(prog, data, &ret), 0);
	ck_assert_msg(ret == SECCOMP_RET_ALLOW || ret == SECCOMP_RET_USER_NOTIF,
		      "nr %d: the filter refuses by itself: %#x", data->nr, ret);
	return ret == SECCOMP_RET_ALLOW ? ALLOW : NOTIFY;
}

static enum verdict run_row(const struct sock_fprog *prog, const struct row *row, uint64_t gate)
{
	struct seccomp_data data = {
		.nr = row->nr,
		.arch = row->arch,
		.instruction_pointer = address(row->from, gate),
	};

	for (int i = 0; i < 6; i++)
		data.args[i] = argument(row->args[i], gate);
	return run(prog, &data);
}

/* Loop: every row, in a filter of every gate. */
START_TEST(row_is_decided_as_written)
{
	for (int i = 0; i < N_GATES; i++)
		ck_assert_msg(run_row(&progs[i], &rows[_i], gates[i]) == rows[_i].verdict,
			      "gate %#" PRIx64 ": %s", gates[i], rows[_i].text);
}
END_TEST

/* Loop: every row that is about flags, in every filter that has them, and not in one that has not
 * where the verdict is theirs. */
START_TEST(flags_take_calls_from_the_gate)
{
	const struct row *row = &flag_rows[_i];

	for (unsigned flags = 0; flags < N_FLAGS; flags++)
		for (int i = 0; i < N_GATES; i++) {
			enum verdict v = run_row(&all_progs[flags][i], row, gates[i]);

			if ((flags & row->flags) == row->flags)
				ck_assert_msg(v == row->verdict, "flags %u, gate %#" PRIx64 ": %s",
					      flags, gates[i], row->text);
			if (!(flags & row->flags) && row->verdict == NOTIFY)
				ck_assert_msg(v == ALLOW, "flags %u: needless: %s", flags,
					      row->text);
		}
}
END_TEST

/* Loop: every row of the plain filter. What it notifies they all do. */
START_TEST(flags_let_nothing_pass)
{
	for (unsigned flags = 1; flags < N_FLAGS; flags++)
		for (int i = 0; i < N_GATES && rows[_i].verdict == NOTIFY; i++)
			ck_assert_msg(run_row(&all_progs[flags][i], &rows[_i], gates[i]) == NOTIFY,
				      "flags %u: %s", flags, rows[_i].text);
}
END_TEST

/* The twin of the rows: without the prefix nothing but the gate calls is decided otherwise. */
START_TEST(without_a_gate_every_mm_call_is_notified)
{
	struct sock_fprog prog;
	int n_changed = 0;

	ck_assert_int_eq(filter_build(0, N_FLAGS - 1, &prog), 0);
	for (int i = 0; i < N_ROWS; i++) {
		bool gone = rows[i].arch == AUDIT_ARCH_X86_64 && HAS(gate_calls, rows[i].nr);
		enum verdict want = gone ? NOTIFY : rows[i].verdict;

		n_changed += want != rows[i].verdict;
		ck_assert_msg(run_row(&prog, &rows[i], gates[0]) == want, "no gate: %s",
			      rows[i].text);
		/* Nor is page 0 the gate, which root may map. */
		ck_assert_msg(run_row(&prog, &rows[i], 0) == want, "page 0: %s", rows[i].text);
	}
	ck_assert_int_gt(n_changed, 30);
	filter_deinit(&prog);
}
END_TEST

START_TEST(another_trees_gate_is_no_gate)
{
	const struct sock_fprog *prog = &progs[0];

	for (int i = 0; i < N_ROWS; i++) {
		bool gone = rows[i].arch == AUDIT_ARCH_X86_64 && HAS(gate_calls, rows[i].nr);

		ck_assert_msg(run_row(prog, &rows[i], gates[1]) ==
				      (gone ? NOTIFY : rows[i].verdict),
			      "other gate: %s", rows[i].text);
	}
}
END_TEST

START_TEST(kernel_would_load_it)
{
	for (int i = 0; i < N_FLAGS * N_GATES; i++)
		ck_assert_int_eq(bpf_check(&all_progs[i / N_GATES][i % N_GATES]), 0);
}
END_TEST

START_TEST(addresses_that_are_no_user_page_are_refused)
{
	static const uint64_t bad[] = {1,
				       0xfff,
				       0x600012345006,
				       1ull << 56,
				       1ull << 63,
				       0xffffffffff600000,
				       UINT64_MAX - 4095,
				       UINT64_MAX};
	struct sock_fprog prog = {0};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_eq(filter_build(bad[i], 0, &prog), -EINVAL);
		ck_assert_ptr_null(prog.filter);
	}
}
END_TEST

/* Loop: every combination of flags. */
START_TEST(unlisted_calls_are_free_of_bpf)
{
	const struct sock_fprog *prog = &all_progs[_i][0];

	for (int nr = 0; nr <= 600; nr++)
		ck_assert_msg(bpf_is_const_allow(prog, nr, AUDIT_ARCH_X86_64) ==
				      !HAS(listed_calls, nr),
			      "call %d", nr);
}
END_TEST

START_TEST(foreign_architectures_are_never_allowed)
{
	const struct sock_fprog *prog = &progs[0];

	for (int nr = 0; nr <= 600; nr++) {
		struct seccomp_data i386 = {.nr = nr, .arch = AUDIT_ARCH_I386};
		struct seccomp_data x32 = {.nr = nr | X32_BIT, .arch = AUDIT_ARCH_X86_64};

		i386.instruction_pointer = x32.instruction_pointer = address(GATE, gates[0]);
		ck_assert_msg(run(prog, &i386) == NOTIFY, "i386 call %d", nr);
		ck_assert_msg(run(prog, &x32) == NOTIFY, "x32 call %d", nr);
		ck_assert(!bpf_is_const_allow(prog, nr, AUDIT_ARCH_I386));
	}
}
END_TEST

START_TEST(gate_opens_for_gate_calls_only)
{
	const struct sock_fprog *prog = &progs[0];

	for (int nr = -2; nr <= 1024; nr++) {
		struct seccomp_data at = {.nr = nr, .arch = AUDIT_ARCH_X86_64}, off = at;

		at.instruction_pointer = address(GATE, gates[0]);
		off.instruction_pointer = address(ELSEWHERE, gates[0]);
		ck_assert_msg((run(prog, &at) != run(prog, &off)) == HAS(gate_calls, nr), "call %d",
			      nr);
	}
}
END_TEST

/* No place of the gate's page is the gate but one: not a stub's entry, not what is between. Loop:
 * every combination of flags. */
START_TEST(the_page_has_one_gate)
{
	struct seccomp_data d = {.arch = AUDIT_ARCH_X86_64, .args = {0x7f1234567000, 4096}};

	for (unsigned i = 0; i < sizeof(gate_calls) / sizeof(*gate_calls); i++) {
		d.nr = gate_calls[i];
		for (uint64_t at = 0; at <= 4096; at++) {
			d.instruction_pointer = gates[0] + at;
			ck_assert_msg((run(&all_progs[_i][0], &d) == ALLOW) ==
					      (at == FILTER_GATE_RETURN),
				      "call %d at %" PRIu64, d.nr, at);
		}
	}
}
END_TEST

/* The filter's meaning once more, in plain C: what the next test compares it with. */
static bool may_be_sealed(uint64_t addr, uint64_t len, uint64_t gate)
{
	uint64_t at = addr >> 32, near = gate >> 32;

	return len >> 32 || !at || (at >= 0x5554 && at <= 0x6556) ||
	       (at + 1 >= near && at <= near + 16);
}

/* Whether the kernel would have to seal what it changes. */
static bool changes_sealed(const struct seccomp_data *d, uint64_t gate)
{
	const __u64 *a = d->args;

	switch (d->nr) {
	case SYS_mmap:
		return a[3] & MAP_FIXED && may_be_sealed(a[0], a[1], gate);
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		return may_be_sealed(a[0], a[1], gate);
	case SYS_mremap:
		return may_be_sealed(a[0], a[1], gate) ||
		       (a[3] & MREMAP_FIXED && may_be_sealed(a[4], a[2], gate));
	case SYS_shmat:
		return a[2] & SHM_REMAP;
	}
	return false;
}

static bool grants_nothing(const struct seccomp_data *d, unsigned flags)
{
	static const int plain[] = {0, 1, 2, 3, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 25};
	static const int daily[] = {4, 8};

	switch (d->nr) {
	case SYS_mmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		return !(d->args[2] & PROT_EXEC);
	case SYS_shmat:
		return !(d->args[2] & SHM_EXEC);
	case SYS_madvise:
		return HAS(plain, (int)d->args[2]) ||
		       (!(flags & DISCARDS) && HAS(daily, (int)d->args[2]));
	}
	return true;
}

static enum verdict model(const struct seccomp_data *d, uint64_t gate, unsigned flags)
{
	uint32_t first = d->args[0];
	bool notify = HAS(listed_calls, d->nr);

	if (d->arch != AUDIT_ARCH_X86_64 || (d->nr != -1 && (uint32_t)d->nr >= X32_BIT))
		return NOTIFY;
	if (d->instruction_pointer == gate + 6 && HAS(gate_calls, d->nr) &&
	    grants_nothing(d, flags) && !(flags & NO_MSEAL && changes_sealed(d, gate)))
		return ALLOW;
	switch (d->nr) {
	case SYS_ioctl:
		notify = (uint32_t)d->args[1] == 0xaa00;
		break;
	case SYS_personality:
		notify = first & 0x400000;
		break;
	case SYS_prctl:
		notify = first == 35 || first == 36 || first == 22;
		break;
	case SYS_arch_prctl:
		notify = first >= 0x2001 && first <= 0x2003;
		break;
	case SYS_ptrace:
		notify = !d->args[0] || d->args[0] == 16 || d->args[0] == 0x4206;
		break;
	case SYS_seccomp:
		notify = first == 1 && d->args[2];
		break;
	case SYS_rt_sigaction:
		notify = first == 11;
		break;
	}
	return notify ? NOTIFY : ALLOW;
}

/* xorshift64*: the same calls in every run. */
static uint64_t draw(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* A word near those that matter, half of the time with junk above bit 31. */
static uint64_t draw_word(uint64_t *s)
{
	static const uint64_t seeds[] = {0,      1,      2,      4,      7,        8,
					 16,     11,     35,     0x2001, 0x2003,   0x4206,
					 0xaa00, 0x8000, 0x8004, 102,    0x400000, UINT32_MAX};
	uint64_t w = seeds[draw(s) % (sizeof(seeds) / sizeof(*seeds))];

	switch (draw(s) % 4) {
	case 0:
		w = draw(s) % 40;
		break;
	case 1:
		w ^= 1ull << draw(s) % 64;
		break;
	}
	return draw(s) % 2 ? w : w ^ draw(s) << 32;
}

/* An address near what may be sealed, or a flag that makes it matter. */
static uint64_t draw_place(uint64_t *s, uint64_t gate)
{
	const uint64_t places[] = {0,          0x100000000, 0x555400000000, 0x655700000000,
				   gate,       MAP_FIXED,   MREMAP_FIXED,   SHM_REMAP,
				   gate - GIB, 1ull << 46};

	return places[draw(s) % (sizeof(places) / sizeof(*places))] +
	       (draw(s) % 3 - 1) * (draw(s) % 80 << 32) + draw(s) % 2;
}

static void draw_call(uint64_t *s, uint64_t gate, struct seccomp_data *d)
{
	unsigned n = sizeof(listed_calls) / sizeof(*listed_calls);
	uint64_t dice = draw(s);

	d->nr = dice % 4 ? listed_calls[draw(s) % n] : (int)(draw(s) % 500);
	if (dice % 64 == 0)
		d->nr = draw(s);
	d->arch = dice >> 32 & 15 ? AUDIT_ARCH_X86_64 : AUDIT_ARCH_I386;
	if ((dice >> 32 & 63) == 0)
		d->arch = draw(s);
	d->instruction_pointer = address(dice >> 40 & 1 ? GATE : draw(s) % N_FROM, gate);
	for (int i = 0; i < 6; i++)
		d->args[i] = draw(s) % 3 ? draw_word(s) : draw_place(s, gate);
}

/* Loop: every gate, with every combination of flags. */
START_TEST(random_calls_are_decided_as_by_the_model)
{
	uint64_t state = 0x9e3779b97f4a7c15 + _i, gate = gates[_i % N_GATES];
	unsigned flags = _i / N_GATES;
	const struct sock_fprog *prog = &all_progs[flags][_i % N_GATES];
	struct seccomp_data d;
	int n[2] = {0};

	for (int i = 0; i < 40000; i++) {
		enum verdict want;

		draw_call(&state, gate, &d);
		want = model(&d, gate, flags);
		n[want]++;
		ck_assert_msg(run(prog, &d) == want,
			      "nr %d arch %#x ip %#llx args %#llx %#llx %#llx: model says %s", d.nr,
			      d.arch, d.instruction_pointer, d.args[0], d.args[1], d.args[2],
			      want == ALLOW ? "allow" : "notify");
	}
	ck_assert_int_gt(n[ALLOW], 4000);
	ck_assert_int_gt(n[NOTIFY], 4000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("filter");
	TCase *t = tcase_create("filter");

	tcase_set_timeout(t, 30);
	tcase_add_unchecked_fixture(t, build_all, free_all);
	tcase_add_loop_test(t, row_is_decided_as_written, 0, N_ROWS);
	tcase_add_loop_test(t, flags_take_calls_from_the_gate, 0, N_FLAG_ROWS);
	tcase_add_loop_test(t, flags_let_nothing_pass, 0, N_ROWS);
	tcase_add_test(t, without_a_gate_every_mm_call_is_notified);
	tcase_add_test(t, another_trees_gate_is_no_gate);
	tcase_add_test(t, kernel_would_load_it);
	tcase_add_test(t, addresses_that_are_no_user_page_are_refused);
	tcase_add_loop_test(t, unlisted_calls_are_free_of_bpf, 0, N_FLAGS);
	tcase_add_test(t, foreign_architectures_are_never_allowed);
	tcase_add_test(t, gate_opens_for_gate_calls_only);
	tcase_add_loop_test(t, the_page_has_one_gate, 0, N_FLAGS);
	tcase_add_loop_test(t, random_calls_are_decided_as_by_the_model, 0, N_FLAGS * N_GATES);
	suite_add_tcase(s, t);
	return unit_run(s);
}
