/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include "tests/unit/policy_util.h"
#include "tests/unit/unit.h"

static struct policy_ruling rule(const struct box *box, struct policy_ask ask)
{
	struct policy_ruling r;

	policy_rule(&box->p, &ask, &r);
	return r;
}

#define RULE(box, ...) rule(box, (struct policy_ask){__VA_ARGS__})

static void expect(struct policy_ruling r, enum policy_verdict verdict, enum policy_key key,
		   int error)
{
	ck_assert_int_eq(r.verdict, verdict);
	ck_assert_str_eq(policy_key_name(r.rule), policy_key_name(key));
	ck_assert_int_eq(r.error, error);
}

START_TEST(call_without_deeds_is_allowed_by_no_rule)
{
	struct box box = box_of_profile("strict");

	expect(RULE(&box, .deeds = 0), V_ALLOW, KEY_NONE, 0);
	box_deinit(&box);
}
END_TEST

START_TEST(code_is_refused_with_eacces)
{
	struct box box = box_of_profile("default");

	expect(RULE(&box, .deeds = DEED_WX), V_DENY, KEY_WX_MAP, EACCES);
	expect(RULE(&box, .deeds = DEED_ADD_X), V_DENY, KEY_WX_TRANSITION, EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(audit_logs_and_refuses_nothing)
{
	struct box box = box_of_profile("audit");
	unsigned all = DEED_WX | DEED_ADD_X | DEED_X_FILE | DEED_FOREIGN_REPLACE | DEED_RAW;

	expect(RULE(&box, .deeds = all), V_LOG, KEY_WX_MAP, 0);
	box_deinit(&box);
}
END_TEST

START_TEST(tightest_deed_wins_and_the_first_of_equals)
{
	struct box box = box_of_text("wx: { map = \"log\"; transition = \"kill\"; };"
				     "foreign: { unmap = \"kill\"; };");

	expect(RULE(&box, .deeds = DEED_WX | DEED_ADD_X | DEED_FOREIGN_UNMAP), V_KILL,
	       KEY_WX_TRANSITION, EACCES);
	expect(RULE(&box, .deeds = DEED_WX | DEED_FOREIGN_UNMAP), V_KILL, KEY_FOREIGN_UNMAP, EPERM);
	box_deinit(&box);
}
END_TEST

START_TEST(rule_names_the_line_it_was_written_in)
{
	struct box box = box_of_text("\n\nwx: {\n  map = \"kill\";\n};");
	struct policy_ruling r = RULE(&box, .deeds = DEED_WX);

	ck_assert_str_eq(r.file, "test.policy");
	ck_assert_uint_eq(r.line, 4);
	r = RULE(&box, .deeds = DEED_ADD_X);
	ck_assert_str_eq(r.file, "default");
	ck_assert_uint_eq(r.line, 0);
	box_deinit(&box);
}
END_TEST

#define JIT "\nwx: { jit = [ \"/opt/lib/libjit.so.*\" ]; };"

START_TEST(jit_module_is_served_by_flip)
{
	struct box box = box_of_text(JIT);
	struct policy_ruling r =
		RULE(&box, .deeds = DEED_WX, .caller = "/opt/lib/libjit.so.1", .jit_image = true);

	expect(r, V_FLIP, KEY_WX_JIT, 0);
	ck_assert_str_eq(r.file, "test.policy");
	ck_assert_uint_eq(r.line, 2);
	expect(RULE(&box, .deeds = DEED_ADD_X, .jit_image = true), V_FLIP, KEY_WX_JIT, 0);
	box_deinit(&box);
}
END_TEST

START_TEST(jit_serves_no_other_module_and_no_other_image)
{
	struct box box = box_of_text(JIT);

	expect(RULE(&box, .deeds = DEED_WX, .caller = "/opt/lib/other.so", .jit_image = true),
	       V_DENY, KEY_WX_MAP, EACCES);
	expect(RULE(&box, .deeds = DEED_WX, .caller = "/opt/lib/libjit.so.1"), V_DENY, KEY_WX_MAP,
	       EACCES);
	expect(RULE(&box, .deeds = DEED_WX), V_DENY, KEY_WX_MAP, EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(jit_turns_a_kill_into_flip_and_leaves_a_log_alone)
{
	struct box box =
		box_of_text("wx: { jit = [ \"j\" ]; map = \"kill\"; transition = \"log\"; };");

	expect(RULE(&box, .deeds = DEED_WX, .caller = "/x/j", .jit_image = true), V_FLIP,
	       KEY_WX_JIT, 0);
	expect(RULE(&box, .deeds = DEED_ADD_X, .caller = "/x/j", .jit_image = true), V_LOG,
	       KEY_WX_TRANSITION, 0);
	box_deinit(&box);
}
END_TEST

START_TEST(jit_list_that_is_empty_serves_nobody)
{
	struct box box = box_of_profile("strict");

	expect(RULE(&box, .deeds = DEED_WX, .jit_image = true), V_DENY, KEY_WX_MAP, EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(jit_does_not_excuse_another_deed)
{
	struct box box = box_of_text(JIT "raw = \"deny\";");

	expect(RULE(&box, .deeds = DEED_WX | DEED_RAW, .jit_image = true), V_DENY, KEY_RAW, EPERM);
	box_deinit(&box);
}
END_TEST

#define MODULES                                                                            \
	"wx: { map = \"deny\"; jit = [ ]; };"                                              \
	"modules = ("                                                                      \
	" { name = \"libffi.so.*\"; wx: { map = \"log\"; }; },"                            \
	" { name = \"/opt/*\"; wx: { map = \"kill\"; }; foreign: { unmap = \"log\"; }; }," \
	" { name = \"/opt/lib/libffi.so.9\"; wx: { map = \"allow\"; }; },"                 \
	" { name = \"/?s?/*\"; foreign: { unmap = \"deny\"; }; } );"

START_TEST(module_that_is_most_specific_decides)
{
	struct box box = box_of_text(MODULES);

	expect(RULE(&box, .deeds = DEED_WX, .caller = "/usr/lib/libffi.so.8"), V_LOG, KEY_WX_MAP,
	       0);
	expect(RULE(&box, .deeds = DEED_WX, .caller = "/opt/x"), V_KILL, KEY_WX_MAP, EACCES);
	expect(RULE(&box, .deeds = DEED_WX, .caller = "/opt/lib/libffi.so.9"), V_ALLOW, KEY_NONE,
	       0);
	expect(RULE(&box, .deeds = DEED_WX, .caller = "/usr/lib/other.so"), V_DENY, KEY_WX_MAP,
	       EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(module_without_the_key_leaves_it_to_the_next)
{
	struct box box = box_of_text(MODULES);

	expect(RULE(&box, .deeds = DEED_FOREIGN_UNMAP, .caller = "/opt/lib/libffi.so.9"), V_LOG,
	       KEY_FOREIGN_UNMAP, 0);
	expect(RULE(&box, .deeds = DEED_FOREIGN_UNMAP, .caller = "/usr/x"), V_DENY,
	       KEY_FOREIGN_UNMAP, EPERM);
	box_deinit(&box);
}
END_TEST

START_TEST(module_written_later_wins_among_equals)
{
	struct box box = box_of_text("modules = ( { name = \"/a/*b\"; wx: { map = \"log\"; }; },"
				     " { name = \"/a*/b\"; wx: { map = \"kill\"; }; } );");

	expect(RULE(&box, .deeds = DEED_WX, .caller = "/a/b"), V_KILL, KEY_WX_MAP, EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(module_rules_need_a_known_caller)
{
	struct box box = box_of_text(MODULES);

	expect(RULE(&box, .deeds = DEED_WX), V_DENY, KEY_WX_MAP, EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(tightest_knows_the_modules)
{
	struct box box = box_of_text(MODULES);

	ck_assert_uint_eq(policy_tightest(&box.p, KEY_WX_MAP), V_KILL);
	ck_assert_uint_eq(policy_tightest(&box.p, KEY_FOREIGN_UNMAP), V_DENY);
	ck_assert_uint_eq(policy_value(&box.p, KEY_FOREIGN_UNMAP), V_ALLOW);
	ck_assert_uint_eq(policy_tightest(&box.p, KEY_FIXED_REPLACE), V_ALLOW);
	box_deinit(&box);
}
END_TEST

static const struct {
	const char *class;
	bool memfd, settled, trusted, passes;
} files[] = {
	{"any", true, false, false, true},      {"any", false, false, false, true},
	{"nomemfd", true, false, false, false}, {"nomemfd", false, false, false, true},
	{"settled", true, false, false, false}, {"settled", false, false, false, false},
	{"settled", false, true, false, true},  {"trusted", false, true, false, false},
	{"trusted", false, true, true, true},   {"trusted", true, true, true, false},
};

START_TEST(file_passes_by_what_it_is)
{
	struct policy_file file = {"/x", files[_i].memfd, files[_i].settled, files[_i].trusted};
	char text[64];
	struct box box;

	snprintf(text, sizeof(text), "wx: { file = \"%s\"; };", files[_i].class);
	box = box_of_text(text);
	expect(RULE(&box, .deeds = DEED_X_FILE, .file = &file), files[_i].passes ? V_ALLOW : V_DENY,
	       files[_i].passes ? KEY_NONE : KEY_WX_FILE, files[_i].passes ? 0 : EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(file_that_nobody_knows_is_refused)
{
	struct box box = box_of_profile("default");

	expect(RULE(&box, .deeds = DEED_X_FILE), V_DENY, KEY_WX_FILE, EACCES);
	box_deinit(&box);
}
END_TEST

START_TEST(file_named_in_the_exceptions_passes)
{
	struct box box = box_of_text("wx: { file_allow = [ \"memfd:dm*\", \"build-*\" ]; };");
	struct policy_file dm = {.name = "memfd:dm", .memfd = true};
	struct policy_file other = {.name = "memfd:other", .memfd = true};
	struct policy_file posing = {.name = "memfd:x/build-1", .memfd = true};

	expect(RULE(&box, .deeds = DEED_X_FILE, .file = &dm), V_ALLOW, KEY_NONE, 0);
	expect(RULE(&box, .deeds = DEED_X_FILE, .file = &other), V_DENY, KEY_WX_FILE, EACCES);
	/* A memfd's name is the program's choice and has no last component. */
	expect(RULE(&box, .deeds = DEED_X_FILE, .file = &posing), V_DENY, KEY_WX_FILE, EACCES);
	ck_assert(policy_listed(&box.p, KEY_WX_FILE_ALLOW, "/home/me/build-2"));
	box_deinit(&box);
}
END_TEST

static const struct {
	const char *word;
	enum policy_verdict verdict;
} raws[] = {{"police", V_ALLOW}, {"log", V_LOG}, {"deny", V_DENY}, {"kill", V_KILL}};

START_TEST(raw_has_verdicts_of_its_own)
{
	char text[64];
	struct box box;

	snprintf(text, sizeof(text), "raw = \"%s\";", raws[_i].word);
	box = box_of_text(text);
	expect(RULE(&box, .deeds = DEED_RAW), raws[_i].verdict, _i ? KEY_RAW : KEY_NONE,
	       _i > 1 ? EPERM : 0);
	box_deinit(&box);
}
END_TEST

START_TEST(kernel_interface_is_refused_as_if_it_were_missing)
{
	struct box box = box_of_profile("strict");

	expect(RULE(&box, .deeds = DEED_KERNEL, .kernel_key = KEY_K_IO_URING), V_DENY,
	       KEY_K_IO_URING, ENOSYS);
	expect(RULE(&box, .deeds = DEED_KERNEL, .kernel_key = KEY_K_COMPAT), V_KILL, KEY_K_COMPAT,
	       ENOSYS);
	box_deinit(&box);
}
END_TEST

START_TEST(kernel_deed_without_a_verdict_key_is_refused)
{
	struct box box = box_of_profile("audit");
	static const enum policy_key keys[] = {KEY_NONE, KEY_K_MDWE, KEY_REPORT_TO, KEY_WX_MAP,
					       (enum policy_key) - 1};

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		ck_assert_int_eq(RULE(&box, .deeds = DEED_KERNEL, .kernel_key = keys[i]).verdict,
				 V_DENY);
	box_deinit(&box);
}
END_TEST

static const struct {
	const char *profile;
	enum policy_writers writers;
	enum policy_verdict inspect;
} flips[] = {
	{"default", WRITERS_ANY, V_ALLOW},
	{"strict", WRITERS_MODULE, V_LOG},
	{"audit", WRITERS_ANY, V_LOG},
};

START_TEST(profile_says_who_writes_and_what_is_inspected)
{
	struct box box = box_of_profile(flips[_i].profile);

	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_WRITERS), flips[_i].writers);
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_INSPECT), flips[_i].inspect);
	box_deinit(&box);
}
END_TEST

START_TEST(writers_and_inspect_are_read_with_their_line)
{
	struct box box = box_of_text("wx: {\n writers = \"none\";\n inspect = \"deny\"; };");
	const char *file;
	unsigned line;

	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_WRITERS), WRITERS_NONE);
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_INSPECT), V_DENY);
	ck_assert(policy_source(&box.p, KEY_WX_WRITERS, &file, &line));
	ck_assert_uint_eq(line, 2);
	ck_assert(policy_source(&box.p, KEY_WX_INSPECT, &file, &line));
	ck_assert_uint_eq(line, 3);
	ck_assert_str_eq(file, "test.policy");
	box_deinit(&box);
}
END_TEST

static const struct {
	const char *profile;
	bool sealed;
	enum policy_seal_late late;
	enum policy_seal_discard discard;
} seals[] = {
	{"default", true, LATE_NODELETE, DISCARD_GATE},
	{"strict", true, LATE_ALWAYS, DISCARD_NOTIFY},
	{"audit", false, LATE_NEVER, DISCARD_GATE},
};

START_TEST(profile_says_what_is_sealed)
{
	struct box box = box_of_profile(seals[_i].profile);

	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_TEXT), seals[_i].sealed);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_RELRO), seals[_i].sealed);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_DATA), seals[_i].sealed);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_VDSO), seals[_i].sealed);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_LATE), seals[_i].late);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_DISCARD), seals[_i].discard);
	box_deinit(&box);
}
END_TEST

#define CHROMIUM "/usr/lib/chromium/chromium"

/* They change the protection of their own data; nothing else of them is left unsealed. */
START_TEST(default_leaves_the_data_of_few_modules_unsealed)
{
	static const char *const loose[] = {
		CHROMIUM, "/usr/lib/x86_64-linux-gnu/libjavascriptcoregtk-4.1.so.0.5.3"};
	static const char *const tight[] = {"/usr/lib/x86_64-linux-gnu/libc.so.6",
					    CHROMIUM "-sandbox", "/home/me" CHROMIUM, NULL};
	struct box box = box_of_profile("default"), strict = box_of_profile("strict");

	for (unsigned i = 0; i < 2; i++) {
		ck_assert(!policy_value_for(&box.p, KEY_SEAL_DATA, loose[i]));
		ck_assert(policy_value_for(&box.p, KEY_SEAL_TEXT, loose[i]));
		ck_assert(policy_value_for(&box.p, KEY_SEAL_RELRO, loose[i]));
		ck_assert(policy_value_for(&strict.p, KEY_SEAL_DATA, loose[i]));
	}
	for (unsigned i = 0; i < 4; i++)
		ck_assert(policy_value_for(&box.p, KEY_SEAL_DATA, tight[i]));
	ck_assert_uint_eq(policy_modules(&box.p), 2);
	ck_assert_uint_eq(policy_modules(&strict.p), 0);
	box_deinit(&box);
	box_deinit(&strict);
}
END_TEST

/* As any value of the profile, what a file does not say otherwise. */
START_TEST(file_that_extends_default_keeps_its_modules_and_may_say_otherwise)
{
	struct box box = box_of_text("modules = ( { name = \"x\"; seal: { text = false; }; } );");

	ck_assert(!policy_value_for(&box.p, KEY_SEAL_DATA, CHROMIUM));
	ck_assert(!policy_value_for(&box.p, KEY_SEAL_TEXT, "/lib/x"));
	box_deinit(&box);
	box = box_of_text("modules = ( { name = \"" CHROMIUM "\"; seal: { data = true; }; } );");
	ck_assert(policy_value_for(&box.p, KEY_SEAL_DATA, CHROMIUM));
	box_deinit(&box);
}
END_TEST

#define SEALS                                                                 \
	"seal: { data = false; };\n"                                          \
	"modules = ("                                                         \
	" { name = \"libx.so.*\"; seal: { text = false; data = true; }; },"   \
	" { name = \"/opt/*\"; seal: { late = \"always\"; text = true; }; }," \
	" { name = \"/opt/lib/libx.so.1\"; seal: { relro = false; late = \"never\"; }; } );"

START_TEST(module_says_what_is_sealed_of_it)
{
	struct box box = box_of_text(SEALS);
	const struct policy *p = &box.p;

	ck_assert(policy_value_for(p, KEY_SEAL_TEXT, "/usr/lib/libc.so.6"));
	ck_assert(!policy_value_for(p, KEY_SEAL_DATA, "/usr/lib/libc.so.6"));
	ck_assert(!policy_value_for(p, KEY_SEAL_TEXT, "/usr/lib/libx.so.1"));
	ck_assert(policy_value_for(p, KEY_SEAL_DATA, "/usr/lib/libx.so.1"));
	/* The most specific that sets the key, which need not be the same for each. */
	ck_assert(!policy_value_for(p, KEY_SEAL_TEXT, "/opt/lib/libx.so.1"));
	ck_assert(!policy_value_for(p, KEY_SEAL_RELRO, "/opt/lib/libx.so.1"));
	ck_assert_uint_eq(policy_value_for(p, KEY_SEAL_LATE, "/opt/lib/libx.so.1"), LATE_NEVER);
	ck_assert_uint_eq(policy_value_for(p, KEY_SEAL_LATE, "/opt/lib/liby.so"), LATE_ALWAYS);
	ck_assert_uint_eq(policy_value_for(p, KEY_SEAL_LATE, NULL), LATE_NODELETE);
	ck_assert_uint_eq(policy_tightest(p, KEY_SEAL_LATE), LATE_ALWAYS);
	ck_assert_uint_eq(policy_tightest(p, KEY_SEAL_DATA), true);
	box_deinit(&box);
}
END_TEST

START_TEST(value_for_a_module_is_the_policys_where_no_module_may_set_it)
{
	struct box box = box_of_text(SEALS "raw = \"kill\";");

	ck_assert_uint_eq(policy_value_for(&box.p, KEY_SEAL_VDSO, "/opt/x"), true);
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_SEAL_DISCARD, "/opt/x"), DISCARD_GATE);
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_RAW, "/opt/x"), RAW_KILL);
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_REPORT_TO, "/opt/x"), 0);
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_NONE, "/opt/x"), 0);
	box_deinit(&box);
}
END_TEST

START_TEST(sealed_memory_is_refused_with_eperm_by_the_key_and_its_line)
{
	struct box box = box_of_text("\nseal: { relro = true; };");
	struct policy_ruling r = RULE(&box, .deeds = DEED_SEALED, .seal_key = KEY_SEAL_RELRO);

	expect(r, V_DENY, KEY_SEAL_RELRO, EPERM);
	ck_assert_str_eq(r.file, "test.policy");
	ck_assert_uint_eq(r.line, 2);
	for (unsigned k = KEY_SEAL_TEXT; k <= KEY_SEAL_DISCARD; k++)
		expect(RULE(&box, .deeds = DEED_SEALED, .seal_key = (enum policy_key)k), V_DENY,
		       (enum policy_key)k, EPERM);
	box_deinit(&box);
}
END_TEST

/* Whatever policy says of the call otherwise, and of whom; also what is no key of a seal's. */
START_TEST(sealed_memory_is_refused_without_a_key_as_well)
{
	static const enum policy_key keys[] = {KEY_NONE,  KEY_RAW,       KEY_WX_JIT,
					       KEY_K_AIO, KEY_REPORT_TO, (enum policy_key) - 1};
	struct box box = box_of_profile("audit");

	for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		expect(RULE(&box, .deeds = DEED_SEALED | DEED_FOREIGN_UNMAP, .seal_key = keys[i]),
		       V_DENY, KEY_NONE, EPERM);
	box_deinit(&box);
}
END_TEST

START_TEST(sealed_memory_is_an_equal_of_other_refusals_and_excuses_no_kill)
{
	struct box box = box_of_text("wx: { map = \"flip\"; transition = \"deny\"; jit = [ ]; };"
				     "foreign: { unmap = \"kill\"; };");

	expect(RULE(&box, .deeds = DEED_WX | DEED_SEALED, .seal_key = KEY_SEAL_TEXT), V_DENY,
	       KEY_SEAL_TEXT, EPERM);
	expect(RULE(&box, .deeds = DEED_ADD_X | DEED_SEALED, .seal_key = KEY_SEAL_TEXT), V_DENY,
	       KEY_WX_TRANSITION, EACCES);
	expect(RULE(&box, .deeds = DEED_FOREIGN_UNMAP | DEED_SEALED, .seal_key = KEY_SEAL_TEXT),
	       V_KILL, KEY_FOREIGN_UNMAP, EPERM);
	box_deinit(&box);
}
END_TEST

/* Whatever the group, one errno; the table of the manual's "Verdicts". */
START_TEST(refusal_has_the_errno_of_its_group)
{
	for (unsigned k = 0; k <= KEY_N; k++) {
		const char *name = policy_key_name((enum policy_key)k);
		int error = policy_refusal((enum policy_key)k);

		if (policy_key_type((enum policy_key)k) == TYPE_LATER)
			continue;
		if (!strncmp(name, "wx.", 3) && k != KEY_WX_FILE_ALLOW)
			ck_assert_msg(error == EACCES, "%s: %d", name, error);
		if (!strncmp(name, "foreign.", 8) || !strncmp(name, "seal.", 5) ||
		    k == KEY_FIXED_REPLACE || k == KEY_RAW)
			ck_assert_msg(error == EPERM, "%s: %d", name, error);
		if (!strncmp(name, "kernel.", 7))
			ck_assert_msg(error == ENOSYS, "%s: %d", name, error);
	}
}
END_TEST

START_TEST(accessors_answer_for_any_key)
{
	struct box box = box_of_text("report: { to = \"/var/log/x\"; };");
	const char *file;
	unsigned line;

	ck_assert_str_eq(policy_string(&box.p, KEY_REPORT_TO), "/var/log/x");
	ck_assert_ptr_null(policy_string(&box.p, KEY_RAW));
	ck_assert(!policy_source(&box.p, KEY_NONE, &file, &line));
	ck_assert(!policy_source(&box.p, KEY_WX_FREEZE, &file, &line));
	ck_assert(policy_source(&box.p, KEY_SEAL_TEXT, &file, &line));
	ck_assert_str_eq(file, "default");
	ck_assert(policy_source(&box.p, KEY_REPORT_TO, &file, &line));
	ck_assert_uint_eq(line, 1);
	ck_assert_uint_eq(policy_value(&box.p, KEY_NONE), 0);
	ck_assert(!policy_listed(&box.p, KEY_RAW, "x"));
	ck_assert_str_eq(policy_key_name(KEY_NONE), "none");
	ck_assert_str_eq(policy_name(&box.p), "test");
	box_deinit(&box);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy_eval");
	TCase *c = tcase_create("rule");

	tcase_add_test(c, call_without_deeds_is_allowed_by_no_rule);
	tcase_add_test(c, code_is_refused_with_eacces);
	tcase_add_test(c, audit_logs_and_refuses_nothing);
	tcase_add_test(c, tightest_deed_wins_and_the_first_of_equals);
	tcase_add_test(c, rule_names_the_line_it_was_written_in);
	tcase_add_test(c, jit_module_is_served_by_flip);
	tcase_add_test(c, jit_serves_no_other_module_and_no_other_image);
	tcase_add_test(c, jit_turns_a_kill_into_flip_and_leaves_a_log_alone);
	tcase_add_test(c, jit_list_that_is_empty_serves_nobody);
	tcase_add_test(c, jit_does_not_excuse_another_deed);
	tcase_add_test(c, module_that_is_most_specific_decides);
	tcase_add_test(c, module_without_the_key_leaves_it_to_the_next);
	tcase_add_test(c, module_written_later_wins_among_equals);
	tcase_add_test(c, module_rules_need_a_known_caller);
	tcase_add_test(c, tightest_knows_the_modules);
	tcase_add_loop_test(c, file_passes_by_what_it_is, 0, sizeof(files) / sizeof(files[0]));
	tcase_add_test(c, file_that_nobody_knows_is_refused);
	tcase_add_test(c, file_named_in_the_exceptions_passes);
	tcase_add_loop_test(c, raw_has_verdicts_of_its_own, 0, sizeof(raws) / sizeof(raws[0]));
	tcase_add_test(c, kernel_interface_is_refused_as_if_it_were_missing);
	tcase_add_test(c, kernel_deed_without_a_verdict_key_is_refused);
	tcase_add_loop_test(c, profile_says_who_writes_and_what_is_inspected, 0,
			    sizeof(flips) / sizeof(flips[0]));
	tcase_add_test(c, writers_and_inspect_are_read_with_their_line);
	tcase_add_loop_test(c, profile_says_what_is_sealed, 0, sizeof(seals) / sizeof(seals[0]));
	tcase_add_test(c, default_leaves_the_data_of_few_modules_unsealed);
	tcase_add_test(c, file_that_extends_default_keeps_its_modules_and_may_say_otherwise);
	tcase_add_test(c, module_says_what_is_sealed_of_it);
	tcase_add_test(c, value_for_a_module_is_the_policys_where_no_module_may_set_it);
	tcase_add_test(c, sealed_memory_is_refused_with_eperm_by_the_key_and_its_line);
	tcase_add_test(c, sealed_memory_is_refused_without_a_key_as_well);
	tcase_add_test(c, sealed_memory_is_an_equal_of_other_refusals_and_excuses_no_kill);
	tcase_add_test(c, refusal_has_the_errno_of_its_group);
	tcase_add_test(c, accessors_answer_for_any_key);
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
