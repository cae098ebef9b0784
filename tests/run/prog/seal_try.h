/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "seal_call.h"

/* Every call that a seal is about, made on one page; see seal_try.c. */
struct seal_try {
	const char *name;
	long (*call)(char *at);
	int prot, flags; /* of the memory that it is tried on */
};

#define MARK    0x5a /* what every byte of the memory holds */
#define N_TRIES 25

extern const struct seal_try seal_tries[N_TRIES];

void seal_try_init(enum way by);
char *pages_new(size_t n, int prot, int flags);
_Noreturn void broken(const char *what);
