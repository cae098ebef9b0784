/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "policy/doc.h"

/* The documents that one layer of folders holds, sorted by name; policy/folder.c. */
struct layer {
	struct doc **docs;
	size_t n_docs;
};

/* The set as documents, private to policy/ and cmpolicy; see policy/set.c. */
struct policy_set {
	struct arena arena;
	struct doc *profiles[N_PROFILES];
	struct layer system; /* shipped and the administrator's */
	struct layer user;
};

/* Which file of a layer is for a program, by which of its patterns. doc is NULL: none. */
struct set_match {
	const struct doc *doc;
	const struct doc_item *pattern;
};

int folder_read(struct arena *a, const char *path, struct layer *layer, FILE *err);

int set_match(const struct layer *layer, const char *exe, FILE *err, struct set_match *mp);
int set_exe(const struct policy_set *set, struct arena *a, const char *exe, FILE *err,
	    struct doc **docp);
int set_profile(const struct policy_set *set, const char *profile, FILE *err, struct doc **docp);
int set_file(const struct policy_set *set, struct arena *a, const char *path, FILE *err,
	     struct doc **docp);
