/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/eval.h"

#include <errno.h>
#include "policy/blob.h"
#include "policy/type.h"

/*
 * The door of the evaluator: a blob is looked at once, whole, and never doubted again.
 *
 * Separate from policy/eval.c because everything there relies on what is checked here: counts add
 * up to the size, lists and modules share their sections out without gap or overlap, every string
 * offset lies within the strings, whose last byte is NUL, and every word is one that its key's type
 * admits.
 *
 * The blob must not change afterwards; it is a sealed memfd or memory of the caller's own.
 *
 * Context: anywhere; freestanding: no libc, no allocation.
 */

static const uint8_t key_types[] = {
#define X(ID, name, type, d, s, a) TYPE_##type,
	POLICY_KEYS(X)
#undef X
};

static const uint8_t type_masks[] = {
#define X(TYPE, mask, ...) mask,
	POLICY_TYPES(X)
#undef X
};

/*
 * The type of a key. Return: TYPE_LATER for what is no key.
 *
 * Context: anywhere.
 */
enum policy_type policy_key_type(enum policy_key key)
{
	return (unsigned)key < KEY_N ? (enum policy_type)key_types[key] : TYPE_LATER;
}

/*
 * Whether a number stands for a word of the type. False for types that are not made of words.
 *
 * Context: anywhere.
 */
bool policy_word_fits(enum policy_type type, uint32_t word)
{
	return word < 8 && type_masks[type] >> word & 1;
}

/*
 * Whether a key may be set for one module: those that rule what a known caller does, and what is
 * sealed of it. The others speak of the whole program, of the kernel's interfaces or of calls whose
 * caller nobody knows.
 *
 * Context: anywhere.
 */
bool policy_key_overridable(enum policy_key key)
{
	switch (key) {
	case KEY_WX_MAP:
	case KEY_WX_TRANSITION:
	case KEY_FOREIGN_REPLACE:
	case KEY_FOREIGN_UNMAP:
	case KEY_FOREIGN_PROTECT:
	case KEY_FIXED_REPLACE:
	case KEY_SEAL_TEXT:
	case KEY_SEAL_RELRO:
	case KEY_SEAL_DATA:
	case KEY_SEAL_LATE:
		return true;
	default:
		return false;
	}
}

static bool header_is_sound(const struct blob_header *h, size_t size_bytes)
{
	uint64_t sum = sizeof(*h) + (uint64_t)KEY_N * sizeof(struct blob_value);

	if (h->magic != BLOB_MAGIC || h->version != BLOB_VERSION || h->n_keys != KEY_N)
		return false;
	if (h->n_items > BLOB_MAX_ITEMS || h->n_modules > BLOB_MAX_MODULES ||
	    h->n_overrides > BLOB_MAX_ITEMS || h->strings_bytes > BLOB_MAX_BYTES)
		return false;
	sum += h->n_items * sizeof(struct blob_item);
	sum += h->n_modules * sizeof(struct blob_module);
	sum += h->n_overrides * sizeof(struct blob_override);
	sum += h->strings_bytes;
	return h->size_bytes == size_bytes && sum == size_bytes;
}

/* No control characters: what comes from here is shown in lines that others read. */
static bool strings_are_sound(const struct blob_header *h)
{
	if (!h->strings_bytes || *blob_string(h, 0) || *blob_string(h, h->strings_bytes - 1))
		return false;
	for (uint32_t i = 0; i < h->strings_bytes; i++) {
		unsigned char c = (unsigned char)*blob_string(h, i);

		if ((c && c < 0x20) || c == 0x7f)
			return false;
	}
	return h->name < h->strings_bytes;
}

static bool source_is_sound(const struct blob_header *h, const struct blob_source *at)
{
	return at->file < h->strings_bytes;
}

/* A string that must say something: not out of the section and not empty. */
static bool text_is_sound(const struct blob_header *h, uint32_t offset)
{
	return offset < h->strings_bytes && *blob_string(h, offset);
}

/* Counts the items used in *usedp, so that no two lists share one. */
static bool value_is_sound(const struct blob_header *h, enum policy_key key, uint32_t *usedp)
{
	const struct blob_value *v = &blob_values(h)[key];
	enum policy_type type = policy_key_type(key);

	if (!source_is_sound(h, &v->at))
		return false;
	switch (type) {
	case TYPE_LATER:
		return !v->word && !v->count;
	case TYPE_LIST:
		if (v->word != *usedp || v->count > h->n_items - *usedp)
			return false;
		*usedp += v->count;
		return true;
	case TYPE_STRING:
		return !v->count && text_is_sound(h, v->word);
	case TYPE_SIZE:
		return !v->count && v->word <= SIZE_MAX_PAGES;
	default:
		return !v->count && policy_word_fits(type, v->word);
	}
}

static bool values_are_sound(const struct blob_header *h)
{
	uint32_t used = 0;

	for (unsigned key = 0; key < KEY_N; key++)
		if (!value_is_sound(h, (enum policy_key)key, &used))
			return false;
	return used == h->n_items;
}

static bool items_are_sound(const struct blob_header *h)
{
	const struct blob_item *items = blob_items(h);

	for (uint32_t i = 0; i < h->n_items; i++)
		if (!text_is_sound(h, items[i].text) || !source_is_sound(h, &items[i].at))
			return false;
	return true;
}

static bool modules_are_sound(const struct blob_header *h)
{
	const struct blob_module *m = blob_modules(h);
	uint32_t used = 0;

	for (uint32_t i = 0; i < h->n_modules; i++) {
		if (!text_is_sound(h, m[i].pattern) || !source_is_sound(h, &m[i].at) ||
		    m[i].first != used || m[i].count > h->n_overrides - used)
			return false;
		used += m[i].count;
	}
	return used == h->n_overrides;
}

static bool overrides_are_sound(const struct blob_header *h)
{
	const struct blob_override *o = blob_overrides(h);

	for (uint32_t i = 0; i < h->n_overrides; i++) {
		enum policy_key key = (enum policy_key)o[i].key;

		if (!policy_key_overridable(key) || !source_is_sound(h, &o[i].at) ||
		    !policy_word_fits(policy_key_type(key), o[i].word))
			return false;
	}
	return true;
}

/*
 * Make a policy of a blob, which stays the caller's and must outlive it, unchanged. The blob is
 * aligned to 4 bytes; size_bytes is its exact size.
 *
 * Context: anywhere.
 * Return: 0 and *pp written; -EINVAL: not a blob of this version, or damaged.
 */
int policy_open(struct policy *pp, const void *blob, size_t size_bytes)
{
	const struct blob_header *h = (const struct blob_header *)blob;

	if ((uintptr_t)blob % 4 || size_bytes < sizeof(*h) || size_bytes > BLOB_MAX_BYTES ||
	    size_bytes % 4)
		return -EINVAL;
	if (!header_is_sound(h, size_bytes) ||
	    h->checksum != blob_checksum(blob, (uint32_t)size_bytes) || !strings_are_sound(h) ||
	    !values_are_sound(h) || !items_are_sound(h) || !modules_are_sound(h) ||
	    !overrides_are_sound(h))
		return -EINVAL;
	pp->blob = blob;
	pp->size_bytes = size_bytes;
	return 0;
}
