/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <errno.h>
#include "policy/blob.h"

/*
 * The compiled form → a document: policy/compile.c the other way. For those who must look at all of
 * a policy at once: narrowing, and showing what really runs.
 *
 * Strings are not copied; the document is good as long as the blob is.
 */

static struct doc_source source_of(const struct blob_header *h, const struct blob_source *at)
{
	return (struct doc_source){blob_string(h, at->file), at->line};
}

static int list_of(struct arena *a, const struct blob_header *h, const struct blob_value *v,
		   struct doc_list *listp)
{
	struct doc_list list = {arena_alloc(a, v->count * sizeof(*list.items)), v->count};

	if (!list.items)
		return -ENOMEM;
	for (uint32_t i = 0; i < v->count; i++) {
		const struct blob_item *item = &blob_items(h)[v->word + i];

		list.items[i].text = blob_string(h, item->text);
		list.items[i].at = source_of(h, &item->at);
	}
	*listp = list;
	return 0;
}

static int value_of(struct arena *a, const struct blob_header *h, enum policy_key key,
		    struct doc_value *v)
{
	const struct blob_value *in = &blob_values(h)[key];
	enum policy_type type = policy_key_type(key);

	v->set = type != TYPE_LATER;
	v->at = source_of(h, &in->at);
	if (type == TYPE_LIST)
		return list_of(a, h, in, &v->list);
	if (type == TYPE_STRING)
		v->string = blob_string(h, in->word);
	else
		v->word = in->word;
	return 0;
}

static int module_of(struct arena *a, const struct blob_header *h, const struct blob_module *in,
		     struct doc_module *m)
{
	m->pattern.text = blob_string(h, in->pattern);
	m->pattern.at = source_of(h, &in->at);
	m->overrides = arena_alloc(a, in->count * sizeof(*m->overrides));
	if (!m->overrides)
		return -ENOMEM;
	m->n_overrides = in->count;
	for (uint32_t i = 0; i < in->count; i++) {
		const struct blob_override *o = &blob_overrides(h)[in->first + i];

		m->overrides[i].key = (enum policy_key)o->key;
		m->overrides[i].word = o->word;
		m->overrides[i].at = source_of(h, &o->at);
	}
	return 0;
}

/* A blob has the winning module first, a document last: turned round. */
static int modules_of(struct arena *a, const struct blob_header *h, struct doc *d)
{
	d->n_modules = h->n_modules;
	d->modules = arena_alloc(a, h->n_modules * sizeof(*d->modules));
	if (!d->modules)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->n_modules; i++) {
		int r = module_of(a, h, &blob_modules(h)[i], &d->modules[h->n_modules - 1 - i]);

		if (r)
			return r;
	}
	return 0;
}

/*
 * The complete document that a compiled policy stands for; it has no exe and extends nothing.
 *
 * Return: 0 and *docp written; -ENOMEM.
 */
int doc_decode(struct arena *a, const struct policy *p, struct doc **docp)
{
	const struct blob_header *h = (const struct blob_header *)p->blob;
	struct doc *d = arena_alloc(a, sizeof(*d));
	int r = d ? 0 : -ENOMEM;

	for (unsigned key = 0; key < KEY_N && !r; key++)
		r = value_of(a, h, (enum policy_key)key, &d->values[key]);
	if (!r)
		r = modules_of(a, h, d);
	if (r)
		return r;
	d->name = d->file = policy_name(p);
	*docp = d;
	return 0;
}
