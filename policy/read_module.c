/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/reader.h"

#include <string.h>

/*
 * `modules` of a policy file: a list of groups, each with the pattern of a module's file and what
 * holds for calls that it makes or for what is sealed of it. Only some keys make sense there; see
 * policy_key_overridable().
 */

static void override_add(struct reader *r, struct doc_module *m, enum policy_key key, uint32_t word,
			 const config_setting_t *s)
{
	struct doc_override *o =
		arena_grow(r->arena, m->overrides, m->n_overrides, sizeof(*m->overrides));

	if (!o) {
		r->no_memory = true;
		return;
	}
	m->overrides = o;
	m->overrides[m->n_overrides++] = (struct doc_override){key, word, reader_source(r, s)};
}

static void fault_not_overridable(struct reader *r, const config_setting_t *s, const char *name)
{
	const char *words[KEY_N];
	size_t n = 0;

	for (unsigned key = 0; key < KEY_N; key++)
		if (policy_key_overridable((enum policy_key)key))
			words[n++] = policy_key_name((enum policy_key)key);
	reader_fault(r, s, name, "cannot be set for a module; expected ");
	reader_put_words(r->err, words, n);
	fputc('\n', r->err);
}

static void read_override(struct reader *r, struct doc_module *m, const config_setting_t *group,
			  const config_setting_t *s)
{
	char name[MAX_KEY_NAME];
	uint32_t word = UINT32_MAX;
	int key;

	reader_full_name(name, group, s);
	key = key_find(name);
	if (key < 0) {
		reader_fault_unknown(r, s, name);
	} else if (!policy_key_overridable((enum policy_key)key)) {
		fault_not_overridable(r, s, name);
	} else {
		reader_word(r, s, name, policy_key_type((enum policy_key)key), &word);
		if (word != UINT32_MAX)
			override_add(r, m, (enum policy_key)key, word, s);
	}
}

static void read_module_setting(struct reader *r, struct doc_module *m, const config_setting_t *s)
{
	const char *name = config_setting_name(s);

	if (!strcmp(name, "name"))
		return; /* read before the others */
	if (key_find(name) >= 0 || !strcmp(name, "extends") || !strcmp(name, "exe")) {
		fault_not_overridable(r, s, name);
	} else if (!reader_is_group_name(name)) {
		reader_fault_unknown(r, s, name);
	} else if (!config_setting_is_group(s)) {
		reader_fault(r, s, name, "expected a group { … }, found %s\n", reader_found(s));
	} else {
		for (int i = 0; i < config_setting_length(s); i++)
			read_override(r, m, s, config_setting_get_elem(s, (unsigned)i));
	}
}

static void read_module(struct reader *r, const config_setting_t *s)
{
	struct doc *d = r->doc;
	struct doc_module m = {0}, *grown;
	config_setting_t *name;

	if (!config_setting_is_group(s)) {
		reader_fault(r, s, "modules", "expected a group { name = …; }, found %s\n",
			     reader_found(s));
		return;
	}
	name = config_setting_get_member(s, "name");
	if (!name) {
		reader_fault(r, s, "modules", "expected name = \"PATTERN\" in every module\n");
		return;
	}
	m.pattern = (struct doc_item){reader_pattern(r, name, "name"), reader_source(r, name)};
	for (int i = 0; i < config_setting_length(s); i++)
		read_module_setting(r, &m, config_setting_get_elem(s, (unsigned)i));
	if (!m.pattern.text)
		return;
	grown = arena_grow(r->arena, d->modules, d->n_modules, sizeof(m));
	if (!grown) {
		r->no_memory = true;
		return;
	}
	d->modules = grown;
	d->modules[d->n_modules++] = m;
}

/* Read the setting `modules` into the document; faults are reported and counted. */
void reader_modules(struct reader *r, const config_setting_t *s)
{
	if (!config_setting_is_list(s) || !config_setting_length(s)) {
		reader_fault(r, s, "modules", "expected a list ( { name = …; }, … ), found %s\n",
			     config_setting_is_list(s) ? "an empty one" : reader_found(s));
		return;
	}
	for (int i = 0; i < config_setting_length(s); i++)
		read_module(r, config_setting_get_elem(s, (unsigned)i));
}
