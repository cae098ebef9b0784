/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "policy/near.h"

/*
 * The text of a policy file → a document. libconfig parses; what is left is to accept every known
 * key with a value of its type and to refuse all the rest, with file, line, what was expected and
 * what was found. All faults of a file are reported, not just the first.
 *
 * Nothing is ignored: a setting is either read into the document or an error.
 */

/*
 * Begin a line about a setting whose full name is `key`. The text ends the line itself, or leaves
 * it open for reader_put_words() and a hint.
 */
void reader_fault(struct reader *r, const config_setting_t *s, const char *key, const char *text,
		  ...)
{
	va_list args;

	r->n_faults++;
	fprintf(r->err, "%s:%u: %s: ", r->doc->file, config_setting_source_line(s), key);
	va_start(args, text);
	vfprintf(r->err, text, args);
	va_end(args);
}

static void hint(struct reader *r, const char *word, const char *const *words, size_t n)
{
	const char *near = near_word(word, words, n);

	if (near)
		fprintf(r->err, "; did you mean \"%s\"?", near);
	fputc('\n', r->err);
}

/* What a setting is, for "found …". */
const char *reader_found(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_GROUP:
		return "a group";
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
	case CONFIG_TYPE_FLOAT:
		return "a number";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_BOOL:
		return "a bool";
	default:
		return "a list";
	}
}

/* The words as "a", "a or b", "a, b or c". */
void reader_put_words(FILE *out, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(out, "%s%s", !i ? "" : i + 1 < n ? ", " : " or ", words[i]);
}

/* Where a setting stands. The file's name is the document's. */
struct doc_source reader_source(const struct reader *r, const config_setting_t *s)
{
	return (struct doc_source){r->doc->file, config_setting_source_line(s)};
}

static const char *keep(struct reader *r, const char *s)
{
	const char *copy = arena_strdup(r->arena, s);

	r->no_memory |= !copy;
	return copy;
}

static bool is_plain(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/*
 * The string of a setting, copied.
 *
 * Return: NULL after a fault: not a string, an empty one, or one that would break the lines and
 * comments it is shown in.
 */
static const char *read_string(struct reader *r, const config_setting_t *s, const char *key,
			       const char *expected)
{
	const char *text;

	if (config_setting_type(s) != CONFIG_TYPE_STRING) {
		reader_fault(r, s, key, "expected %s, found %s\n", expected, reader_found(s));
		return NULL;
	}
	text = config_setting_get_string(s);
	if (!text || !*text) {
		reader_fault(r, s, key, "expected %s, found an empty string\n", expected);
		return NULL;
	}
	if (!is_plain(text)) {
		reader_fault(r, s, key, "expected %s, found control characters in it\n", expected);
		return NULL;
	}
	return keep(r, text);
}

/*
 * The pattern that a setting holds, copied.
 *
 * Return: NULL after a fault.
 */
const char *reader_pattern(struct reader *r, const config_setting_t *s, const char *key)
{
	const char *text = read_string(r, s, key, "a pattern");

	if (text && !pattern_is_closed(text)) {
		reader_fault(r, s, key, "\"%s\": expected a ']' that closes the '['\n", text);
		return NULL;
	}
	return text;
}

static void list_add(struct reader *r, struct doc_list *list, const char *text,
		     struct doc_source at)
{
	struct doc_item *items =
		arena_grow(r->arena, list->items, list->n_items, sizeof(*list->items));

	if (!items) {
		r->no_memory = true;
		return;
	}
	list->items = items;
	list->items[list->n_items++] = (struct doc_item){text, at};
}

/* The last line of [from, to] in which the string stands quoted; `from` where none does. */
static unsigned line_of(const char *text, unsigned from, unsigned to, const char *string)
{
	unsigned line = 1, found_at = from;
	size_t len = strlen(string);

	for (; *text && line <= to; text++) {
		line += *text == '\n';
		if (line >= from && *text == '"' && !strncmp(text + 1, string, len) &&
		    text[1 + len] == '"')
			found_at = line;
	}
	return found_at;
}

/* The parser has read on, to the closing bracket, before it notes the line of a list's last entry:
 * look where it really is, between the entry before it and there. */
static void fix_last_line(const struct reader *r, struct doc_list *list, unsigned list_line)
{
	size_t n = list->n_items;
	unsigned from = n > 1 ? list->items[n - 2].at.line : list_line;
	struct doc_item *last = &list->items[n - 1];

	last->at.line = line_of(r->text, from, last->at.line, last->text);
}

static void read_list(struct reader *r, const config_setting_t *s, const char *key,
		      struct doc_list *listp)
{
	struct doc_list list = {0};

	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		reader_fault(r, s, key, "expected a list of patterns, found %s\n", reader_found(s));
		return;
	}
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *item = config_setting_get_elem(s, (unsigned)i);
		const char *text = reader_pattern(r, item, key);

		if (text)
			list_add(r, &list, text, reader_source(r, item));
	}
	if (list.n_items)
		fix_last_line(r, &list, config_setting_source_line(s));
	*listp = list;
}

static void read_bool(struct reader *r, const config_setting_t *s, const char *key, uint32_t *wordp)
{
	if (config_setting_type(s) == CONFIG_TYPE_BOOL)
		*wordp = (uint32_t)config_setting_get_bool(s);
	else
		reader_fault(r, s, key, "expected true or false, found %s\n", reader_found(s));
}

static void read_named(struct reader *r, const config_setting_t *s, const char *key,
		       enum policy_type type, uint32_t *wordp)
{
	const char *words[TYPE_MAX_WORDS];
	unsigned n_words = type_words(type, words);
	const char *text = NULL;
	int number = -1;

	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		text = config_setting_get_string(s);
	if (text)
		number = type_number(type, text);
	if (number >= 0) {
		*wordp = (uint32_t)number;
		return;
	}
	reader_fault(r, s, key, "expected ");
	reader_put_words(r->err, words, n_words);
	if (text && is_plain(text)) {
		fprintf(r->err, ", found \"%s\"", text);
		hint(r, text, words, n_words);
	} else {
		fprintf(r->err, ", found %s\n", reader_found(s));
	}
}

/* The number of the word that a setting holds, in *wordp, which a fault leaves alone. */
void reader_word(struct reader *r, const config_setting_t *s, const char *key,
		 enum policy_type type, uint32_t *wordp)
{
	if (type == TYPE_BOOL)
		read_bool(r, s, key, wordp);
	else
		read_named(r, s, key, type, wordp);
}

/* A string, or a bare number of bytes. */
static void read_size(struct reader *r, const config_setting_t *s, const char *key,
		      uint32_t *pagesp)
{
	static const char expected[] = "a size of whole pages, at most 8G, as \"64M\"";
	const char *text = config_setting_get_string(s);
	long long bytes = config_setting_get_int64(s);

	switch (config_setting_type(s)) {
	case CONFIG_TYPE_STRING:
		if (!text || size_read(text, pagesp))
			reader_fault(r, s, key, "expected %s, found \"%s\"\n", expected,
				     text && is_plain(text) ? text : "");
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		if (bytes < 0 || size_of_bytes((uint64_t)bytes, pagesp))
			reader_fault(r, s, key, "expected %s, found %lld\n", expected, bytes);
		break;
	default:
		reader_fault(r, s, key, "expected %s, found %s\n", expected, reader_found(s));
		break;
	}
}

static void read_value(struct reader *r, const config_setting_t *s, enum policy_key key)
{
	enum policy_type type = policy_key_type(key);
	struct doc_value *v = &r->doc->values[key];
	const char *name = policy_key_name(key);

	v->set = true;
	v->at = reader_source(r, s);
	switch (type) {
	case TYPE_LATER:
		v->set = false;
		reader_fault(r, s, name,
			     "known, but not honoured by this version of cookiemap; remove it\n");
		break;
	case TYPE_LIST:
		read_list(r, s, name, &v->list);
		break;
	case TYPE_STRING:
		v->string = read_string(r, s, name, "a string");
		break;
	case TYPE_SIZE:
		read_size(r, s, name, &v->word);
		break;
	default:
		reader_word(r, s, name, type, &v->word);
		break;
	}
}

/* What may stand in a file beside the keys. */
static const char *const other_names[] = {"extends", "exe", "modules"};
#define N_OTHER_NAMES (sizeof(other_names) / sizeof(other_names[0]))

/* The line about a name that is no key's. Candidates for the hint: all keys, and groups. */
void reader_fault_unknown(struct reader *r, const config_setting_t *s, const char *name)
{
	static const char *const groups[] = {"wx",     "seal",    "foreign", "fixed",
					     "reuse",  "reserve", "share",   "nofault",
					     "kernel", "exec",    "report"};
	const char *words[KEY_N + N_OTHER_NAMES + sizeof(groups) / sizeof(groups[0])];
	size_t n = 0;

	for (unsigned key = 0; key < KEY_N; key++)
		words[n++] = policy_key_name((enum policy_key)key);
	for (size_t i = 0; i < N_OTHER_NAMES; i++)
		words[n++] = other_names[i];
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		words[n++] = groups[i];
	reader_fault(r, s, name, "unknown key");
	hint(r, name, words, n);
}

/* Whether keys have this name before their dot. */
bool reader_is_group_name(const char *name)
{
	size_t len = strlen(name);

	for (unsigned key = 0; key < KEY_N; key++) {
		const char *full = policy_key_name((enum policy_key)key);

		if (!strncmp(full, name, len) && full[len] == '.')
			return true;
	}
	return false;
}

/* A key's name from a group's and a setting's; cut where no key is that long. */
void reader_full_name(char out[MAX_KEY_NAME], const config_setting_t *group,
		      const config_setting_t *s)
{
	snprintf(out, MAX_KEY_NAME, "%s.%s", config_setting_name(group), config_setting_name(s));
}

static void read_group(struct reader *r, const config_setting_t *group)
{
	if (!config_setting_is_group(group)) {
		reader_fault(r, group, config_setting_name(group),
			     "expected a group { … }, found %s\n", reader_found(group));
		return;
	}
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		char name[MAX_KEY_NAME];
		int key;

		reader_full_name(name, group, s);
		key = key_find(name);
		if (key < 0)
			reader_fault_unknown(r, s, name);
		else
			read_value(r, s, (enum policy_key)key);
	}
}

static void read_exe(struct reader *r, const config_setting_t *s)
{
	unsigned n_faults = r->n_faults;
	struct doc_list *exe = &r->doc->exe;

	read_list(r, s, "exe", exe);
	if (n_faults == r->n_faults && !exe->n_items)
		reader_fault(r, s, "exe", "expected at least one pattern, found an empty list\n");
	for (size_t i = 0; i < exe->n_items; i++)
		if (exe->items[i].text[0] != '/')
			reader_fault(r, config_setting_get_elem(s, (unsigned)i), "exe",
				     "expected an absolute path or pattern, found \"%s\"\n",
				     exe->items[i].text);
}

static void read_setting(struct reader *r, const config_setting_t *s)
{
	const char *name = config_setting_name(s);
	int key = key_find(name);

	if (key >= 0)
		read_value(r, s, (enum policy_key)key);
	else if (reader_is_group_name(name))
		read_group(r, s);
	else if (!strcmp(name, "extends"))
		r->doc->extends = (struct doc_item){
			read_string(r, s, name, "the name of a profile or policy"),
			reader_source(r, s)};
	else if (!strcmp(name, "exe"))
		read_exe(r, s);
	else if (!strcmp(name, "modules"))
		reader_modules(r, s);
	else
		reader_fault_unknown(r, s, name);
}

static void read_config(struct reader *r, config_t *config, const char *text)
{
	const config_setting_t *root;

	if (config_read_string(config, text) != CONFIG_TRUE) {
		r->n_faults++;
		fprintf(r->err, "%s:%d: %s\n", r->doc->file, config_error_line(config),
			config_error_text(config));
		return;
	}
	root = config_root_setting(config);
	for (int i = 0; i < config_setting_length(root); i++)
		read_setting(r, config_setting_get_elem(root, (unsigned)i));
}

/*
 * Read one file's text. name and file are copied. The document holds what the text sets and no
 * more: what it extends is not looked up here.
 *
 * Return: 0 and *docp written; -EINVAL after at least one line on err; -ENOMEM.
 */
int doc_read(struct arena *a, const char *name, const char *file, const char *text, FILE *err,
	     struct doc **docp)
{
	struct reader r = {
		.arena = a, .doc = arena_alloc(a, sizeof(struct doc)), .text = text, .err = err};
	config_t config;

	if (!r.doc)
		return -ENOMEM;
	r.doc->name = keep(&r, name);
	r.doc->file = keep(&r, file);
	if (r.no_memory)
		return -ENOMEM;
	config_init(&config);
	read_config(&r, &config, text);
	config_destroy(&config);
	if (r.no_memory)
		return -ENOMEM;
	if (r.n_faults)
		return -EINVAL;
	*docp = r.doc;
	return 0;
}
