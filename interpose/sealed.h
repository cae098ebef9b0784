/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"
#include "common/seal.h"
#include "cookie/table.h"
#include "interpose/judge.h"

/* Seals of what a call takes from its place, between sealed_take() and sealed_settle(). */
struct sealed_taken {
	struct region region[SEAL_DEEDS * TABLE_TAKE];
	unsigned n;
	bool left; /* some were too many, and are still in the table */
};

bool sealed_touches(uint64_t addr, uint64_t len);
int sealed_judge(const struct mm_call *c);
void sealed_explain(const struct mm_call *c);
int sealed_add(struct range range, unsigned seals, unsigned key);
int sealed_take(const struct mm_call *c, struct sealed_taken *tp);
void sealed_untell(const struct mm_call *c);
void sealed_settle(const struct mm_call *c, long result, const struct sealed_taken *t);
