/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "policy/dirs.h"
#include "tests/unit/policy_util.h"
#include "tests/unit/unit.h"

static struct folders f;

static void setup(void)
{
	f = folders_new();
}

static void teardown(void)
{
	folders_deinit(&f);
}

static void expect_word(struct policy_set *set, const char *exe, enum policy_key key,
			uint64_t value)
{
	struct box box = box_of_exe(set, exe);

	ck_assert_msg(policy_value(&box.p, key) == value, "%s: %s is %llu", exe,
		      policy_key_name(key), (unsigned long long)policy_value(&box.p, key));
	box_deinit(&box);
}

static void expect_name(struct policy_set *set, const char *exe, const char *name)
{
	struct box box = box_of_exe(set, exe);

	ck_assert_str_eq(policy_name(&box.p), name);
	box_deinit(&box);
}

static void expect_fault(const char *says)
{
	char *said = faults_of_set(&f);

	ck_assert_msg(strstr(said, says), "expected \"%s\", got \"%s\"", says, said);
	free(said);
}

START_TEST(folders_that_do_not_exist_hold_nothing)
{
	struct policy_set *set = set_of(&f);

	expect_name(set, "/usr/bin/true", "default");
	policy_set_free(set);
	ck_assert_int_eq(policy_set_new(&set, NULL, stderr), 0);
	expect_name(set, "/usr/bin/true", "default");
	policy_set_free(set);
	policy_set_free(NULL);
}
END_TEST

START_TEST(program_gets_the_most_specific_file)
{
	struct policy_set *set;

	folder_put(f.dirs.shipped, "exact.policy", "exe = [ \"/usr/bin/git\" ];");
	folder_put(f.dirs.shipped, "long.policy", "exe = [ \"/usr/bin/*\" ];");
	folder_put(f.dirs.shipped, "short.policy", "exe = [ \"/usr/*\" ];");
	set = set_of(&f);
	expect_name(set, "/usr/bin/git", "exact");
	expect_name(set, "/usr/bin/gits", "long");
	expect_name(set, "/usr/sbin/git", "short");
	expect_name(set, "/opt/git", "default");
	policy_set_free(set);
}
END_TEST

START_TEST(admin_replaces_the_shipped_file_of_the_same_name)
{
	struct policy_set *set;

	folder_put(f.dirs.shipped, "git.policy", "exe = [ \"/git\" ]; raw = \"kill\";");
	folder_put(f.dirs.admin, "git.policy", "exe = [ \"/git\" ]; wx: { map = \"log\"; };");
	set = set_of(&f);
	expect_word(set, "/git", KEY_RAW, RAW_POLICE);
	expect_word(set, "/git", KEY_WX_MAP, V_LOG);
	policy_set_free(set);
}
END_TEST

START_TEST(file_extends_profiles_and_other_files)
{
	struct policy_set *set;
	struct box box;
	const char *file;
	unsigned line;

	folder_put(f.dirs.shipped, "base.policy", "extends = \"strict\";\nraw = \"kill\";");
	folder_put(f.dirs.admin, "top.policy",
		   "extends = \"base\"; exe = [ \"/top\" ];\n"
		   "wx: { map = \"log\"; };");
	set = set_of(&f);
	box = box_of_exe(set, "/top");
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_MAP), V_LOG);
	ck_assert_uint_eq(policy_value(&box.p, KEY_RAW), RAW_KILL);
	ck_assert_uint_eq(policy_value(&box.p, KEY_FIXED_REPLACE), V_DENY);
	ck_assert(policy_source(&box.p, KEY_RAW, &file, &line));
	ck_assert_ptr_nonnull(strstr(file, "/shipped/base.policy"));
	ck_assert_uint_eq(line, 2);
	ck_assert(policy_source(&box.p, KEY_FIXED_REPLACE, &file, &line));
	ck_assert_str_eq(file, "strict");
	box_deinit(&box);
	policy_set_free(set);
}
END_TEST

START_TEST(modules_are_inherited_and_the_upper_one_wins)
{
	struct policy_set *set;
	struct policy_ask ask = {.deeds = DEED_WX, .caller = "/lib/a"};
	struct policy_ruling r;
	struct box box;

	folder_put(f.dirs.shipped, "base.policy",
		   "modules = ( { name = \"a\"; wx: { map = \"kill\"; }; },"
		   " { name = \"b\"; wx: { map = \"kill\"; }; } );");
	folder_put(f.dirs.shipped, "top.policy",
		   "extends = \"base\"; exe = [ \"/top\" ];"
		   "modules = ( { name = \"a\"; wx: { map = \"log\"; }; } );");
	set = set_of(&f);
	box = box_of_exe(set, "/top");
	policy_rule(&box.p, &ask, &r);
	ck_assert_int_eq(r.verdict, V_LOG);
	ask.caller = "/lib/b";
	policy_rule(&box.p, &ask, &r);
	ck_assert_int_eq(r.verdict, V_KILL);
	box_deinit(&box);
	policy_set_free(set);
}
END_TEST

START_TEST(cycle_is_refused_with_its_members)
{
	folder_put(f.dirs.shipped, "a.policy", "extends = \"b\";");
	folder_put(f.dirs.shipped, "b.policy", "\nextends = \"c\";");
	folder_put(f.dirs.shipped, "c.policy", "extends = \"b\";");
	expect_fault("c.policy:1: extends: cycle: b → c → b\n");
}
END_TEST

START_TEST(file_that_extends_itself_is_refused)
{
	folder_put(f.dirs.shipped, "a.policy", "extends = \"a\";");
	expect_fault("a.policy:1: extends: cycle: a → a\n");
}
END_TEST

START_TEST(chain_that_is_too_long_is_refused)
{
	for (int i = 0; i < 40; i++) {
		char name[32], text[64];

		snprintf(name, sizeof(name), "p%02d.policy", i);
		snprintf(text, sizeof(text), "extends = \"%s%02d\";", i < 39 ? "p" : "x", i + 1);
		folder_put(f.dirs.shipped, name, text);
	}
	expect_fault("a chain of more than 32 files");
}
END_TEST

START_TEST(unknown_base_is_refused_with_the_nearest)
{
	folder_put(f.dirs.shipped, "a.policy", "extends = \"strct\";");
	expect_fault("a.policy:1: extends: expected the name of a profile or policy, found "
		     "\"strct\"; did you mean \"strict\"?\n");
}
END_TEST

START_TEST(same_pattern_in_two_files_is_refused_naming_both)
{
	folder_put(f.dirs.shipped, "a.policy", "exe = [ \"/x\" ];");
	folder_put(f.dirs.admin, "b.policy", "\nexe = [ \"/y\",\n\"/x\" ];");
	expect_fault("admin/b.policy:3: exe: \"/x\" is also that of ");
	expect_fault("shipped/a.policy:1\n");
}
END_TEST

START_TEST(equally_specific_patterns_are_refused_for_what_both_match)
{
	struct policy_set *set;
	struct policy_blob blob;
	char *said;
	size_t n;
	FILE *err = open_memstream(&said, &n);

	folder_put(f.dirs.shipped, "a.policy", "exe = [ \"/usr/*t\" ];");
	folder_put(f.dirs.shipped, "b.policy", "exe = [ \"/usr/g*\" ];");
	set = set_of(&f);
	expect_name(set, "/usr/cat", "a");
	expect_name(set, "/usr/gcc", "b");
	ck_assert_int_eq(policy_set_find(set, "/usr/git", &blob, err), -EINVAL);
	fclose(err);
	ck_assert_msg(strstr(said, "/b.policy:1: exe: \"/usr/g*\" is as specific for /usr/git as "
				   "\"/usr/*t\" of ") &&
			      strstr(said, "/a.policy:1\n"),
		      "%s", said);
	free(said);
	policy_set_free(set);
}
END_TEST

START_TEST(equal_patterns_do_not_matter_below_a_better_one)
{
	struct policy_set *set;

	folder_put(f.dirs.shipped, "a.policy", "exe = [ \"/usr/*t\" ];");
	folder_put(f.dirs.shipped, "b.policy", "exe = [ \"/usr/g*\", \"/usr/?i*\" ];");
	folder_put(f.dirs.shipped, "c.policy", "exe = [ \"/usr/git\" ];");
	set = set_of(&f);
	expect_name(set, "/usr/git", "c");
	policy_set_free(set);
}
END_TEST

START_TEST(faulty_file_leaves_no_set)
{
	folder_put(f.dirs.shipped, "good.policy", "raw = \"deny\";");
	folder_put(f.dirs.user, "bad.policy", "raw = \"dny\";");
	expect_fault("user/bad.policy:1: raw: expected police, log, deny or kill, found \"dny\"; "
		     "did you mean \"deny\"?\n");
}
END_TEST

START_TEST(file_named_like_a_profile_is_refused)
{
	folder_put(f.dirs.admin, "strict.policy", "raw = \"police\";");
	expect_fault("strict is the name of a built-in profile");
}
END_TEST

START_TEST(fifo_in_a_folder_is_refused_and_not_opened)
{
	char *path;

	folder_put(f.dirs.admin, "a.policy", "");
	ck_assert_int_gt(asprintf(&path, "%s/b.policy", f.dirs.admin), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	expect_fault("b.policy: not a regular file\n");
	free(path);
}
END_TEST

START_TEST(other_files_of_a_folder_are_left_alone)
{
	struct policy_set *set;

	folder_put(f.dirs.admin, "README", "syntax error here");
	folder_put(f.dirs.admin, ".hidden.policy", "syntax error here");
	folder_put(f.dirs.admin, "a.policy~", "syntax error here");
	folder_put(f.dirs.admin, ".policy", "syntax error here");
	set = set_of(&f);
	ck_assert_uint_eq(set->system.n_docs, 0);
	policy_set_free(set);
}
END_TEST

START_TEST(user_tightens)
{
	struct policy_set *set;

	folder_put(f.dirs.shipped, "s.policy", "exe = [ \"/x\" ]; foreign: { unmap = \"log\"; };");
	folder_put(f.dirs.user, "u.policy",
		   "exe = [ \"/x\", \"/y\" ]; raw = \"kill\";"
		   "foreign: { unmap = \"deny\"; };");
	set = set_of(&f);
	expect_word(set, "/x", KEY_RAW, RAW_KILL);
	expect_word(set, "/x", KEY_FOREIGN_UNMAP, V_DENY);
	expect_word(set, "/y", KEY_RAW, RAW_KILL);
	expect_name(set, "/x", "s+u");
	policy_set_free(set);
}
END_TEST

START_TEST(user_cannot_loosen)
{
	struct policy_set *set;
	struct box box;

	folder_put(f.dirs.shipped, "s.policy",
		   "exe = [ \"/x\" ]; raw = \"deny\";"
		   "wx: { jit = [ \"j\" ]; writers = \"module\"; inspect = \"deny\"; };"
		   "seal: { discard = \"notify\"; }; report: { to = \"syslog\"; };");
	folder_put(f.dirs.user, "u.policy",
		   "exe = [ \"/x\", \"/y\" ]; extends = \"audit\"; raw = \"police\";"
		   "wx: { map = \"allow\"; jit = [ \"j\", \"k\" ]; file_allow = [ \"*\" ];"
		   " writers = \"any\"; inspect = \"allow\"; };"
		   "report: { to = \"/dev/null\"; };"
		   "modules = ( { name = \"*\"; wx: { map = \"allow\"; };"
		   " seal: { text = false; late = \"never\"; }; } );");
	set = set_of(&f);
	box = box_of_exe(set, "/x");
	ck_assert_uint_eq(policy_value(&box.p, KEY_RAW), RAW_DENY);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_DATA), true);
	ck_assert_uint_eq(policy_value(&box.p, KEY_SEAL_DISCARD), DISCARD_NOTIFY);
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_SEAL_TEXT, "/lib/a"), true);
	ck_assert_uint_eq(policy_value_for(&box.p, KEY_SEAL_LATE, "/lib/a"), LATE_NODELETE);
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_MAP), V_DENY);
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_WRITERS), WRITERS_MODULE);
	ck_assert_uint_eq(policy_value(&box.p, KEY_WX_INSPECT), V_DENY);
	ck_assert(policy_listed(&box.p, KEY_WX_JIT, "/a/j"));
	ck_assert(!policy_listed(&box.p, KEY_WX_JIT, "/a/k"));
	ck_assert(!policy_listed(&box.p, KEY_WX_FILE_ALLOW, "memfd:x"));
	ck_assert_str_eq(policy_string(&box.p, KEY_REPORT_TO), "syslog");
	box_deinit(&box);
	expect_word(set, "/y", KEY_WX_MAP, V_DENY);
	expect_word(set, "/y", KEY_K_IO_URING, V_DENY);
	policy_set_free(set);
}
END_TEST

START_TEST(user_who_is_silent_about_a_list_keeps_it)
{
	struct policy_set *set;
	struct box box;

	folder_put(f.dirs.shipped, "git.policy",
		   "exe = [ \"/git\" ]; wx: { jit = [ \"pcre\" ]; };");
	folder_put(f.dirs.user, "git.policy", "exe = [ \"/git\" ]; raw = \"kill\";");
	set = set_of(&f);
	box = box_of_exe(set, "/git");
	ck_assert(policy_listed(&box.p, KEY_WX_JIT, "/lib/pcre"));
	ck_assert_uint_eq(policy_value(&box.p, KEY_RAW), RAW_KILL);
	ck_assert_str_eq(policy_name(&box.p), "git");
	box_deinit(&box);
	policy_set_free(set);
}
END_TEST

START_TEST(user_may_extend_own_and_system_files)
{
	struct policy_set *set;

	folder_put(f.dirs.shipped, "s.policy", "raw = \"log\";");
	folder_put(f.dirs.user, "own.policy", "extends = \"s\"; fixed: { replace = \"log\"; };");
	folder_put(f.dirs.user, "s.policy", "extends = \"s\"; exe = [ \"/z\" ];");
	folder_put(f.dirs.user, "u.policy", "extends = \"own\"; exe = [ \"/x\" ];");
	set = set_of(&f);
	expect_word(set, "/x", KEY_RAW, RAW_LOG);
	expect_word(set, "/x", KEY_FIXED_REPLACE, V_LOG);
	expect_word(set, "/z", KEY_RAW, RAW_LOG);
	policy_set_free(set);
}
END_TEST

START_TEST(named_file_may_extend_the_sets)
{
	struct policy_set *set;
	struct policy_blob blob;
	struct box box;
	char *path;

	folder_put(f.dirs.shipped, "s.policy", "raw = \"kill\";");
	folder_put(f.root, "mine.policy", "extends = \"s\"; exe = [ \"/never\" ];");
	ck_assert_int_gt(asprintf(&path, "%s/mine.policy", f.root), 0);
	set = set_of(&f);
	ck_assert_int_eq(policy_set_file(set, path, &blob, stderr), 0);
	box = box_of_blob(blob);
	ck_assert_uint_eq(policy_value(&box.p, KEY_RAW), RAW_KILL);
	box_deinit(&box);
	policy_set_free(set);
	free(path);
}
END_TEST

/* text, and what is said of a file that holds it */
static const struct {
	const char *text, *says;
	size_t len;
} files[] = {
	{"\n@include \"/etc/passwd\"\n", ":2: @include is not allowed in a policy\n", 0},
	{"raw = \"log\";\n \t@include\t\"x\"", ":2: @include is not allowed in a policy\n", 0},
	{"raw = \"log\";\n\0raw = \"deny\";", ":2: a NUL byte is not allowed in a policy\n", 28},
	{"exe = [ \"/bin/x\\x00y\" ];", ":1: the character \\x00 is not allowed in a policy\n", 0},
};

START_TEST(file_with_what_the_parser_would_swallow_is_refused)
{
	struct policy_set *set = set_of(&f);
	struct policy_blob blob;
	char *path, *said;
	size_t n;
	FILE *out, *err = open_memstream(&said, &n);

	ck_assert_int_gt(asprintf(&path, "%s/x.policy", f.root), 0);
	out = fopen(path, "we");
	fwrite(files[_i].text, 1, files[_i].len ? files[_i].len : strlen(files[_i].text), out);
	fclose(out);
	ck_assert_int_eq(policy_set_file(set, path, &blob, err), -EINVAL);
	fclose(err);
	ck_assert_msg(strstr(said, files[_i].says), "%s", said);
	free(said);
	free(path);
	policy_set_free(set);
}
END_TEST

START_TEST(file_that_cannot_be_read_says_why)
{
	struct policy_set *set = set_of(&f);
	struct policy_blob blob;
	char *said, line[4096];
	size_t n;
	FILE *err = open_memstream(&said, &n);

	snprintf(line, sizeof(line), "%s/none.policy", f.root);
	ck_assert_int_eq(policy_set_file(set, line, &blob, err), -ENOENT);
	fclose(err);
	ck_assert_ptr_nonnull(strstr(said, "none.policy: No such file or directory\n"));
	free(said);
	policy_set_free(set);
}
END_TEST

START_TEST(profile_that_does_not_exist_is_refused_with_the_nearest)
{
	struct policy_set *set = set_of(&f);
	struct policy_blob blob;
	char *said;
	size_t n;
	FILE *err = open_memstream(&said, &n);

	ck_assert_int_eq(policy_set_profile(set, "adit", &blob, err), -EINVAL);
	fclose(err);
	ck_assert_str_eq(said, "unknown profile \"adit\"; expected default, strict or audit; "
			       "did you mean \"audit\"?\n");
	free(said);
	ck_assert_int_eq(policy_set_profile(set, "audit", &blob, stderr), 0);
	policy_blob_deinit(&blob);
	policy_set_free(set);
}
END_TEST

START_TEST(folders_are_found_from_the_environment)
{
	struct policy_dirs dirs;

	setenv("CM_POLICY_DIR", "/shipped", 1);
	setenv("XDG_CONFIG_HOME", "/config", 1);
	ck_assert_int_eq(policy_dirs_init(&dirs), 0);
	ck_assert_str_eq(dirs.shipped, "/shipped");
	ck_assert_str_eq(dirs.admin, "/etc/cookiemap/policy.d");
	ck_assert_str_eq(dirs.user, "/config/cookiemap/policy.d");
	policy_dirs_deinit(&dirs);
	unsetenv("CM_POLICY_DIR");
	setenv("XDG_CONFIG_HOME", "relative", 1);
	setenv("HOME", "/home/me", 1);
	ck_assert_int_eq(policy_dirs_init(&dirs), 0);
	ck_assert_str_eq(dirs.user, "/home/me/.config/cookiemap/policy.d");
	ck_assert_ptr_nonnull(strstr(dirs.shipped, "/share/cookiemap/policy.d"));
	policy_dirs_deinit(&dirs);
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("HOME");
	ck_assert_int_eq(policy_dirs_init(&dirs), 0);
	ck_assert_ptr_null(dirs.user);
	policy_dirs_deinit(&dirs);
}
END_TEST

static void add_tests(TCase *c)
{
	tcase_add_test(c, folders_that_do_not_exist_hold_nothing);
	tcase_add_test(c, program_gets_the_most_specific_file);
	tcase_add_test(c, admin_replaces_the_shipped_file_of_the_same_name);
	tcase_add_test(c, file_extends_profiles_and_other_files);
	tcase_add_test(c, modules_are_inherited_and_the_upper_one_wins);
	tcase_add_test(c, cycle_is_refused_with_its_members);
	tcase_add_test(c, file_that_extends_itself_is_refused);
	tcase_add_test(c, chain_that_is_too_long_is_refused);
	tcase_add_test(c, unknown_base_is_refused_with_the_nearest);
	tcase_add_test(c, same_pattern_in_two_files_is_refused_naming_both);
	tcase_add_test(c, equally_specific_patterns_are_refused_for_what_both_match);
	tcase_add_test(c, equal_patterns_do_not_matter_below_a_better_one);
	tcase_add_test(c, faulty_file_leaves_no_set);
	tcase_add_test(c, file_named_like_a_profile_is_refused);
	tcase_add_test(c, fifo_in_a_folder_is_refused_and_not_opened);
	tcase_add_test(c, other_files_of_a_folder_are_left_alone);
	tcase_add_test(c, user_tightens);
	tcase_add_test(c, user_cannot_loosen);
	tcase_add_test(c, user_who_is_silent_about_a_list_keeps_it);
	tcase_add_test(c, user_may_extend_own_and_system_files);
	tcase_add_test(c, named_file_may_extend_the_sets);
	tcase_add_loop_test(c, file_with_what_the_parser_would_swallow_is_refused, 0,
			    sizeof(files) / sizeof(files[0]));
	tcase_add_test(c, file_that_cannot_be_read_says_why);
	tcase_add_test(c, profile_that_does_not_exist_is_refused_with_the_nearest);
	tcase_add_test(c, folders_are_found_from_the_environment);
}

int main(void)
{
	Suite *suite = suite_create("policy_set");
	TCase *c = tcase_create("set");

	tcase_add_checked_fixture(c, setup, teardown);
	add_tests(c);
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
