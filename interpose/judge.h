/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"
#include "interpose/module.h"

/* How a call is made that has been held against the seals; see interpose/sealed.c. */
enum sealed_way {
	SEALED_NOT,       /* nothing forbids it */
	SEALED_RAW,       /* nobody can tell just now: the supervisor is to judge it */
	SEALED_DOWNGRADE, /* it may take rights away, and the supervisor sees whether it does */
};

/* A call of the family, and who made it. */
struct mm_call {
	long nr;
	uint64_t arg[6];
	uint64_t caller; /* return address in the program */
	bool direct;     /* made as a system call: nobody else's wrapper is meant */
	uint64_t entry;  /* of the gate's page, if it asks for execution; 0: the main one */
	enum sealed_way way;
	bool cookie; /* made by the C interface, for what a cookie names */
};

#define JUDGE_GAPS 16

/* Address space that a replacing call claimed before it knew what lies there. */
struct judge_claims {
	struct range at[JUDGE_GAPS];
	unsigned n;
};

int judge_unmap(const struct mm_call *c, struct range range);
int judge_protect(const struct mm_call *c, struct range range);
int judge_replace(const struct mm_call *c, struct range range, struct judge_claims *claims);
void judge_release(struct judge_claims *claims);
const struct module *judge_caller(const struct mm_call *c);
uint32_t judge_owner(const struct mm_call *c);
_Noreturn void judge_die(void);
