/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "policy/doc.h"
#include "tests/unit/unit.h"

static const struct {
	const char *pattern, *string;
	bool matches;
} rows[] = {
	{"", "", true},
	{"", "a", false},
	{"a", "", false},
	{"abc", "abc", true},
	{"abc", "abcd", false},
	{"abcd", "abc", false},
	{"*", "", true},
	{"*", "/a/b", true},
	{"**", "x", true},
	{"a*", "a", true},
	{"*a", "ba", true},
	{"*a", "ab", false},
	{"/usr/lib/jvm/*/lib/server/libjvm.so", "/usr/lib/jvm/j17/x/lib/server/libjvm.so", true},
	{"/usr/lib/jvm/*/lib/server/libjvm.so", "/usr/lib/jvm/lib/server/libjvm.so", false},
	{"a*b*c", "a1b2b3c", true},
	{"a*b*c", "a1c2b3", false},
	{"?", "", false},
	{"?", "/", true},
	{"a?c", "abc", true},
	{"a?c", "ac", false},
	{"[abc]", "b", true},
	{"[abc]", "d", false},
	{"[a-c]x", "bx", true},
	{"[a-c]", "-", false},
	{"[a-]", "-", true},
	{"[-a]", "-", true},
	{"[!a-c]", "d", true},
	{"[!a-c]", "b", false},
	{"[^a]", "b", true},
	{"[^a]", "", false},
	{"[]]", "]", true},
	{"[]-a]", "^", true},
	{"[!]]", "]", false},
	{"[!]]", "a", true},
	{"[a", "[a", true},
	{"[a", "a", false},
	{"[]", "[]", true},
	{"[!]", "[!]", true},
	{"*[0-9]", "libx.so.12", true},
	{"*[0-9]", "libx.so.", false},
	{"\\*", "\\anything", true},
	{"\\*", "*", false},
	{"[\xc0-\xff]", "\xe9", true},
	{"memfd:dm*", "memfd:dm/x", true},
};

START_TEST(glob_matches_as_documented)
{
	ck_assert_msg(glob_match(rows[_i].pattern, rows[_i].string) == rows[_i].matches,
		      "\"%s\" and \"%s\"", rows[_i].pattern, rows[_i].string);
}
END_TEST

/* With backtracking to every star this would take longer than the universe has. */
START_TEST(glob_time_is_bounded_by_the_lengths)
{
	char pattern[257], string[4097];
	clock_t start = clock();

	for (int i = 0; i < 256; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	pattern[256] = 0;
	pattern[255] = 'b';
	memset(string, 'a', sizeof(string));
	string[4096] = 0;
	ck_assert(!glob_match(pattern, string));
	ck_assert(clock() - start < CLOCKS_PER_SEC);
}
END_TEST

static const struct {
	const char *pattern;
	unsigned literals;
	bool exact, closed;
} ranks[] = {
	{"/usr/bin/git", 12, true, true}, {"/usr/*", 5, false, true}, {"/a?b", 3, false, true},
	{"/x[0-9]y", 3, false, true},     {"/x[]]", 2, false, true},  {"/x[]", 4, true, false},
	{"/x[!]", 5, true, false},        {"/x]", 3, true, true},
};

START_TEST(pattern_rank_counts_what_stands_for_itself)
{
	ck_assert_uint_eq(pattern_literals(ranks[_i].pattern), ranks[_i].literals);
	ck_assert_int_eq(pattern_is_exact(ranks[_i].pattern), ranks[_i].exact);
	ck_assert_int_eq(pattern_is_closed(ranks[_i].pattern), ranks[_i].closed);
}
END_TEST

START_TEST(pattern_that_is_exact_outranks_any_other)
{
	ck_assert_uint_gt(pattern_rank("/a"), pattern_rank("/usr/lib/a/very/long/pattern/*"));
	ck_assert_uint_gt(pattern_rank("/usr/lib/*"), pattern_rank("/usr/*"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy_glob");
	TCase *c = tcase_create("glob");

	tcase_add_loop_test(c, glob_matches_as_documented, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(c, glob_time_is_bounded_by_the_lengths);
	tcase_add_loop_test(c, pattern_rank_counts_what_stands_for_itself, 0,
			    sizeof(ranks) / sizeof(ranks[0]));
	tcase_add_test(c, pattern_that_is_exact_outranks_any_other);
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
