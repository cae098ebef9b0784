/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include "common/seal.h"
#include "interpose/attend.h"
#include "interpose/flip.h"
#include "interpose/gate.h"
#include "interpose/judge.h"
#include "interpose/sealed.h"

long mm_ruled(const struct mm_call *c);
long mm_looked_at(const struct mm_call *c);
long mm_judged(const struct mm_call *c);
long mm_make(const struct mm_call *c);
unsigned mm_deeds(const struct mm_call *c, struct seal_deed deed[SEAL_DEEDS]);
bool mm_segment(const struct mm_call *c, uint64_t addr, struct range *rp);
bool mm_is_as_long(uint64_t addr, uint64_t len);

static inline bool mm_is_protect(long nr)
{
	return nr == SYS_mprotect || nr == SYS_pkey_mprotect;
}

/* Whether a call asks for memory that can be executed. Bits are masked, never compared. */
static inline bool mm_grants_exec(long nr, long c)
{
	switch (nr) {
	case SYS_mmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
	case SYS_remap_file_pages:
		return c & PROT_EXEC;
	case SYS_shmat:
		return c & SHM_EXEC;
	default:
		return false;
	}
}

/*
 * One call of the family, made for the program at `caller`. Ends where it should nearly always: in
 * the gate. Returns what the kernel returned, -errno on failure.
 */
static inline __attribute__((always_inline)) long mm_call6(void *caller, bool direct, long nr,
							   long a, long b, long c, long d, long e,
							   long f)
{
	const struct state *s = state();
	bool asks = s->supervised && mm_grants_exec(nr, c);
	bool discards = nr == SYS_madvise && seal_discards((uint64_t)c) &&
			sealed_touches((uint64_t)a, (uint64_t)b);

	if (__builtin_expect(!s->watch && !s->chained && !asks && !discards, 1) &&
	    !attention_is(~0u)) {
		long r = gate_call6(nr, a, b, c, d, e, f);

		if (__builtin_expect(r != -EPERM, 1))
			return r; /* else: to be held against the seals, and reported */
	}
	return mm_ruled(&(struct mm_call){
		.nr = nr,
		.arg = {(uint64_t)a, (uint64_t)b, (uint64_t)c, (uint64_t)d, (uint64_t)e,
			(uint64_t)f},
		.caller = (uint64_t)caller,
		.direct = direct,
	});
}
