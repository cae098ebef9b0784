/* SPDX-License-Identifier: BSD-2-Clause */

/* The bounded formatter and the names: never past the end, always terminated. */

#include "common/fmt.h"

#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include "common/names.h"
#include "common/range.h"
#include "common/sys.h"
#include "tests/unit/unit.h"

START_TEST(nothing_is_written_behind_the_end)
{
	char buf[64];

	for (size_t size = 0; size < sizeof(buf); size++) {
		struct fmt f = {buf, size, 0, false};

		memset(buf, 'z', sizeof(buf));
		fmt_str(&f, "0123456789");
		fmt_hex(&f, UINT64_MAX);
		fmt_dec(&f, INT64_MIN);
		for (size_t i = size; i < sizeof(buf); i++)
			ck_assert_int_eq(buf[i], 'z');
		if (size)
			ck_assert_uint_eq(strlen(buf), f.len);
		ck_assert_int_eq(f.cut, size <= 48);
	}
}
END_TEST

START_TEST(numbers_have_all_their_digits)
{
	char buf[128];
	struct fmt f = FMT_INIT(buf);

	fmt_dec(&f, INT64_MIN);
	fmt_char(&f, ' ');
	fmt_udec(&f, UINT64_MAX);
	fmt_char(&f, ' ');
	fmt_hex(&f, 0xdeadbeefcafe0000);
	ck_assert_str_eq(buf, "-9223372036854775808 18446744073709551615 0xdeadbeefcafe0000");
}
END_TEST

START_TEST(map_type_is_a_field)
{
	char buf[256];
	struct fmt f = FMT_INIT(buf);

	name_map_flags(&f, 3 | MAP_FIXED);
	fmt_char(&f, ' ');
	name_map_flags(&f, MAP_PRIVATE | MAP_ANONYMOUS | 1ull << 40);
	fmt_char(&f, ' ');
	name_map_flags(&f, 5);
	ck_assert_str_eq(
		buf, "MAP_SHARED_VALIDATE|MAP_FIXED MAP_PRIVATE|MAP_ANONYMOUS|0x10000000000 0x5");
}
END_TEST

START_TEST(unknown_protection_is_shown)
{
	char buf[128];
	struct fmt f = FMT_INIT(buf);

	name_prot(&f, 0);
	fmt_char(&f, ' ');
	name_prot(&f, PROT_EXEC | 1ull << 63);
	ck_assert_str_eq(buf, "PROT_NONE PROT_EXEC|0x8000000000000000");
}
END_TEST

START_TEST(a_call_has_its_arguments)
{
	char buf[256];
	struct fmt f = FMT_INIT(buf);

	name_call(&f, SYS_mprotect, (uint64_t[6]){0x7f0000000000, 4096, PROT_READ | PROT_EXEC});
	ck_assert_str_eq(buf, "mprotect(0x7f0000000000, 4096, PROT_READ|PROT_EXEC)");
	ck_assert_int_eq(call_number("mseal"), 462);
	ck_assert_int_eq(call_number("msea"), -1);
}
END_TEST

START_TEST(no_range_wraps)
{
	struct range r;

	ck_assert(!range_init(&r, 0x1000, UINT64_MAX));
	ck_assert(!range_init(&r, 0x1000, -4096ull));
	ck_assert(!range_init(&r, -4096ull, 4096));
	ck_assert(!range_init(&r, 0x1000, 0));
	ck_assert(!range_init(&r, 0x1001, 4096));
	ck_assert(range_init(&r, 0x1000, 1));
	ck_assert_uint_eq(r.end, 0x2000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fmt");
	TCase *t = tcase_create("fmt");

	tcase_add_test(t, nothing_is_written_behind_the_end);
	tcase_add_test(t, numbers_have_all_their_digits);
	tcase_add_test(t, map_type_is_a_field);
	tcase_add_test(t, unknown_protection_is_shown);
	tcase_add_test(t, a_call_has_its_arguments);
	tcase_add_test(t, no_range_wraps);
	suite_add_tcase(s, t);
	return unit_run(s);
}
