/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "policy/eval.h"

/* A compiled policy of one's own: malloc'ed, position-independent, ready for policy_open(). */
struct policy_blob {
	void *data;
	size_t size_bytes;
};

/* Where policy files are looked for; NULL: there is no such folder. See policy/set.c. */
struct policy_dirs {
	const char *shipped; /* PREFIX/share/cookiemap/policy.d, found from the running program */
	const char *
		admin; /* /etc/cookiemap/policy.d: a file of the same name replaces a shipped one */
	const char *user; /* $XDG_CONFIG_HOME/cookiemap/policy.d: may only tighten */
};

struct policy_set; /* every file of the folders, read and checked */

/* Errors go to `err` as complete lines ("file:line: …"), and the call returns -EINVAL (or the
 * errno of a file that cannot be read). Nothing is written to an out-parameter then. */
int policy_set_new(struct policy_set **setp, const struct policy_dirs *dirs, FILE *err);
void policy_set_free(struct policy_set *set);

int policy_set_find(struct policy_set *set, const char *exe, struct policy_blob *blobp, FILE *err);
int policy_set_profile(struct policy_set *set, const char *profile, struct policy_blob *blobp,
		       FILE *err);
int policy_set_file(struct policy_set *set, const char *path, struct policy_blob *blobp, FILE *err);

int policy_narrow(const struct policy *a, const struct policy *b, struct policy_blob *blobp);
void policy_blob_deinit(struct policy_blob *blob);
