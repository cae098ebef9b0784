/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "policy/arena.h"
#include "policy/key.h"
#include "policy/read.h"
#include "policy/type.h"

/*
 * A policy in memory, as one file says it or as several say it together; private to policy/ and
 * cmpolicy. Documents belong to the arena they were made in and are not changed once made.
 */

struct doc_source {
	const char *file; /* a path, or the name of a built-in profile */
	unsigned line;    /* 0: built in */
};

struct doc_item {
	const char *text; /* NULL: not said */
	struct doc_source at;
};

struct doc_list {
	struct doc_item *items;
	size_t n_items;
};

struct doc_value {
	bool set;
	uint32_t word;        /* types made of words; SIZE: pages */
	const char *string;   /* STRING */
	struct doc_list list; /* LIST */
	struct doc_source at;
};

struct doc_override {
	enum policy_key key;
	uint32_t word;
	struct doc_source at;
};

struct doc_module {
	struct doc_item pattern;
	struct doc_override *overrides;
	size_t n_overrides;
};

struct doc {
	const char *name; /* the file's without ".policy" */
	const char *file;
	struct doc_item extends;
	struct doc_list exe;
	struct doc_value values[KEY_N];
	struct doc_module *modules; /* as written, what is extended first */
	size_t n_modules;
};

/* policy/read.c */
int doc_read(struct arena *a, const char *name, const char *file, const char *text, FILE *err,
	     struct doc **docp);
/* policy/load.c */
int doc_load(struct arena *a, const char *path, FILE *err, struct doc **docp);
/* policy/profile.c */
#define N_PROFILES 3
extern const char *const profile_names[N_PROFILES];
int profile_find(const char *name);
int profile_new(struct arena *a, int profile, struct doc **docp);
/* policy/compile.c */
int doc_compile(const struct doc *doc, struct policy_blob *blobp);
/* policy/decode.c */
int doc_decode(struct arena *a, const struct policy *p, struct doc **docp);
/* policy/layer.c */
int doc_layer(struct arena *a, const struct doc *under, const struct doc *over, struct doc **docp);
/* policy/merge.c */
int doc_narrow(struct arena *a, const struct doc *x, const struct doc *y, struct doc **docp);
/* policy/print.c */
void doc_print(FILE *out, const struct doc *doc);
/* policy/words.c */
unsigned type_words(enum policy_type type, const char *words[TYPE_MAX_WORDS]);
const char *type_word(enum policy_type type, uint32_t number);
int type_number(enum policy_type type, const char *word);
int size_read(const char *text, uint32_t *pagesp);
int size_of_bytes(uint64_t bytes, uint32_t *pagesp);
#define SIZE_TEXT_MAX 24
const char *size_text(uint32_t pages, char text[SIZE_TEXT_MAX]);
int key_find(const char *name);
unsigned pattern_literals(const char *pattern);
bool pattern_is_exact(const char *pattern);
bool pattern_is_closed(const char *pattern);
unsigned pattern_rank(const char *pattern);
