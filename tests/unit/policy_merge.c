/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdlib.h>
#include <string.h>
#include "tests/unit/policy_util.h"
#include "tests/unit/unit.h"

static struct box narrow(const struct box *a, const struct box *b)
{
	struct policy_blob blob;

	ck_assert_int_eq(policy_narrow(&a->p, &b->p, &blob), 0);
	return box_of_blob(blob);
}

static struct box narrow_texts(const char *a, const char *b)
{
	struct box x = box_of_text(a), y = box_of_text(b), both = narrow(&x, &y);

	box_deinit(&x);
	box_deinit(&y);
	return both;
}

START_TEST(narrow_keeps_the_tighter_word_with_its_line)
{
	struct box box = narrow_texts("\nraw = \"kill\";\nfixed: { replace = \"log\"; };",
				      "raw = \"deny\"; fixed: { replace = \"deny\"; };");
	const char *file;
	unsigned line;

	ck_assert_uint_eq(policy_value(&box.p, KEY_RAW), RAW_KILL);
	ck_assert_uint_eq(policy_value(&box.p, KEY_FIXED_REPLACE), V_DENY);
	ck_assert(policy_source(&box.p, KEY_RAW, &file, &line));
	ck_assert_uint_eq(line, 2);
	ck_assert(policy_source(&box.p, KEY_FIXED_REPLACE, &file, &line));
	ck_assert_uint_eq(line, 1);
	box_deinit(&box);
}
END_TEST

START_TEST(narrow_keeps_the_fewer_writers_and_the_closer_look)
{
	struct box box = narrow_texts("wx: { writers = \"none\"; inspect = \"log\"; };",
				      "wx: { writers = \"module\"; inspect = \"deny\"; };");

	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_WRITERS), WRITERS_NONE);
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_INSPECT), V_DENY);
	box_deinit(&box);
	box = narrow_texts("wx: { writers = \"any\"; inspect = \"allow\"; };",
			   "wx: { writers = \"module\"; inspect = \"log\"; };");
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_WRITERS), WRITERS_MODULE);
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_INSPECT), V_LOG);
	box_deinit(&box);
}
END_TEST

START_TEST(narrow_keeps_the_larger_size)
{
	struct box box = narrow_texts("reuse: { quarantine = \"64M\"; };",
				      "reuse: { quarantine = \"4K\"; };");

	ck_assert_uint_eq(policy_value(&box.p, KEY_REUSE_QUARANTINE), 64 << 20);
	box_deinit(&box);
	box = narrow_texts("", "reuse: { quarantine = \"1G\"; };");
	ck_assert_uint_eq(policy_value(&box.p, KEY_REUSE_QUARANTINE), 1 << 30);
	box_deinit(&box);
}
END_TEST

START_TEST(narrow_keeps_the_more_seals)
{
	struct box box = narrow_texts("seal: { text = false; data = true; late = \"always\"; };",
				      "seal: { text = true; data = false; vdso = false;"
				      " late = \"never\"; discard = \"notify\"; };");

	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_TEXT), true);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_DATA), true);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_VDSO), true);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_LATE), LATE_ALWAYS);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_DISCARD), DISCARD_NOTIFY);
	box_deinit(&box);
}
END_TEST

#define LOOSE_X                                                                   \
	"modules = ( { name = \"libx.so.*\"; seal: { text = false; data = false;" \
	" late = \"never\"; }; } );"

/* Either way round: a policy that seals everything, and one that excepts a module. */
START_TEST(narrow_seals_a_module_that_only_one_of_both_excepts)
{
	struct box box = _i ? narrow_texts("", LOOSE_X) : narrow_texts(LOOSE_X, "");

	ck_assert(policy_value_for(&box.p, KEY_SEAL_TEXT, "/lib/libx.so.1"));
	ck_assert(policy_value_for(&box.p, KEY_SEAL_DATA, "/lib/libx.so.1"));
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_SEAL_LATE, "/lib/libx.so.1"), LATE_NODELETE);
	box_deinit(&box);
}
END_TEST

/* The modules of a profile are as any others: strict has none, and seals what default excepts. */
START_TEST(narrow_of_default_and_strict_excepts_nothing)
{
	static const char *const names[] = {"default", "strict"};
	struct box a = box_of_profile(names[_i]), b = box_of_profile(names[!_i]);
	struct box both = narrow(&a, &b), same = narrow(&a, &a);

	ck_assert(policy_value_for(&both.p, KEY_SEAL_DATA, "/usr/lib/chromium/chromium"));
	ck_assert_int_eq(
		(int)policy_value_for(&same.p, KEY_SEAL_DATA, "/usr/lib/chromium/chromium"), _i);
	box_deinit(&a);
	box_deinit(&b);
	box_deinit(&both);
	box_deinit(&same);
}
END_TEST

START_TEST(narrow_leaves_alone_what_both_except)
{
	struct box box = narrow_texts(LOOSE_X, "seal: { text = false; };" LOOSE_X);

	ck_assert(!policy_value_for(&box.p, KEY_SEAL_TEXT, "/lib/libx.so.1"));
	ck_assert(!policy_value_for(&box.p, KEY_SEAL_DATA, "/lib/libx.so.1"));
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_SEAL_LATE, "/lib/libx.so.1"), LATE_NEVER);
	ck_assert(policy_value_for(&box.p, KEY_SEAL_TEXT, "/lib/liby.so.1"));
	box_deinit(&box);
}
END_TEST

START_TEST(narrow_keeps_what_both_lists_have)
{
	struct box box = narrow_texts("wx: { jit = [ \"a\", \"b\", \"c*\" ]; };",
				      "wx: { jit = [ \"b\", \"cc\", \"a\" ]; };");

	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_JIT), 2);
	ck_assert(policy_listed(&box.p, KEY_WX_JIT, "/x/a"));
	ck_assert(policy_listed(&box.p, KEY_WX_JIT, "/x/b"));
	ck_assert(!policy_listed(&box.p, KEY_WX_JIT, "/x/cc"));
	box_deinit(&box);
}
END_TEST

START_TEST(narrow_leaves_reports_to_the_first)
{
	struct box box = narrow_texts("report: { to = \"/a\"; };",
				      "report: { to = \"/b\"; format = \"json\"; };");

	ck_assert_str_eq(policy_string(&box.p, KEY_REPORT_TO), "/a");
	ck_assert_uint_eq(policy_value(&box.p, KEY_REPORT_FORMAT), REPORT_TEXT);
	box_deinit(&box);
}
END_TEST

START_TEST(narrow_again_and_again_changes_nothing)
{
	struct box a = box_of_text(
		"raw = \"kill\"; modules = ( { name = \"x*\"; wx: { map = \"log\"; }; } );");
	struct box b = box_of_profile("strict"), once = narrow(&a, &b), twice;

	for (int i = 0; i < 50; i++) {
		twice = narrow(&once, i % 2 ? &a : &b);
		ck_assert_uint_eq(twice.blob.size_bytes, once.blob.size_bytes);
		ck_assert_mem_eq(twice.blob.data, once.blob.data, once.blob.size_bytes);
		box_deinit(&once);
		once = twice;
	}
	ck_assert_str_eq(policy_name(&once.p), "test+strict");
	box_deinit(&once);
	box_deinit(&a);
	box_deinit(&b);
}
END_TEST

/*
 * Random policies over few patterns, so that they overlap, and random callers: the narrower may
 * never allow what either refuses.
 */
static const char *const patterns[] = {"*", "/a*", "/a/*", "/*b",   "/a/b",  "/a/?",
				       "b", "?",   "[ab]", "/*/*b", "/a/b*", "/b/a"};
static const char *const callers[] = {"/a/b", "/a/a", "/b/b", "/b/a", "/a/bb", "/ab", "/x/y", "/b"};
#define N(array) (sizeof(array) / sizeof((array)[0]))

static const char *any_word(void)
{
	static const char *const words[] = {"allow", "log", "flip", "deny", "kill"};

	return words[(unsigned)rand() % 5];
}

static const char *any_seals(void)
{
	static const char *const seals[] = {
		"",
		"seal: { text = false; };",
		"seal: { text = true; late = \"never\"; };",
		"seal: { late = \"always\"; };",
		"seal: { text = false; late = \"nodelete\"; };",
	};

	return seals[(unsigned)rand() % N(seals)];
}

static struct box any_policy(void)
{
	char text[2048];
	int n = snprintf(text, sizeof(text),
			 "wx: { map = \"%s\"; transition = \"%s\"; jit = [ \"%s\", \"%s\" ]; }; %s",
			 any_word(), any_word(), patterns[(unsigned)rand() % N(patterns)],
			 patterns[(unsigned)rand() % N(patterns)], any_seals());
	int modules = rand() % 6;

	for (int i = 0; i < modules; i++)
		n += snprintf(text + n, sizeof(text) - (size_t)n,
			      "%s{ name = \"%s\"; wx: { map = \"%s\"; %s%s%s }; %s }%s",
			      i ? ", " : "modules = ( ", patterns[(unsigned)rand() % N(patterns)],
			      any_word(), i % 2 ? "transition = \"" : "", i % 2 ? any_word() : "",
			      i % 2 ? "\";" : "", any_seals(), i + 1 < modules ? "" : " );");
	return box_of_text(text);
}

static enum policy_verdict verdict(const struct box *box, unsigned deed, const char *caller,
				   bool jit)
{
	struct policy_ask ask = {.deeds = deed, .caller = caller, .jit_image = jit};
	struct policy_ruling r;

	policy_rule(&box->p, &ask, &r);
	return r.verdict;
}

static void expect_narrower(const struct box *both, const struct box *one, int round)
{
	for (unsigned i = 0; i < 4 * N(callers); i++) {
		unsigned deed = i & 1 ? DEED_WX : DEED_ADD_X;
		const char *caller = callers[i / 4];
		enum policy_verdict v = verdict(both, deed, caller, i & 2);

		ck_assert_msg(v >= verdict(one, deed, caller, i & 2), "round %d, %s for %s", round,
			      deed == DEED_WX ? "wx.map" : "wx.transition", caller);
	}
	for (unsigned i = 0; i < 2 * N(callers) + 2; i++) {
		enum policy_key key = i & 1 ? KEY_SEAL_TEXT : KEY_SEAL_LATE;
		const char *module = i / 2 < N(callers) ? callers[i / 2] : NULL;

		ck_assert_msg(policy_value_for(&both->p, key, module) >=
				      policy_value_for(&one->p, key, module),
			      "round %d, %s for %s", round, policy_key_name(key), module);
	}
	ck_assert(verdict(both, DEED_WX, NULL, false) >= verdict(one, DEED_WX, NULL, false));
	ck_assert(verdict(both, DEED_WX, NULL, true) >= verdict(one, DEED_WX, NULL, true));
}

START_TEST(narrow_never_allows_what_either_refuses)
{
	srand(1);
	for (int round = 0; round < 3000; round++) {
		struct box a = any_policy(), b = any_policy(), both = narrow(&a, &b);

		expect_narrower(&both, &a, round);
		expect_narrower(&both, &b, round);
		box_deinit(&a);
		box_deinit(&b);
		box_deinit(&both);
	}
}
END_TEST

START_TEST(narrow_with_itself_is_no_tighter)
{
	struct box a = box_of_text("modules = ( { name = \"/a/*\"; wx: { map = \"log\"; }; },"
				   "{ name = \"/a/b\"; wx: { map = \"kill\"; }; },"
				   "{ name = \"*\"; wx: { map = \"allow\"; }; } );");
	struct box both = narrow(&a, &a);

	for (unsigned i = 0; i < N(callers); i++)
		ck_assert_int_eq(verdict(&both, DEED_WX, callers[i], false),
				 verdict(&a, DEED_WX, callers[i], false));
	box_deinit(&a);
	box_deinit(&both);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy_merge");
	TCase *c = tcase_create("narrow");

	tcase_set_timeout(c, 60);
	tcase_add_test(c, narrow_keeps_the_tighter_word_with_its_line);
	tcase_add_test(c, narrow_keeps_the_fewer_writers_and_the_closer_look);
	tcase_add_test(c, narrow_keeps_the_larger_size);
	tcase_add_test(c, narrow_keeps_the_more_seals);
	tcase_add_loop_test(c, narrow_seals_a_module_that_only_one_of_both_excepts, 0, 2);
	tcase_add_loop_test(c, narrow_of_default_and_strict_excepts_nothing, 0, 2);
	tcase_add_test(c, narrow_leaves_alone_what_both_except);
	tcase_add_test(c, narrow_keeps_what_both_lists_have);
	tcase_add_test(c, narrow_leaves_reports_to_the_first);
	tcase_add_test(c, narrow_again_and_again_changes_nothing);
	tcase_add_test(c, narrow_never_allows_what_either_refuses);
	tcase_add_test(c, narrow_with_itself_is_no_tighter);
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
