/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"

/* Where regions lie, and what becomes of their addresses afterwards; see space.c. */

enum space_area { SPACE_SMALL, SPACE_LARGE, SPACE_AREAS };

struct space {
	struct range area[SPACE_AREAS];
	uint64_t next[SPACE_AREAS]; /* where in the area the next region goes */
	bool round[SPACE_AREAS];    /* it has come to the end, and begun again */
};

void space_init(struct space *s, const uint64_t random[SPACE_AREAS]);
uint64_t space_pick(const struct space *s, uint64_t len, uint64_t align);
uint64_t space_scatter(const struct space *s, uint64_t len, uint64_t random);
bool space_was_used(const struct space *s, struct range range);
void space_taken(struct space *s, uint64_t wish, uint64_t end);
long space_close(uint64_t caller, struct range range, bool for_ever);
long space_reserve(uint64_t caller, struct range range);

/* Whether a range has addresses of an area, mapped or not. */
static inline bool space_holds(const struct space *s, struct range range)
{
	return range_overlaps(s->area[SPACE_SMALL], range) ||
	       range_overlaps(s->area[SPACE_LARGE], range);
}
