/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/range.h"
#include "cookie/table.h"
#include "interpose/names.h"
#include "interpose/stub.h"
#include "policy/eval.h"

/* What a policy asks of the wrappers beyond passing calls on; none of it: a call costs nothing. */
enum watch {
	WATCH_REPLACE = 1 << 0, /* foreign.replace */
	WATCH_UNMAP = 1 << 1,   /* foreign.unmap */
	WATCH_PROTECT = 1 << 2, /* foreign.protect */
	WATCH_FIXED = 1 << 3,   /* fixed.replace */
	WATCH_TABLE = WATCH_REPLACE | WATCH_UNMAP | WATCH_PROTECT | WATCH_FIXED,
	WATCH_SEAL = 1 << 4, /* the kernel does not seal: the wrappers do */
};

enum next {
#define X(name) NEXT_##name,
	INTERPOSE_NEXT_NAMES(X)
#undef X
		NEXT_N,
	NEXT_MM_N = NEXT_execve,     /* the mmap family comes first */
	NEXT_PLAIN_N = NEXT_execvpe, /* then the other bare system calls */
};

struct r_debug;

#define STATE_PATH_MAX 1024

/* A range that was sealed at the end of start-up, and the policy key that wanted it. */
struct sealed {
	uint64_t start;
	uint64_t end;
	uint64_t key;
};

/*
 * Everything the wrappers read. Written by the constructor only, then read-only and sealed; before
 * that all zeroes, which means "pass calls on as they are". See interpose/state.c.
 */
struct state {
	/* what every call reads, in one cache line */
	uint64_t gate;   /* the gate's address; 0: raw system calls */
	unsigned watch;  /* enum watch */
	bool chained;    /* some of the mmap family is defined between the library and libc */
	bool supervised; /* a supervisor answered: callers are told to it */

	/* what the stubs read: interpose/slot.h says where it is */
	_Alignas(STATE_SLOTS) struct stub_slot slot[KIT_SITES];
	struct range libc[KIT_OBJECTS]; /* where it is loaded, if it is patched */

	bool kernel_seals;           /* mseal(2) works */
	bool unsealed;               /* not all of start-up could be sealed */
	unsigned n_sealed;           /* interpose/seal.c */
	const struct sealed *sealed; /* by rising address */
	struct r_debug *debug;       /* ld.so's lists, for what it loads later */

	bool preload; /* exec.preload: what is executed gets the library again */
	struct policy policy;
	struct table table; /* only where `watch` is set */
	/*
	 * The definition of a name that comes after the library's in ld.so's order. NULL for a
	 * bare system call where that is libc's: the library makes the call itself.
	 */
	void *next[NEXT_N];
	char path[STATE_PATH_MAX];   /* the library as LD_PRELOAD should name it */
	char loaded[STATE_PATH_MAX]; /* the library as the program's LD_PRELOAD named it */
};

_Static_assert(offsetof(struct state, gate) == STATE_GATE, "the assembly");
_Static_assert(offsetof(struct state, slot) == STATE_SLOTS, "the assembly");

union state_page {
	struct state s;
	unsigned char page[4096];
};

extern union state_page state_page;

/* Read on every call; the compiler may not copy it over a publication. */
static inline const struct state *state(void)
{
	return &state_page.s;
}

void state_publish(const struct state *s);
