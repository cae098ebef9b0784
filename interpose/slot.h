/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/* Where the stubs (interpose/arch/.../stub.S) find what they read in the state page. */

#define STATE_GATE  0
#define STATE_SLOTS 64

#define SLOT_BACK  0
#define SLOT_TABLE 8
#define SLOT_NR    16
#define SLOT_BYTES 24

#define STUB_FRAME                                                                     \
	136 /* what a stub keeps on the stack: the red zone and where the site goes on \
	     */

#ifndef __ASSEMBLER__

#include <stddef.h>
#include <stdint.h>

struct stub_slot {
	uint64_t back;        /* where the site goes on; 0: no site */
	const uint8_t *table; /* by the lowest byte of the third argument, what a stub does */
	uint32_t nr;
	uint32_t unused;
};

_Static_assert(sizeof(struct stub_slot) == SLOT_BYTES, "the assembly");
_Static_assert(offsetof(struct stub_slot, back) == SLOT_BACK, "the assembly");
_Static_assert(offsetof(struct stub_slot, table) == SLOT_TABLE, "the assembly");
_Static_assert(offsetof(struct stub_slot, nr) == SLOT_NR, "the assembly");

#endif
