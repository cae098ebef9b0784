/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <errno.h>
#include <string.h>
#include "jit_policy.h"

/*
 * The profiles that every policy stands on in the end: default, strict and audit, as the list of
 * keys writes them. They are part of the program, so that there is no installation without them.
 *
 * The default profile's wx.jit and modules are data, policy/jit.policy in the source; its text is
 * compiled in (jit_policy.h) and read like a file's, with its lines, under the name "jit.policy".
 */

const char *const profile_names[N_PROFILES] = {"default", "strict", "audit"};

static const struct {
	const char *words[N_PROFILES];
} table[KEY_N] = {
#define X(ID, name, type, d, s, a) [KEY_##ID] = {{d, s, a}},
	POLICY_KEYS(X)
#undef X
};

/* The number of a profile, or -1. */
int profile_find(const char *name)
{
	for (int i = 0; i < N_PROFILES; i++)
		if (!strcmp(profile_names[i], name))
			return i;
	return -1;
}

static int value_set(struct doc_value *v, enum policy_key key, const char *word)
{
	enum policy_type type = policy_key_type(key);
	int number;

	if (type == TYPE_LATER)
		return 0;
	v->set = true;
	if (type == TYPE_STRING)
		v->string = word;
	if (type == TYPE_STRING || type == TYPE_LIST)
		return 0;
	if (type == TYPE_SIZE)
		return size_read(word, &v->word);
	number = type_number(type, word);
	if (number < 0)
		return -EINVAL;
	v->word = (uint32_t)number;
	return 0;
}

/* What the default profile says of modules. A fault in it is one of the build, and says so. */
static int modules_ship(struct arena *a, struct doc *d)
{
	struct doc *jit;
	int r = doc_read(a, "jit", "jit.policy", JIT_POLICY, stderr, &jit);

	if (r)
		return r;
	d->values[KEY_WX_JIT] = jit->values[KEY_WX_JIT];
	d->modules = jit->modules;
	d->n_modules = jit->n_modules;
	return 0;
}

/*
 * A profile as a document: every key that this version honours is set.
 *
 * Return: 0 and *docp written; -ENOMEM; -EINVAL: POLICY_KEYS or jit.policy contradicts the types.
 */
int profile_new(struct arena *a, int profile, struct doc **docp)
{
	struct doc *d = arena_alloc(a, sizeof(*d));
	int r = 0;

	if (!d)
		return -ENOMEM;
	d->name = d->file = profile_names[profile];
	for (unsigned key = 0; key < KEY_N && !r; key++) {
		d->values[key].at.file = d->file;
		r = value_set(&d->values[key], (enum policy_key)key, table[key].words[profile]);
	}
	if (!r && profile == 0)
		r = modules_ship(a, d);
	if (!r)
		*docp = d;
	return r;
}
