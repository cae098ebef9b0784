/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "policy/set.h"

/* A policy made from text, with what it lives in. */
struct box {
	struct policy p;
	struct policy_blob blob;
};

/* Over the profile that it extends, by default "default". */
struct box box_of_text(const char *text);
struct box box_of_profile(const char *profile);
struct box box_of_blob(struct policy_blob blob);
void box_deinit(struct box *box);

/* What the reader says about a text, malloc'ed; "" where it has nothing against it. */
char *faults_of_text(const char *text);

/* Folders of their own, below one that folders_deinit() removes. */
struct folders {
	struct policy_dirs dirs;
	char *root;
};

struct folders folders_new(void);
void folders_deinit(struct folders *f);
void folder_put(const char *folder, const char *name, const char *text);

/* The set of the folders, which must be sound; or what is said against it, malloc'ed. */
struct policy_set *set_of(const struct folders *f);
char *faults_of_set(const struct folders *f);
struct box box_of_exe(struct policy_set *set, const char *exe);
