/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <string.h>

/*
 * A complete document as the text of a policy file, each value with a comment that says where it
 * was written. The reader takes the text back and gets the same policy: all values are in it, and
 * it extends the profile that has no modules to add.
 */

/* How the values of a group are indented, and whose columns the comments stand in. */
#define COMMENT_COLUMN 48

static int put_quoted(FILE *out, const char *text)
{
	int n = fputc('"', out) == '"';

	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			n += fputc('\\', out) == '\\';
		fputc(*text, out);
		n++;
	}
	fputc('"', out);
	return n + 1;
}

/* The rest of a line that has n columns already. */
static void put_source(FILE *out, int n, struct doc_source at)
{
	fprintf(out, "%*s// ", n < COMMENT_COLUMN ? COMMENT_COLUMN - n : 1, "");
	if (at.line)
		fprintf(out, "%s:%u\n", at.file, at.line);
	else
		fprintf(out, "%s\n", at.file);
}

static void put_list(FILE *out, const char *indent, const char *name, const struct doc_list *list,
		     struct doc_source at)
{
	int n = fprintf(out, "%s%s = [", indent, name);

	if (!list->n_items) {
		put_source(out, n + fprintf(out, "];"), at);
		return;
	}
	put_source(out, n, at);
	for (size_t i = 0; i < list->n_items; i++) {
		n = fprintf(out, "%s    ", indent);
		n += put_quoted(out, list->items[i].text);
		n += fprintf(out, "%s", i + 1 < list->n_items ? "," : "");
		put_source(out, n, list->items[i].at);
	}
	fprintf(out, "%s];\n", indent);
}

static void put_word(FILE *out, const char *indent, const char *name, enum policy_type type,
		     uint32_t word, struct doc_source at)
{
	const char *quote = type == TYPE_BOOL ? "" : "\"";
	int n = fprintf(out, "%s%s = %s%s%s;", indent, name, quote, type_word(type, word), quote);

	put_source(out, n, at);
}

static void put_value(FILE *out, const char *indent, const char *name, enum policy_type type,
		      const struct doc_value *v)
{
	char text[SIZE_TEXT_MAX];
	int n;

	switch (type) {
	case TYPE_LATER:
		break;
	case TYPE_LIST:
		put_list(out, indent, name, &v->list, v->at);
		break;
	case TYPE_STRING:
		n = fprintf(out, "%s%s = ", indent, name);
		n += put_quoted(out, v->string);
		put_source(out, n + fprintf(out, ";"), v->at);
		break;
	case TYPE_SIZE:
		n = fprintf(out, "%s%s = \"%s\";", indent, name, size_text(v->word, text));
		put_source(out, n, v->at);
		break;
	default:
		put_word(out, indent, name, type, v->word, v->at);
		break;
	}
}

/* Length of the group's name in a key's, without the dot; 0: it stands by itself. */
static size_t group_len(const char *name)
{
	const char *dot = strchr(name, '.');

	return dot ? (size_t)(dot - name) : 0;
}

static bool same_group(const char *a, const char *b)
{
	return group_len(a) == group_len(b) && !strncmp(a, b, group_len(a));
}

/* POLICY_KEYS keeps the keys of a group together. */
static void put_values(FILE *out, const struct doc *doc)
{
	const char *open = "";

	for (unsigned k = 0; k < KEY_N; k++) {
		enum policy_key key = (enum policy_key)k;
		const char *name = policy_key_name(key);
		size_t len = group_len(name);

		if (policy_key_type(key) == TYPE_LATER)
			continue;
		if (*open && !same_group(open, name)) {
			fprintf(out, "};\n");
			open = "";
		}
		if (len && !*open) {
			fprintf(out, "%.*s: {\n", (int)len, name);
			open = name;
		}
		put_value(out, len ? "    " : "", len ? name + len + 1 : name, policy_key_type(key),
			  &doc->values[key]);
	}
	if (*open)
		fprintf(out, "};\n");
}

/* The overrides of a module that belong to the group of the first of them. A module may set a
 * group's keys in any order; a file must have each group once. */
static void put_overrides(FILE *out, const struct doc_module *m)
{
	for (size_t i = 0; i < m->n_overrides; i++) {
		const char *name = policy_key_name(m->overrides[i].key);
		bool done = false;

		for (size_t j = 0; j < i; j++)
			done |= same_group(policy_key_name(m->overrides[j].key), name);
		if (done)
			continue;
		fprintf(out, "      %.*s: {\n", (int)group_len(name), name);
		for (size_t j = i; j < m->n_overrides; j++) {
			const struct doc_override *o = &m->overrides[j];
			const char *other = policy_key_name(o->key);

			if (same_group(other, name))
				put_word(out, "        ", other + group_len(other) + 1,
					 policy_key_type(o->key), o->word, o->at);
		}
		fprintf(out, "      };\n");
	}
}

static void put_modules(FILE *out, const struct doc *doc)
{
	if (!doc->n_modules)
		return;
	fprintf(out, "modules = (\n");
	for (size_t i = 0; i < doc->n_modules; i++) {
		const struct doc_module *m = &doc->modules[i];
		int n = fprintf(out, "    { name = ");

		n += put_quoted(out, m->pattern.text);
		put_source(out, n + fprintf(out, ";"), m->pattern.at);
		put_overrides(out, m);
		fprintf(out, "    }%s\n", i + 1 < doc->n_modules ? "," : "");
	}
	fprintf(out, ");\n");
}

/* Write a complete document; what it extends is in it already and is not named. */
void doc_print(FILE *out, const struct doc *doc)
{
	fprintf(out, "// %s\n", doc->name);
	fprintf(out, "%-*s// %s\n", COMMENT_COLUMN, "extends = \"strict\";",
		"nothing: all is said below");
	if (doc->exe.n_items)
		put_list(out, "", "exe", &doc->exe, doc->exe.items[0].at);
	put_values(out, doc);
	put_modules(out, doc);
}
