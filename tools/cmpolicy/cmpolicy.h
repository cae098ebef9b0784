/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "policy/set.h"

/* Exit statuses, as in cmpolicy(1). */
enum { EXIT_FINE, EXIT_POLICY, EXIT_USAGE };

/* What the command line said. */
struct request {
	char **args; /* without options */
	int n_args;
	const char *profile; /* --profile, or NULL */
	const char *output;  /* -o, or NULL */
};

struct verb {
	const char *name;
	int (*run)(struct policy_set *set, const struct request *q); /* exit status */
	int min_args, max_args;
	bool takes_profile, takes_output;
};

int verb_check(struct policy_set *set, const struct request *q);
int verb_show(struct policy_set *set, const struct request *q);
int verb_explain(struct policy_set *set, const struct request *q);
int verb_list(struct policy_set *set, const struct request *q);
int verb_compile(struct policy_set *set, const struct request *q);

int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
