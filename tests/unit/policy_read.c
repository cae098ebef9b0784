/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/near.h"
#include "tests/unit/policy_util.h"
#include "tests/unit/unit.h"

#define NO_SIZE                                                                            \
	"test.policy:1: reuse.quarantine: expected a size of whole pages, at most 8G, as " \
	"\"64M\", found "

/* A text and the line it must get. */
static const struct {
	const char *text, *says;
} faults[] = {
	{"wx: { mpa = \"deny\"; };",
	 "test.policy:1: wx.mpa: unknown key; did you mean \"wx.map\"?\n"},
	{"\n\nraww = \"deny\";", "test.policy:3: raww: unknown key; did you mean \"raw\"?\n"},
	{"kernl: { aio = \"deny\"; };",
	 "test.policy:1: kernl: unknown key; did you mean \"kernel\"?\n"},
	{"extend = \"default\";",
	 "test.policy:1: extend: unknown key; did you mean \"extends\"?\n"},
	{"zzzzzzzz = 1;", "test.policy:1: zzzzzzzz: unknown key\n"},
	{"wx: { map = \"dney\"; };",
	 "test.policy:1: wx.map: expected allow, log, flip, deny or kill, "
	 "found \"dney\"; did you mean \"deny\"?\n"},
	{"fixed: { replace = \"flip\"; };",
	 "test.policy:1: fixed.replace: expected allow, log, deny or kill, found \"flip\""},
	{"wx: { map = 1; };",
	 "test.policy:1: wx.map: expected allow, log, flip, deny or kill, found a number\n"},
	{"wx: { map = true; };",
	 "test.policy:1: wx.map: expected allow, log, flip, deny or kill, found a bool\n"},
	{"wx: { map = \"\"; };",
	 "test.policy:1: wx.map: expected allow, log, flip, deny or kill, found \"\"\n"},
	{"wx: { map: { }; };",
	 "test.policy:1: wx.map: expected allow, log, flip, deny or kill, found a group\n"},
	{"raw = \"allow\";",
	 "test.policy:1: raw: expected police, log, deny or kill, found \"allow\""},
	{"wx: { writers = \"modul\"; };",
	 "test.policy:1: wx.writers: expected any, module or none, found \"modul\"; "
	 "did you mean \"module\"?\n"},
	{"wx: { writers = \"allow\"; };",
	 "test.policy:1: wx.writers: expected any, module or none, found \"allow\""},
	{"wx: { writers = [ \"any\" ]; };",
	 "test.policy:1: wx.writers: expected any, module or none, found a list\n"},
	{"wx: { inspect = \"flip\"; };",
	 "test.policy:1: wx.inspect: expected allow, log or deny, found \"flip\""},
	{"wx: { inspect = \"kill\"; };",
	 "test.policy:1: wx.inspect: expected allow, log or deny, found \"kill\""},
	{"wx: { inspect = true; };",
	 "test.policy:1: wx.inspect: expected allow, log or deny, found a bool\n"},
	{"kernel: { mdwe = \"true\"; };",
	 "test.policy:1: kernel.mdwe: expected true or false, found a string\n"},
	{"wx: { jit = \"x\"; };",
	 "test.policy:1: wx.jit: expected a list of patterns, found a string\n"},
	{"wx: { jit = [ 1 ]; };", "test.policy:1: wx.jit: expected a pattern, found a number\n"},
	{"wx: { jit = [\n\"a\",\n\"\" ]; };",
	 "test.policy:3: wx.jit: expected a pattern, found an empty string\n"},
	{"wx: { jit = [ \"a[b\" ]; };",
	 "test.policy:1: wx.jit: \"a[b\": expected a ']' that closes the '['\n"},
	{"wx: { jit = [ \"a\\nb\" ]; };",
	 "test.policy:1: wx.jit: expected a pattern, found control characters in it\n"},
	{"wx = \"deny\";", "test.policy:1: wx: expected a group { … }, found a string\n"},
	{"wx: { freeze = true; };",
	 "test.policy:1: wx.freeze: known, but not honoured by this version "
	 "of cookiemap; remove it\n"},
	{"share: { fork = \"keep\"; };",
	 "test.policy:1: share.fork: known, but not honoured by this version "
	 "of cookiemap; remove it\n"},
	{"seal: { text = \"true\"; };",
	 "test.policy:1: seal.text: expected true or false, found a string\n"},
	{"seal: { data = 1; };",
	 "test.policy:1: seal.data: expected true or false, found a number\n"},
	{"seal: { late = true; };",
	 "test.policy:1: seal.late: expected never, nodelete or always, found a bool\n"},
	{"seal: { late = \"nodelte\"; };",
	 "test.policy:1: seal.late: expected never, nodelete or always, found \"nodelte\"; "
	 "did you mean \"nodelete\"?\n"},
	{"seal: { discard = \"deny\"; };",
	 "test.policy:1: seal.discard: expected gate or notify, found \"deny\""},
	{"seal: { txet = true; };",
	 "test.policy:1: seal.txet: unknown key; did you mean \"seal.text\"?\n"},
	{"reuse: { quarantine = \"64Q\"; };",
	 "test.policy:1: reuse.quarantine: expected a size of whole pages, at most 8G, as "
	 "\"64M\", found \"64Q\"\n"},
	{"reuse: { quarantine = \"\"; };", NO_SIZE "\"\"\n"},
	{"reuse: { quarantine = \"M\"; };", NO_SIZE "\"M\"\n"},
	{"reuse: { quarantine = \"-1M\"; };", NO_SIZE "\"-1M\"\n"},
	{"reuse: { quarantine = \"64MB\"; };", NO_SIZE "\"64MB\"\n"},
	{"reuse: { quarantine = \"64m\"; };", NO_SIZE "\"64m\"\n"},
	{"reuse: { quarantine = \" 64M\"; };", NO_SIZE "\" 64M\"\n"},
	{"reuse: { quarantine = \"1\\n\"; };", NO_SIZE "\"\"\n"},
	{"reuse: { quarantine = \"4095\"; };", NO_SIZE "\"4095\"\n"},
	{"reuse: { quarantine = \"3K\"; };", NO_SIZE "\"3K\"\n"},
	{"reuse: { quarantine = \"9G\"; };", NO_SIZE "\"9G\"\n"},
	{"reuse: { quarantine = \"8193M\"; };", NO_SIZE "\"8193M\"\n"},
	{"reuse: { quarantine = \"99999999999999999999999\"; };",
	 NO_SIZE "\"99999999999999999999999\"\n"},
	{"reuse: { quarantine = \"18446744073709551615G\"; };",
	 NO_SIZE "\"18446744073709551615G\"\n"},
	{"reuse: { quarantine = 4097; };", NO_SIZE "4097\n"},
	{"reuse: { quarantine = -4096; };", NO_SIZE "-4096\n"},
	{"reuse: { quarantine = 8589938688L; };", NO_SIZE "8589938688\n"},
	{"reuse: { quarantine = true; };", NO_SIZE "a bool\n"},
	{"reuse: { quarantine = 1.5; };", NO_SIZE "a number\n"},
	{"reuse: { quarantine = [ 1 ]; };", NO_SIZE "a list\n"},
	{"modules = ( { name = \"x\"; reuse: { quarantine = \"1M\"; }; } );",
	 "test.policy:1: reuse.quarantine: cannot be set for a module; expected wx.map, "},
	{"seal = true;", "test.policy:1: seal: expected a group { … }, found a bool\n"},
	{"exe = [ ];", "test.policy:1: exe: expected at least one pattern, found an empty list\n"},
	{"exe = \"/x\";", "test.policy:1: exe: expected a list of patterns, found a string\n"},
	{"exe = [ \"/a\", \"git\" ];",
	 "test.policy:1: exe: expected an absolute path or pattern, found \"git\"\n"},
	{"extends = 1;",
	 "test.policy:1: extends: expected the name of a profile or policy, found a number\n"},
	{"extends = \"\";",
	 "test.policy:1: extends: expected the name of a profile or policy, found "
	 "an empty string\n"},
	{"report: { to = \"\"; };",
	 "test.policy:1: report.to: expected a string, found an empty string\n"},
	{"modules = 1;",
	 "test.policy:1: modules: expected a list ( { name = …; }, … ), found a number"},
	{"modules = ( );",
	 "test.policy:1: modules: expected a list ( { name = …; }, … ), found an empty one\n"},
	{"modules = ( \"x\" );",
	 "test.policy:1: modules: expected a group { name = …; }, found a string\n"},
	{"modules = ( { wx: { map = \"log\"; }; } );",
	 "test.policy:1: modules: expected name = \"PATTERN\" in every module\n"},
	{"modules = ( { name = \"\"; } );",
	 "test.policy:1: name: expected a pattern, found an empty string\n"},
	{"modules = ( { name = \"a\"; wx: { file = \"any\"; }; } );",
	 "test.policy:1: wx.file: cannot be set for a module; expected wx.map, wx.transition, "
	 "seal.text, seal.relro, seal.data, seal.late, foreign.replace, foreign.unmap, "
	 "foreign.protect or fixed.replace\n"},
	{"modules = ( { name = \"a\"; seal: { text = \"false\"; }; } );",
	 "test.policy:1: seal.text: expected true or false, found a string\n"},
	{"modules = ( { name = \"a\"; seal: { late = false; }; } );",
	 "test.policy:1: seal.late: expected never, nodelete or always, found a bool\n"},
	{"modules = ( { name = \"a\"; seal: { vdso = true; }; } );",
	 "test.policy:1: seal.vdso: cannot be set for a module"},
	{"modules = ( { name = \"a\"; seal: { discard = \"notify\"; }; } );",
	 "test.policy:1: seal.discard: cannot be set for a module"},
	{"modules = ( { name = \"a\"; wx: { writers = \"any\"; }; } );",
	 "test.policy:1: wx.writers: cannot be set for a module"},
	{"modules = ( { name = \"a\"; wx: { inspect = \"allow\"; }; } );",
	 "test.policy:1: wx.inspect: cannot be set for a module"},
	{"modules = ( { name = \"a\"; raw = \"deny\"; } );",
	 "test.policy:1: raw: cannot be set for a module"},
	{"modules = ( { name = \"a\"; wx: { mpa = \"log\"; }; } );",
	 "test.policy:1: wx.mpa: unknown key; did you mean \"wx.map\"?\n"},
	{"modules = ( { name = \"a\"; wx: { map = \"x\"; }; } );",
	 "test.policy:1: wx.map: expected "},
	{"modules = ( { name = \"a\"; wx = 1; } );",
	 "test.policy:1: wx: expected a group { … }, found"},
	{"modules = ( { name = \"a\"; foo: { }; } );", "test.policy:1: foo: unknown key"},
	{"raw = \"deny\";\nraw = \"log\";", "test.policy:2: duplicate setting name\n"},
	{"wx: { map = \"deny\";\n map = \"log\"; };", "test.policy:2: duplicate setting name\n"},
	{"raw = \"deny\"\nwx: {", "test.policy:2: syntax error\n"},
	{"raw \"deny\";", "test.policy:1: syntax error\n"},
};

START_TEST(text_with_a_fault_is_refused_with_its_line)
{
	char *said = faults_of_text(faults[_i].text);

	ck_assert_msg(!strncmp(said, faults[_i].says, strlen(faults[_i].says)), "\"%s\" got \"%s\"",
		      faults[_i].text, said);
	ck_assert_msg(said[strlen(said) - 1] == '\n', "\"%s\" ends in half a line", said);
	free(said);
}
END_TEST

START_TEST(text_with_several_faults_gets_a_line_for_each)
{
	char *said = faults_of_text("wx: { map = 1;\n transition = 2; };\nfoo = 3;");
	unsigned lines = 0;

	for (const char *c = said; *c; c++)
		lines += *c == '\n';
	ck_assert_uint_eq(lines, 3);
	free(said);
}
END_TEST

static const char *const fine[] = {
	"",
	"// nothing\n/* at all */",
	"wx: { };",
	"wx = { map = \"deny\"; }; raw = \"kill\"",
	"wx: { jit = ( \"a\", \"b\" ); file_allow = [ ]; };",
	"wx: { writers = \"module\"; inspect = \"deny\"; };",
	"kernel: { mdwe = TRUE; compat = \"log\"; };",
	"exe = [ \"/usr/bin/*\", \"/opt/[a-z]/x\" ]; extends = \"anything\";",
	"modules = ( { name = \"x\"; } );",
	"seal: { text = false; vdso = True; late = \"always\"; discard = \"notify\"; };",
	"modules = ( { name = \"x\"; seal: { text = false; relro = true; data = FALSE;"
	" late = \"never\"; }; } );",
};

START_TEST(text_that_is_sound_is_accepted)
{
	char *said = faults_of_text(fine[_i]);

	ck_assert_str_eq(said, "");
	free(said);
}
END_TEST

START_TEST(every_word_of_every_key_is_read_back)
{
	for (unsigned k = 0; k < KEY_N; k++) {
		const char *words[TYPE_MAX_WORDS];
		enum policy_type type = policy_key_type((enum policy_key)k);
		unsigned n = type_words(type, words);
		const char *dot = strchr(policy_key_name((enum policy_key)k), '.');

		for (unsigned i = 0; i < n; i++) {
			const char *name = policy_key_name((enum policy_key)k);
			const char *quote = type == TYPE_BOOL ? "" : "\"";
			char text[128];
			struct box box;

			snprintf(text, sizeof(text), "%.*s%s%s = %s%s%s;%s",
				 dot ? (int)(dot - name) : 0, name, dot ? ": { " : "",
				 dot ? dot + 1 : name, quote, words[i], quote, dot ? " };" : "");
			box = box_of_text(text);
			ck_assert_msg((int)policy_value(&box.p, (enum policy_key)k) ==
					      type_number(type, words[i]),
				      "%s", text);
			box_deinit(&box);
		}
	}
}
END_TEST

/* As above, for the keys that a module may set; the policy's own value is another word. */
START_TEST(every_word_of_every_module_is_read_back)
{
	unsigned n_bools = 0;

	for (unsigned k = 0; k < KEY_N; k++) {
		const char *words[TYPE_MAX_WORDS], *name = policy_key_name((enum policy_key)k);
		enum policy_type type = policy_key_type((enum policy_key)k);
		const char *quote = type == TYPE_BOOL ? "" : "\"", *dot = strchr(name, '.');
		unsigned n =
			policy_key_overridable((enum policy_key)k) ? type_words(type, words) : 0;

		for (unsigned i = 0; i < n; i++) {
			char text[256];
			struct box box;

			n_bools += type == TYPE_BOOL;
			snprintf(text, sizeof(text),
				 "%.*s: { %s = %s%s%s; };"
				 "modules = ( { name = \"x\"; %.*s: { %s = %s%s%s; }; } );",
				 (int)(dot - name), name, dot + 1, quote, words[!i], quote,
				 (int)(dot - name), name, dot + 1, quote, words[i], quote);
			box = box_of_text(text);
			ck_assert_msg((int)policy_value_for(&box.p, (enum policy_key)k, "/lib/x") ==
					      type_number(type, words[i]),
				      "%s", text);
			ck_assert_msg((int)policy_value(&box.p, (enum policy_key)k) ==
					      type_number(type, words[!i]),
				      "%s", text);
			box_deinit(&box);
		}
	}
	ck_assert_uint_eq(n_bools, 2 * 3);
}
END_TEST

static const struct {
	const char *text;
	uint64_t bytes;
	const char *shown;
} sizes[] = {
	{"0", 0, "\"0\""},
	{"\"0\"", 0, "\"0\""},
	{"\"0G\"", 0, "\"0\""},
	{"4096", 4096, "\"4K\""},
	{"\"4096\"", 4096, "\"4K\""},
	{"\"12K\"", 12288, "\"12K\""},
	{"67108864", 64 << 20, "\"64M\""},
	{"67108864L", 64 << 20, "\"64M\""},
	{"\"64M\"", 64 << 20, "\"64M\""},
	{"\"2048K\"", 2 << 20, "\"2M\""},
	{"\"2052K\"", 2052 << 10, "\"2052K\""},
	{"\"8G\"", 8ull << 30, "\"8G\""},
	{"8589934592L", 8ull << 30, "\"8G\""},
};

static char *printed(const struct policy *p);

START_TEST(a_size_is_read_and_shown)
{
	char text[128], want[128], *shown;
	struct box box, again;

	snprintf(text, sizeof(text), "reuse: { quarantine = %s; };", sizes[_i].text);
	snprintf(want, sizeof(want), "quarantine = %s;", sizes[_i].shown);
	box = box_of_text(text);
	ck_assert_uint_eq(policy_value(&box.p, KEY_REUSE_QUARANTINE), sizes[_i].bytes);
	shown = printed(&box.p);
	ck_assert_msg(strstr(shown, want) != NULL, "%s is not in %s", want, shown);
	again = box_of_text(shown);
	ck_assert_uint_eq(policy_value(&again.p, KEY_REUSE_QUARANTINE), sizes[_i].bytes);
	free(shown);
	box_deinit(&box);
	box_deinit(&again);
}
END_TEST

START_TEST(every_key_that_comes_later_says_so)
{
	unsigned n = 0;

	for (unsigned k = 0; k < KEY_N; k++) {
		const char *name = policy_key_name((enum policy_key)k), *dot = strchr(name, '.');
		char text[128], *said;

		if (policy_key_type((enum policy_key)k) != TYPE_LATER)
			continue;
		snprintf(text, sizeof(text), "%.*s: { %s = \"x\"; };", (int)(dot - name), name,
			 dot + 1);
		said = faults_of_text(text);
		ck_assert_msg(strstr(said, "not honoured") && strstr(said, name), "%s", said);
		free(said);
		n++;
	}
	ck_assert_uint_gt(n, 5);
}
END_TEST

START_TEST(entries_of_a_list_know_their_lines)
{
	struct arena a = ARENA_INIT;
	struct doc *doc;
	struct doc_list *list;

	ck_assert_int_eq(doc_read(&a, "t", "t",
				  "wx: { jit = [\n\"a\", \"b\",\n\n\"c\",\n\"d\"\n\n]; };", stderr,
				  &doc),
			 0);
	list = &doc->values[KEY_WX_JIT].list;
	ck_assert_uint_eq(doc->values[KEY_WX_JIT].at.line, 1);
	ck_assert_uint_eq(list->n_items, 4);
	ck_assert_uint_eq(list->items[0].at.line, 2);
	ck_assert_uint_eq(list->items[1].at.line, 2);
	ck_assert_uint_eq(list->items[2].at.line, 4);
	ck_assert_uint_eq(list->items[3].at.line, 5);
	arena_deinit(&a);
}
END_TEST

static char *printed(const struct policy *p)
{
	struct arena a = ARENA_INIT;
	struct doc *doc;
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	ck_assert_int_eq(doc_decode(&a, p, &doc), 0);
	doc_print(out, doc);
	fclose(out);
	arena_deinit(&a);
	return text;
}

/* Comments tell sources, which differ. */
static void strip_comments(char *text)
{
	char *out = text;

	for (char *c = text; *c;)
		if (c[0] == '/' && c[1] == '/' && (c == text || c[-1] == ' ' || c[-1] == '\n'))
			c += strcspn(c, "\n");
		else
			*out++ = *c++;
	*out = 0;
}

static const char *const shown[] = {
	"",
	"extends = \"strict\";", /* which has not the modules of default */
	"extends = \"audit\"; modules = ( { name = \"b\"; seal: { data = true; }; } );",
	"wx: { inspect = \"log\"; writers = \"none\"; };",
	"seal: { text = false; late = \"always\"; discard = \"notify\"; };"
	"modules = ( { name = \"a*\"; wx: { map = \"log\"; }; seal: { data = false; text = true;"
	" late = \"never\"; }; }, { name = \"b\"; seal: { relro = false; }; } );",
	"wx: { jit = [ ]; file_allow = [ \"a\\\"b\\\\c\" ]; }; report: { to = \"/x \\\" y\"; };",
	"modules = ( { name = \"a*\"; wx: { map = \"log\"; }; foreign: { unmap = \"kill\"; };"
	" fixed: { replace = \"log\"; }; }, { name = \"b\"; },"
	" { name = \"*\"; foreign: { unmap = \"deny\"; replace = \"log\"; }; } );",
};

START_TEST(what_is_shown_reads_back_as_the_same_policy)
{
	struct box box = box_of_text(shown[_i]), again;
	char *text = printed(&box.p), *text_again;

	again = box_of_text(text);
	text_again = printed(&again.p);
	strip_comments(text);
	strip_comments(text_again);
	ck_assert_str_eq(text, text_again);
	free(text);
	free(text_again);
	box_deinit(&box);
	box_deinit(&again);
}
END_TEST

static const struct {
	const char *word, *near;
} words[] = {
	{"dney", "deny"}, {"deni", "deny"}, {"aloow", "allow"}, {"kil", "kill"},
	{"", NULL},       {"xyzzy", NULL},  {"denydeny", NULL}, {"lgo", "log"},
};

START_TEST(near_word_is_the_one_that_was_meant)
{
	static const char *const known[] = {"allow", "log", "flip", "deny", "kill"};
	const char *near = near_word(words[_i].word, known, 5);

	ck_assert_msg(near == words[_i].near ||
			      (near && words[_i].near && !strcmp(near, words[_i].near)),
		      "\"%s\": %s", words[_i].word, near ? near : "none");
}
END_TEST

START_TEST(near_word_bears_words_of_any_length)
{
	static const char *const known[] = {"deny"};
	char word[300];

	memset(word, 'd', sizeof(word));
	for (int n = sizeof(word) - 1; n >= 0; n--) {
		word[n] = 0;
		near_word(word, known, 1);
		ck_assert_ptr_null(near_word("deny", (const char *const[]){word}, n > 6));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy_read");
	TCase *c = tcase_create("read");

	tcase_add_loop_test(c, text_with_a_fault_is_refused_with_its_line, 0,
			    sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(c, text_with_several_faults_gets_a_line_for_each);
	tcase_add_loop_test(c, text_that_is_sound_is_accepted, 0, sizeof(fine) / sizeof(fine[0]));
	tcase_add_test(c, every_word_of_every_key_is_read_back);
	tcase_add_test(c, every_word_of_every_module_is_read_back);
	tcase_add_loop_test(c, a_size_is_read_and_shown, 0, sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test(c, every_key_that_comes_later_says_so);
	tcase_add_test(c, entries_of_a_list_know_their_lines);
	tcase_add_loop_test(c, what_is_shown_reads_back_as_the_same_policy, 0,
			    sizeof(shown) / sizeof(shown[0]));
	tcase_add_loop_test(c, near_word_is_the_one_that_was_meant, 0,
			    sizeof(words) / sizeof(words[0]));
	tcase_add_test(c, near_word_bears_words_of_any_length);
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
