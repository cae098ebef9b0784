/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <limits.h>
#include <string.h>

/*
 * Names and patterns as text: the words of each type, the names of the keys, how specific a pattern
 * is. Separate from policy/open.c, which needs only numbers and runs in the target.
 */

static const char *const all_words[TYPE_N][TYPE_MAX_WORDS] = {
#define X(TYPE, mask, ...) [TYPE_##TYPE] = {__VA_ARGS__},
	POLICY_TYPES(X)
#undef X
};

/*
 * The words that a type admits, loosest first.
 *
 * Return: how many; 0 for a type that is not made of words.
 */
unsigned type_words(enum policy_type type, const char *words[TYPE_MAX_WORDS])
{
	unsigned n = 0;

	for (uint32_t i = 0; i < TYPE_MAX_WORDS; i++)
		if (policy_word_fits(type, i))
			words[n++] = all_words[type][i];
	return n;
}

/* The word that a number stands for; the number fits the type. */
const char *type_word(enum policy_type type, uint32_t number)
{
	return all_words[type][number];
}

/* The number of a word, or -1 where the type does not admit it. */
int type_number(enum policy_type type, const char *word)
{
	for (uint32_t i = 0; i < TYPE_MAX_WORDS; i++)
		if (policy_word_fits(type, i) && !strcmp(all_words[type][i], word))
			return (int)i;
	return -1;
}

/* The key of that name, whatever its type, or -1. */
int key_find(const char *name)
{
	for (int key = 0; key < KEY_N; key++)
		if (!strcmp(policy_key_name((enum policy_key)key), name))
			return key;
	return -1;
}

/* What follows a set that starts at '[', or NULL where nothing closes it; as policy/glob.c. */
static const char *set_end(const char *p)
{
	p += p[1] == '!' || p[1] == '^' ? 2 : 1;
	p = *p ? strchr(p + 1, ']') : NULL;
	return p ? p + 1 : NULL;
}

/* Whether every '[' that is outside a set starts one. */
bool pattern_is_closed(const char *pattern)
{
	for (const char *p = pattern; *p;) {
		p = *p == '[' ? set_end(p) : p + 1;
		if (!p)
			return false;
	}
	return true;
}

/* Characters that stand for themselves outside sets. */
unsigned pattern_literals(const char *pattern)
{
	unsigned n = 0;

	for (const char *p = pattern; *p;) {
		const char *after = *p == '[' ? set_end(p) : NULL;

		n += !after && *p != '*' && *p != '?';
		p = after ? after : p + 1;
	}
	return n;
}

/* Whether a pattern matches one string only. */
bool pattern_is_exact(const char *pattern)
{
	return pattern_literals(pattern) == strlen(pattern);
}

/* How specific a pattern is: an exact one more than any other, else by its literal characters. */
unsigned pattern_rank(const char *pattern)
{
	return pattern_is_exact(pattern) ? UINT_MAX : pattern_literals(pattern);
}
