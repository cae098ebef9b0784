/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "policy/key.h"

/*
 * The compiled form of a policy, private to policy/. All fields are 32 bits in the byte order of
 * the machine: a blob is made and read on the same one.
 *
 *   header
 *   value[KEY_N]           one for each key, in the order of POLICY_KEYS
 *   item[n_items]          entries of the lists
 *   module[n_modules]      most specific first; among equals the later written first
 *   override[n_overrides]  what the modules set
 *   strings                NUL-terminated, the last byte is a NUL; offset 0 is the empty string
 *
 * Every section starts where the one before it ends, lists take the items one after the other and
 * modules the overrides, with none shared and none left over: there is no offset to forge but those
 * into the strings. BLOB_VERSION changes with the layout and with POLICY_KEYS.
 */

#define BLOB_MAGIC   0x424d4b43u /* "CKMB" */
#define BLOB_VERSION 5u

/* A program may hand in a blob to be narrowed: the limits bound the time that takes. */
#define BLOB_MAX_BYTES   (128u << 10)
#define BLOB_MAX_ITEMS   1024u /* also of overrides */
#define BLOB_MAX_MODULES 128u

struct blob_header {
	uint32_t magic;
	uint32_t version;
	uint32_t size_bytes; /* of the whole blob */
	uint32_t checksum;   /* blob_checksum() */
	uint32_t n_keys;     /* KEY_N of the writer */
	uint32_t n_items;
	uint32_t n_modules;
	uint32_t n_overrides;
	uint32_t strings_bytes;
	uint32_t name; /* string: what the policy is called */
};

struct blob_source {
	uint32_t file; /* string */
	uint32_t line;
};

struct blob_value {
	uint32_t word;  /* number of the word; STRING: string; LIST: first item; SIZE: pages */
	uint32_t count; /* LIST: items; otherwise 0 */
	struct blob_source at;
};

struct blob_item {
	uint32_t text; /* string, never empty */
	struct blob_source at;
};

struct blob_module {
	uint32_t pattern; /* string, never empty */
	uint32_t first;   /* override */
	uint32_t count;
	struct blob_source at;
};

struct blob_override {
	uint32_t key;
	uint32_t word;
	struct blob_source at;
};

static inline const struct blob_value *blob_values(const struct blob_header *h)
{
	return (const struct blob_value *)(h + 1);
}

static inline const struct blob_item *blob_items(const struct blob_header *h)
{
	return (const struct blob_item *)(blob_values(h) + KEY_N);
}

static inline const struct blob_module *blob_modules(const struct blob_header *h)
{
	return (const struct blob_module *)(blob_items(h) + h->n_items);
}

static inline const struct blob_override *blob_overrides(const struct blob_header *h)
{
	return (const struct blob_override *)(blob_modules(h) + h->n_modules);
}

static inline const char *blob_string(const struct blob_header *h, uint32_t offset)
{
	return (const char *)(blob_overrides(h) + h->n_overrides) + offset;
}

/*
 * FNV-1a over the blob's 32-bit words, its own field left out. It finds accidents, not forgeries:
 * whoever can write a blob can sum it. Source: Fowler, Noll, Vo; draft-eastlake-fnv.
 */
static inline uint32_t blob_checksum(const void *blob, uint32_t size_bytes)
{
	const uint32_t *words = (const uint32_t *)blob;
	uint32_t sum = 2166136261u;

	for (uint32_t i = 0; i < size_bytes / 4; i++)
		if (i != offsetof(struct blob_header, checksum) / 4)
			sum = (sum ^ words[i]) * 16777619u;
	return sum;
}
