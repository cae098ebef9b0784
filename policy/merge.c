/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <errno.h>
#include <string.h>

/*
 * The narrower of two policies: whatever it allows, both allow.
 *
 *   words    the tighter (the larger number, policy/key.h), with the source of the one that won
 *   lists    the patterns that both have, compared as text. Two patterns that overlap without being
 *            equal admit nothing together: too tight at worst, and the result cannot grow
 *   report.* the first's: whoever is in charge already says where reports go
 *   modules  below
 *
 * Modules. For every pattern q that either policy sets a key k for, the result sets k to the
 * tighter of what each could say about a caller whose best match in the result is q. For a policy
 * that sets k for q itself that is its word for q. For another it is the tightest of its own word
 * without module and those of its patterns that are no more specific than q, since such a caller
 * may match them too; a more specific one cannot match, or it would be the best. Patterns equally
 * specific are bounded by each other, since their order in the result need not be that of either
 * policy.
 */

struct bound {
	uint32_t word;
	struct doc_source at;
};

static void bound_raise(struct bound *b, uint32_t word, struct doc_source at)
{
	if (word > b->word)
		*b = (struct bound){word, at};
}

/* The override that counts where a module sets a key; its module's pattern may occur repeatedly. */
static const struct doc_override *override_of(const struct doc_module *m, enum policy_key key)
{
	for (size_t i = 0; i < m->n_overrides; i++)
		if (m->overrides[i].key == key)
			return &m->overrides[i];
	return NULL;
}

static const struct doc_override *override_at(const struct doc *d, const char *pattern,
					      enum policy_key key)
{
	const struct doc_override *o = NULL;

	for (size_t i = d->n_modules; i-- && !o;)
		if (!strcmp(d->modules[i].pattern.text, pattern))
			o = override_of(&d->modules[i], key);
	return o;
}

/* The tightest that d may say of key for callers whose best match in the result is q. */
static struct bound bound_of(const struct doc *d, const char *q, enum policy_key key)
{
	const struct doc_override *own = override_at(d, q, key);
	unsigned rank = pattern_rank(q);
	struct bound b = {d->values[key].word, d->values[key].at};

	if (own)
		b = (struct bound){own->word, own->at};
	for (size_t i = 0; i < d->n_modules; i++) {
		const struct doc_override *o = override_of(&d->modules[i], key);
		unsigned other = o ? pattern_rank(d->modules[i].pattern.text) : 0;
		bool same = o && !strcmp(d->modules[i].pattern.text, q);

		if (o && !same && (own ? other == rank : other <= rank))
			bound_raise(&b, o->word, o->at);
	}
	return b;
}

static bool list_has(const struct doc_list *list, const char *text)
{
	for (size_t i = 0; i < list->n_items; i++)
		if (!strcmp(list->items[i].text, text))
			return true;
	return false;
}

static int list_narrow(struct arena *a, const struct doc_value *x, const struct doc_value *y,
		       struct doc_value *v)
{
	struct doc_list list = {arena_alloc(a, x->list.n_items * sizeof(*list.items)), 0};

	if (!list.items)
		return -ENOMEM;
	for (size_t i = 0; i < x->list.n_items; i++)
		if (list_has(&y->list, x->list.items[i].text) &&
		    !list_has(&list, x->list.items[i].text))
			list.items[list.n_items++] = x->list.items[i];
	*v = x->list.n_items <= y->list.n_items ? *x : *y;
	v->list = list;
	return 0;
}

static int value_narrow(struct arena *a, enum policy_key key, const struct doc_value *x,
			const struct doc_value *y, struct doc_value *v)
{
	switch (policy_key_type(key)) {
	case TYPE_LIST:
		return list_narrow(a, x, y, v);
	case TYPE_STRING:
	case TYPE_REPORT_FORMAT:
		*v = *x;
		return 0;
	default:
		*v = y->word > x->word ? *y : *x;
		return 0;
	}
}

static int override_add(struct arena *a, struct doc_module *m, enum policy_key key, struct bound b)
{
	struct doc_override *grown =
		arena_grow(a, m->overrides, m->n_overrides, sizeof(*m->overrides));

	if (!grown)
		return -ENOMEM;
	m->overrides = grown;
	m->overrides[m->n_overrides++] = (struct doc_override){key, b.word, b.at};
	return 0;
}

static int module_narrow(struct arena *a, const struct doc *x, const struct doc *y,
			 struct doc_item q, struct doc_module *m)
{
	int r = 0;

	m->pattern = q;
	for (unsigned k = 0; k < KEY_N && !r; k++) {
		enum policy_key key = (enum policy_key)k;
		struct bound bx, by;

		if (!policy_key_overridable(key) ||
		    (!override_at(x, q.text, key) && !override_at(y, q.text, key)))
			continue;
		bx = bound_of(x, q.text, key);
		by = bound_of(y, q.text, key);
		r = override_add(a, m, key, by.word > bx.word ? by : bx);
	}
	return r;
}

static bool has_module(const struct doc *d, const char *pattern)
{
	for (size_t i = 0; i < d->n_modules; i++)
		if (!strcmp(d->modules[i].pattern.text, pattern))
			return true;
	return false;
}

/* The patterns of `from` that the result has not got yet. */
static int modules_narrow(struct arena *a, const struct doc *x, const struct doc *y,
			  const struct doc *from, struct doc *d)
{
	int r = 0;

	for (size_t i = 0; i < from->n_modules && !r; i++) {
		if (has_module(d, from->modules[i].pattern.text))
			continue;
		r = module_narrow(a, x, y, from->modules[i].pattern, &d->modules[d->n_modules]);
		d->n_modules++;
	}
	return r;
}

/* "a+b", where `a` does not name b already: a name that is narrowed again and again stays. */
static const char *name_join(struct arena *a, const char *x, const char *y)
{
	size_t nx = strlen(x), ny = strlen(y);
	char *name;

	for (const char *at = x; (at = strstr(at, y)) != NULL; at++)
		if ((at == x || at[-1] == '+') && (!at[ny] || at[ny] == '+'))
			return x;
	name = arena_alloc(a, nx + ny + 2);
	if (!name)
		return NULL;
	memcpy(name, x, nx);
	name[nx] = '+';
	memcpy(name + nx + 1, y, ny);
	return name;
}

/*
 * The narrower of two complete documents; exe and file are the first's.
 *
 * Return: 0 and *docp written; -ENOMEM.
 */
int doc_narrow(struct arena *a, const struct doc *x, const struct doc *y, struct doc **docp)
{
	struct doc *d = arena_alloc(a, sizeof(*d));
	int r = 0;

	if (!d)
		return -ENOMEM;
	d->name = name_join(a, x->name, y->name);
	d->file = x->file;
	d->exe = x->exe;
	d->modules = arena_alloc(a, (x->n_modules + y->n_modules) * sizeof(*d->modules));
	if (!d->name || !d->modules)
		return -ENOMEM;
	for (unsigned key = 0; key < KEY_N && !r; key++)
		r = value_narrow(a, (enum policy_key)key, &x->values[key], &y->values[key],
				 &d->values[key]);
	if (!r)
		r = modules_narrow(a, x, y, x, d);
	if (!r)
		r = modules_narrow(a, x, y, y, d);
	if (!r)
		*docp = d;
	return r;
}

/*
 * The narrower of two compiled policies, compiled. Neither is touched, and the result refers to
 * neither.
 *
 * Return: 0 and *blobp written, the caller's to policy_blob_deinit(); -ENOMEM; -E2BIG.
 */
int policy_narrow(const struct policy *a, const struct policy *b, struct policy_blob *blobp)
{
	struct arena arena = ARENA_INIT;
	struct doc *x, *y, *both;
	int r = doc_decode(&arena, a, &x);

	if (!r)
		r = doc_decode(&arena, b, &y);
	if (!r)
		r = doc_narrow(&arena, x, y, &both);
	if (!r)
		r = doc_compile(both, blobp);
	arena_deinit(&arena);
	return r;
}
