/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "policy/blob.h"

/*
 * A document → its compiled form (policy/blob.h). The document is complete: every key that this
 * version honours has a value.
 *
 * Sections are built apart and put together at the end; strings are kept once each. What comes out
 * is opened before it is handed out, so that a fault here cannot reach a program.
 */

struct section {
	void *data;
	size_t len, size; /* bytes */
};

struct builder {
	struct section items, modules, overrides, strings;
	struct blob_value values[KEY_N];
	struct blob_source last; /* the source asked for last: most values share one */
	const char *last_file;
	bool failed;
};

static void *section_add(struct builder *b, struct section *s, const void *data, size_t len)
{
	if (s->len + len > s->size) {
		size_t size = 2 * (s->len + len) + 256;
		void *grown = size > 4 * BLOB_MAX_BYTES ? NULL : realloc(s->data, size);

		if (!grown) {
			b->failed = true;
			return NULL;
		}
		s->data = grown;
		s->size = size;
	}
	memcpy((char *)s->data + s->len, data, len);
	s->len += len;
	return (char *)s->data + s->len - len;
}

/* The offset of a string, which is added where it is new. */
static uint32_t string_put(struct builder *b, const char *text)
{
	const char *data = b->strings.data;
	size_t at = 0;

	while (at < b->strings.len) {
		if (!strcmp(data + at, text))
			return (uint32_t)at;
		at += strlen(data + at) + 1;
	}
	section_add(b, &b->strings, text, strlen(text) + 1);
	return (uint32_t)at;
}

static struct blob_source source_put(struct builder *b, struct doc_source at)
{
	if (!b->last_file || b->last_file != at.file) {
		b->last.file = string_put(b, at.file ? at.file : "");
		b->last_file = at.file;
	}
	b->last.line = at.line;
	return b->last;
}

static void item_put(struct builder *b, const struct doc_item *item)
{
	struct blob_item i = {string_put(b, item->text), source_put(b, item->at)};

	section_add(b, &b->items, &i, sizeof(i));
}

static void value_put(struct builder *b, enum policy_key key, const struct doc_value *v)
{
	struct blob_value *out = &b->values[key];

	out->at = source_put(b, v->at);
	switch (policy_key_type(key)) {
	case TYPE_LATER:
		break;
	case TYPE_LIST:
		out->word = (uint32_t)(b->items.len / sizeof(struct blob_item));
		out->count = (uint32_t)v->list.n_items;
		for (size_t i = 0; i < v->list.n_items; i++)
			item_put(b, &v->list.items[i]);
		break;
	case TYPE_STRING:
		out->word = string_put(b, v->string);
		break;
	default:
		out->word = v->word;
		break;
	}
}

static void module_put(struct builder *b, const struct doc_module *m)
{
	struct blob_module out = {
		.pattern = string_put(b, m->pattern.text),
		.first = (uint32_t)(b->overrides.len / sizeof(struct blob_override)),
		.count = (uint32_t)m->n_overrides,
		.at = source_put(b, m->pattern.at),
	};

	section_add(b, &b->modules, &out, sizeof(out));
	for (size_t i = 0; i < m->n_overrides; i++) {
		struct blob_override o = {m->overrides[i].key, m->overrides[i].word,
					  source_put(b, m->overrides[i].at)};

		section_add(b, &b->overrides, &o, sizeof(o));
	}
}

/* Most specific first; among equals the later written first. The array holds pointers into one. */
static int compare_modules(const void *x, const void *y)
{
	const struct doc_module *a = *(const struct doc_module *const *)x;
	const struct doc_module *b = *(const struct doc_module *const *)y;
	unsigned rank_a = pattern_rank(a->pattern.text), rank_b = pattern_rank(b->pattern.text);

	if (rank_a != rank_b)
		return rank_a > rank_b ? -1 : 1;
	return a > b ? -1 : a < b;
}

static void modules_put(struct builder *b, const struct doc *doc)
{
	const struct doc_module **sorted = calloc(doc->n_modules + 1, sizeof(*sorted));

	if (!sorted) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < doc->n_modules; i++)
		sorted[i] = &doc->modules[i];
	qsort(sorted, doc->n_modules, sizeof(*sorted), compare_modules);
	for (size_t i = 0; i < doc->n_modules; i++)
		module_put(b, sorted[i]);
	free(sorted);
}

static void *copy_out(void *to, const struct section *s)
{
	if (s->len)
		memcpy(to, s->data, s->len);
	return (char *)to + s->len;
}

static int blob_finish(const struct builder *b, const struct blob_header *h,
		       struct policy_blob *blobp)
{
	struct policy_blob blob = {malloc(h->size_bytes), h->size_bytes};
	struct blob_header *out = blob.data;
	struct policy opened;
	char *at;

	if (!out)
		return -ENOMEM;
	*out = *h;
	at = (char *)(out + 1);
	memcpy(at, b->values, sizeof(b->values));
	at = copy_out(at + sizeof(b->values), &b->items);
	at = copy_out(at, &b->modules);
	at = copy_out(at, &b->overrides);
	copy_out(at, &b->strings);
	out->checksum = blob_checksum(out, out->size_bytes);
	if (policy_open(&opened, blob.data, blob.size_bytes)) {
		free(blob.data);
		return -E2BIG;
	}
	*blobp = blob;
	return 0;
}

static int builder_finish(struct builder *b, uint32_t name, struct policy_blob *blobp)
{
	struct blob_header h = {.magic = BLOB_MAGIC, .version = BLOB_VERSION, .n_keys = KEY_N};
	size_t size;

	while (b->strings.len % 4 && !b->failed)
		section_add(b, &b->strings, "", 1);
	if (b->failed)
		return -ENOMEM;
	size = sizeof(h) + sizeof(b->values) + b->items.len + b->modules.len + b->overrides.len +
	       b->strings.len;
	if (size > BLOB_MAX_BYTES)
		return -E2BIG;
	h.size_bytes = (uint32_t)size;
	h.n_items = (uint32_t)(b->items.len / sizeof(struct blob_item));
	h.n_modules = (uint32_t)(b->modules.len / sizeof(struct blob_module));
	h.n_overrides = (uint32_t)(b->overrides.len / sizeof(struct blob_override));
	h.strings_bytes = (uint32_t)b->strings.len;
	h.name = name;
	return blob_finish(b, &h, blobp);
}

/*
 * Compile a complete document.
 *
 * Return: 0 and *blobp written, the caller's to policy_blob_deinit(); -ENOMEM; -E2BIG: more
 * modules, patterns or text than a blob may hold (policy/blob.h).
 */
int doc_compile(const struct doc *doc, struct policy_blob *blobp)
{
	struct builder b = {0};
	uint32_t name;
	int r;

	string_put(&b, "");
	name = string_put(&b, doc->name);
	for (unsigned key = 0; key < KEY_N; key++)
		value_put(&b, (enum policy_key)key, &doc->values[key]);
	modules_put(&b, doc);
	r = builder_finish(&b, name, blobp);
	free(b.items.data);
	free(b.modules.data);
	free(b.overrides.data);
	free(b.strings.data);
	return r;
}

/* Free a blob's memory. A blob that was never written (zeroes) is fine. */
void policy_blob_deinit(struct policy_blob *blob)
{
	free(blob->data);
	*blob = (struct policy_blob){0};
}
