/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/*
 * Names and patterns as text: the words of each type, sizes, the names of the keys, how specific a
 * pattern is. Separate from policy/open.c, which needs only numbers and runs in the target.
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

/* The pages of so many bytes. Return: 0, or -EINVAL: no whole pages, or more than a size may be. */
int size_of_bytes(uint64_t bytes, uint32_t *pagesp)
{
	if (bytes % SIZE_UNIT_BYTES || bytes / SIZE_UNIT_BYTES > SIZE_MAX_PAGES)
		return -EINVAL;
	*pagesp = (uint32_t)(bytes / SIZE_UNIT_BYTES);
	return 0;
}

static const struct {
	char letter;
	unsigned shift;
} units[] = {{'G', 30}, {'M', 20}, {'K', 10}};

/*
 * The pages of a size as it is written: digits, and perhaps K, M or G.
 *
 * Return: 0, or -EINVAL: none, no whole pages, or more than a size may be.
 */
int size_read(const char *text, uint32_t *pagesp)
{
	uint64_t n = 0;
	unsigned shift = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++) {
		n = 10 * n + (uint64_t)(*text - '0');
		if (n > SIZE_MAX_PAGES * SIZE_UNIT_BYTES)
			return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && !shift; i++)
		if (*text == units[i].letter)
			shift = units[i].shift;
	return text[shift != 0] ? -EINVAL : size_of_bytes(n << shift, pagesp);
}

/* A size as it is written, with the largest unit that divides it. Return: `text`. */
const char *size_text(uint32_t pages, char text[SIZE_TEXT_MAX])
{
	uint64_t bytes = pages * SIZE_UNIT_BYTES;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && bytes; i++)
		if (!(bytes & ((1ull << units[i].shift) - 1))) {
			snprintf(text, SIZE_TEXT_MAX, "%llu%c",
				 (unsigned long long)bytes >> units[i].shift, units[i].letter);
			return text;
		}
	return strcpy(text, "0"); /* all others are whole pages */
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
