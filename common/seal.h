/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"

/* Seals, as include/cookiemap.h gives them to programs; see common/seal.c. */
enum seal {
	SEAL_PROT = 0x01,
	SEAL_UNMAP = 0x02,
	SEAL_REPLACE = 0x04,
	SEAL_MOVE = 0x08,
	SEAL_DISCARD = 0x10,
	SEAL_DOWNGRADE = 0x20,
	SEAL_ALL = 0x1f,
	SEAL_KNOWN = 0x3f,
	/* what mseal(2) keeps; beyond it, it keeps the content of some memory only */
	SEAL_KERNEL = SEAL_PROT | SEAL_UNMAP | SEAL_REPLACE | SEAL_MOVE,
};

/* What a call of the family does to a range of addresses. */
struct seal_deed {
	struct range range;
	uint8_t seal; /* the one that forbids it; SEAL_DOWNGRADE may as well */
	uint8_t prot; /* with SEAL_PROT: the protection asked for */
};

#define SEAL_DEEDS 2 /* no call does more */

unsigned seal_deeds(long nr, const uint64_t args[6], struct seal_deed deed[SEAL_DEEDS]);
bool seal_discards(uint64_t advice);

/* Whether these seals forbid a deed to memory with the protection `prot`. */
static inline bool seal_forbids(unsigned seals, const struct seal_deed *d, unsigned prot)
{
	if (seals & d->seal)
		return true;
	if (!(seals & SEAL_DOWNGRADE) || d->seal == SEAL_UNMAP)
		return false;
	return d->seal != SEAL_PROT || d->prot & ~prot & 7;
}
