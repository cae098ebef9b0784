/* SPDX-License-Identifier: BSD-2-Clause */

/* Lines and objects of reports: what they hold, how often they are written, and to whom. */

#include "supervise/report.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "policy/read.h"
#include "tests/unit/unit.h"

static struct report report;
static struct policy_blob blob;
static struct policy policy;
static int out[2];

static void open_policy(const char *text)
{
	char path[] = "/tmp/cookiemap-report-XXXXXX";
	struct policy_dirs none = {0};
	struct policy_set *set;
	FILE *f = fdopen(mkstemp(path), "w");

	fputs(text, f);
	fclose(f);
	ck_assert_int_eq(policy_set_new(&set, &none, stderr), 0);
	ck_assert_int_eq(policy_set_file(set, path, &blob, stderr), 0);
	policy_set_free(set);
	unlink(path);
	ck_assert_int_eq(policy_open(&policy, blob.data, blob.size_bytes), 0);
}

static void setup(void)
{
	ck_assert_int_eq(pipe2(out, O_NONBLOCK), 0);
	report_init(&report, out[1]);
	open_policy("");
}

static const char *written(void)
{
	static char buf[65536];
	ssize_t n = read(out[0], buf, sizeof(buf) - 1);

	buf[n < 0 ? 0 : n] = 0;
	return buf;
}

static void violate(const char *program, const char *module, uint64_t offset)
{
	struct policy_ruling r = {.verdict = V_DENY,
				  .rule = KEY_WX_MAP,
				  .error = EACCES,
				  .file = "/etc/x.policy",
				  .line = 7};
	struct violation v = {.program = program,
			      .pid = 12,
			      .tid = 13,
			      .call = "mmap",
			      .text = "mmap(0)",
			      .module = module,
			      .offset = offset,
			      .grantee = module,
			      .ruling = &r};

	report_violation(&report, &policy, &v);
}

START_TEST(a_line_names_everything)
{
	violate("/usr/bin/prog", "/usr/lib/libx.so", 0x123);
	ck_assert_str_eq(written(),
			 "cookiemap: deny: prog[12]: mmap(0) by /usr/lib/libx.so+0x123: wx.map "
			 "(/etc/x.policy:7), EACCES; to allow: wx: { jit = [ "
			 "\"/usr/lib/libx.so\" ]; };\n");
}
END_TEST

START_TEST(a_site_is_written_at_powers_of_ten)
{
	unsigned lines = 0;

	for (int i = 0; i < 1000; i++) {
		violate("/usr/bin/prog", "/usr/lib/libx.so", 0x123);
		lines += *written() != 0;
	}
	ck_assert_uint_eq(lines, 4); /* 1, 10, 100, 1000 */
	violate("/usr/bin/prog", "/usr/lib/libx.so", 0x124);
	ck_assert(*written());
}
END_TEST

START_TEST(a_seal_is_allowed_by_what_it_is_by)
{
	static const struct {
		enum policy_key key;
		const char *line;
	} rows[] = {
		{KEY_SEAL_TEXT, "to allow: seal: { text = false; };\n"},
		{KEY_SEAL_RELRO, "to allow: seal: { relro = false; };\n"},
		{KEY_SEAL_DATA, "to allow: seal: { data = false; };\n"},
		{KEY_SEAL_VDSO, "to allow: seal: { vdso = false; };\n"},
		{KEY_SEAL_LATE, "to allow: seal: { late = \"never\"; };\n"},
		{KEY_SEAL_DISCARD, "to allow: seal: { text = false; relro = false; data = false; "
				   "vdso = false; };\n"},
	};
	struct policy_ruling r = {.verdict = V_DENY, .error = EPERM, .file = "default"};
	struct violation v = {.program = "/usr/bin/prog",
			      .call = "munmap",
			      .text = "munmap(0, 4096)",
			      .ruling = &r};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		r.rule = rows[i].key;
		report_violation(&report, &policy, &v);
		ck_assert_ptr_nonnull(strstr(written(), rows[i].line));
	}
	r.rule = KEY_SEAL_DATA;
	v.sealed = "/usr/lib/libx.so.1";
	report_violation(&report, &policy, &v);
	ck_assert_ptr_nonnull(strstr(written(), "to allow: modules = ( { name = \"libx.so.1\"; "
						"seal: { data = false; }; } );\n"));
}
END_TEST

START_TEST(json_escapes_what_a_name_may_hold)
{
	open_policy("report: { format = \"json\"; };");
	violate("/a\"b\\\n\xff/\xc3\xa4", NULL, 0);
	ck_assert_ptr_nonnull(
		strstr(written(), "\"program\":\"/a\\\"b\\\\\\u000a\\ufffd/\xc3\xa4\""));
}
END_TEST

START_TEST(a_line_goes_where_the_policy_says)
{
	char path[] = "/tmp/cookiemap-sink-XXXXXX", text[256], buf[512] = {0};
	int fd = mkstemp(path);

	snprintf(text, sizeof(text), "report: { to = \"%s\"; };", path);
	open_policy(text);
	violate("/usr/bin/prog", NULL, 0);
	ck_assert_str_eq(written(), "");
	ck_assert_int_gt(read(fd, buf, sizeof(buf) - 1), 0);
	ck_assert_ptr_nonnull(strstr(buf, "by unknown code"));
	unlink(path);
}
END_TEST

START_TEST(a_full_pipe_does_not_block)
{
	char junk[4096] = {0};

	while (write(out[1], junk, sizeof(junk)) > 0)
		;
	fcntl(out[1], F_SETFL, 0); /* from here on a write would wait for ever */
	violate("/usr/bin/prog", NULL, 1);
}
END_TEST

START_TEST(a_pipe_is_let_go_and_a_file_is_kept)
{
	char c;

	report_release_stderr(&report);
	ck_assert_int_eq(read(out[0], &c, 1), 0); /* end of file: nobody writes any more */
	report_init(&report, open("/tmp", O_TMPFILE | O_RDWR, 0600));
	report_release_stderr(&report);
	ck_assert_int_ge(report.err, 0);
}
END_TEST

START_TEST(once_is_once)
{
	ck_assert(report_once(&report, "library", "/bin/a"));
	ck_assert(!report_once(&report, "library", "/bin/a"));
	ck_assert(report_once(&report, "library", "/bin/b"));
	ck_assert(report_once(&report, "listener", "/bin/a"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, a_line_names_everything);
	tcase_add_test(t, a_site_is_written_at_powers_of_ten);
	tcase_add_test(t, a_seal_is_allowed_by_what_it_is_by);
	tcase_add_test(t, json_escapes_what_a_name_may_hold);
	tcase_add_test(t, a_line_goes_where_the_policy_says);
	tcase_add_test(t, a_full_pipe_does_not_block);
	tcase_add_test(t, a_pipe_is_let_go_and_a_file_is_kept);
	tcase_add_test(t, once_is_once);
	suite_add_tcase(s, t);
	return unit_run(s);
}
