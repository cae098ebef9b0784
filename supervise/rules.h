/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "policy/eval.h"
#include "policy/read.h"

/* A policy in use by images of the tree; equal ones are one. See supervise/rules.c. */
struct rule {
	struct rule *next;
	struct policy policy;
	struct policy_blob blob;
	int memfd; /* sealed copy for the library; made when first asked for, -1 before */
};

#define MAX_RULES 1024

struct rules {
	struct policy_set *set;
	struct rule *all;
	unsigned n_all;
	struct rule *tree;   /* -p or --profile: of every image; NULL: each its own */
	struct rule *nested; /* narrower of all that inner cmruns asked for; NULL: none did */
	bool lineage_counts; /* some policy is inherited, or there is a nested one */
	struct {
		char *exe;
		struct rule *rule;
	} cache[64];
};

int rules_init(struct rules *r, struct policy_set *set, struct policy_blob *tree);
struct rule *rules_for(struct rules *r, const char *exe);
struct rule *rules_narrow(struct rules *r, struct rule *a, struct rule *b);
struct rule *rules_tightest(struct rules *r, struct rule *own);
struct rule *rules_add(struct rules *r, struct policy_blob *blob);
int rule_memfd(struct rule *r);
