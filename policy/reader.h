/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <libconfig.h>
#include "policy/doc.h"

/* A text on its way to a document; shared by policy/read.c and policy/read_module.c. */
struct reader {
	struct arena *arena;
	struct doc *doc;
	const char *text;
	FILE *err;
	unsigned n_faults;
	bool no_memory;
};

#define MAX_KEY_NAME 128

void reader_fault(struct reader *r, const config_setting_t *s, const char *key, const char *text,
		  ...) __attribute__((format(printf, 4, 5)));
void reader_fault_unknown(struct reader *r, const config_setting_t *s, const char *name);
void reader_put_words(FILE *out, const char *const *words, size_t n);
const char *reader_found(const config_setting_t *s);
struct doc_source reader_source(const struct reader *r, const config_setting_t *s);

void reader_full_name(char out[MAX_KEY_NAME], const config_setting_t *group,
		      const config_setting_t *s);
bool reader_is_group_name(const char *name);
const char *reader_pattern(struct reader *r, const config_setting_t *s, const char *key);
void reader_word(struct reader *r, const config_setting_t *s, const char *key,
		 enum policy_type type, uint32_t *wordp);
void reader_modules(struct reader *r, const config_setting_t *s);
