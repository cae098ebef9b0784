/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include "supervise/supervisor.h"

/* What a tree starts with; see supervise/start.c. */
struct start {
	struct supervisor supervisor;
	const struct policy
		*policy; /* of the first image: Landlock is drawn around the whole tree */
};

int start_fork(struct start *st, int *sockp);
int start_serve(struct start *st, int sock);
void start_refuse(int sock, int error);
int start_take(int sock);
const char *start_problem(int error);
void start_detach(const int *keep, unsigned n_keep);

/* supervise/landlock.c */
int landlock_make(const struct policy *p);
int landlock_enter(int ruleset);
