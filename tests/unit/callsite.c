/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/arch/x86_64/callsite.h"

#include <string.h>
#include "tests/unit/unit.h"

/* Code to look at, never to run; the call ends at 32, its slot is at 48. */
static _Alignas(16) unsigned char code[64];

#define RET  ((uint64_t)code + 32)
#define SLOT ((uint64_t)code + 48)

static void lay(const char *bytes, size_t n)
{
	memset(code, 0x90, sizeof(code));
	memcpy(code + 32 - n, bytes, n);
	memcpy(code + 48, &(uint64_t){0x123456789abc}, 8);
}

START_TEST(a_direct_call_names_its_target)
{
	lay("\xe8\x10\x00\x00\x00", 5);
	ck_assert_uint_eq(callsite_target(RET), RET + 16);
	lay("\xe8\xf0\xff\xff\xff", 5);
	ck_assert_uint_eq(callsite_target(RET), RET - 16);
}
END_TEST

START_TEST(a_call_through_a_named_slot_is_followed)
{
	lay("\xff\x15\x10\x00\x00\x00", 6);
	ck_assert_uint_eq(callsite_target(RET), 0x123456789abc);
}
END_TEST

static const struct {
	const char *what, *bytes;
	size_t n;
} indirect[] = {
	{"call *%rax", "\xff\xd0", 2},
	{"call *%r11", "\x41\xff\xd3", 3},
	{"call *(%rax)", "\xff\x10", 2},
	{"call *(%rsp)", "\xff\x14\x24", 3},
	{"call *8(%rax)", "\xff\x50\x08", 3},
	{"call *8(%rsp)", "\xff\x54\x24\x08", 4},
	{"call *0x100(%rbx)", "\xff\x93\x00\x01\x00\x00", 6},
	{"call *0x100(%rsp)", "\xff\x94\x24\x00\x01\x00\x00", 7},
	{"call *(%rax) after what looks like a direct call", "\xe8\x00\x00\xff\x10", 5},
	{"call *%rax after what looks like a direct call", "\xe8\x00\x00\xff\xd0", 5},
	{"no call", "\x90\x90", 2},
};

START_TEST(a_call_through_a_pointer_names_nothing)
{
	lay(indirect[_i].bytes, indirect[_i].n);
	ck_assert_msg(!callsite_target(RET), "%s", indirect[_i].what);
}
END_TEST

static const struct {
	const char *what, *bytes;
	size_t n; /* up to the end of the jump, which is at 32 */
	bool follows;
} entries[] = {
	{"jmp *slot", "\xff\x25\x10\x00\x00\x00", 6, true},
	{"bnd jmp *slot", "\xf2\xff\x25\x10\x00\x00\x00", 7, true},
	{"endbr64; jmp *slot", "\xf3\x0f\x1e\xfa\xff\x25\x10\x00\x00\x00", 10, true},
	{"endbr64; bnd jmp *slot", "\xf3\x0f\x1e\xfa\xf2\xff\x25\x10\x00\x00\x00", 11, true},
	{"a function", "\xf3\x0f\x1e\xfa\x55\x48\x89\xe5", 8, false},
	{"call *slot", "\xff\x15\x10\x00\x00\x00", 6, false},
};

START_TEST(a_plt_entry_is_seen_through)
{
	uint64_t at = RET - entries[_i].n;

	lay(entries[_i].bytes, entries[_i].n);
	ck_assert_msg(callsite_through_plt(at) == (entries[_i].follows ? 0x123456789abc : at), "%s",
		      entries[_i].what);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("callsite");
	TCase *t = tcase_create("callsite");

	tcase_add_test(t, a_direct_call_names_its_target);
	tcase_add_test(t, a_call_through_a_named_slot_is_followed);
	tcase_add_loop_test(t, a_call_through_a_pointer_names_nothing, 0,
			    sizeof(indirect) / sizeof(indirect[0]));
	tcase_add_loop_test(t, a_plt_entry_is_seen_through, 0,
			    sizeof(entries) / sizeof(entries[0]));
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
