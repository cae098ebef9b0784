/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/range.h"
#include "common/seal.h"
#include "policy/key.h"

/* A stretch of a process's memory, and what may not be done to it. */
struct seal_piece {
	struct range range;
	uint8_t seals; /* enum seal, by policy */
	uint8_t own;   /* and those that the program has asked for itself */
	uint8_t key;   /* enum policy_key that `seals` are by; KEY_NONE where there are none */
};

/* The sealed memory of an image, as far as the supervisor has to keep it; see supervise/seals.c. */
struct seals {
	struct seal_piece *at; /* ascending, apart */
	size_t n;
	size_t room;
};

#define SEALS_MAX 16384 /* a fork copies them */

int seals_add(struct seals *s, struct range range, unsigned seals, enum policy_key key);
void seals_clear(struct seals *s, const struct seal_deed *d);
const struct seal_piece *seals_find(const struct seals *s, const struct seal_deed *d,
				    const struct seal_piece *from);
bool seals_cover(const struct seals *s, struct range r);
void seals_deinit(struct seals *s);
