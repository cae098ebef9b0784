/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "cookie/table.h"
#include "policy/eval.h"

/* What a policy asks of the wrappers beyond passing calls on; none of it: a call costs nothing. */
enum watch {
	WATCH_REPLACE = 1 << 0, /* foreign.replace */
	WATCH_UNMAP = 1 << 1,   /* foreign.unmap */
	WATCH_PROTECT = 1 << 2, /* foreign.protect */
	WATCH_FIXED = 1 << 3,   /* fixed.replace */
};

/* libc's own functions, where a wrapper adds to one and cannot be built on raw calls. */
struct libc_calls {
	int (*execvpe)(const char *, char *const *, char *const *);
	int (*fexecve)(int, char *const *, char *const *);
	int (*posix_spawn)(int *, const char *, const void *, const void *, char *const *,
			   char *const *);
	int (*posix_spawnp)(int *, const char *, const void *, const void *, char *const *,
			    char *const *);
	int (*dlclose)(void *);
};

#define STATE_PATH_MAX 1024

/*
 * Everything the wrappers read. Written by the constructor only, then read-only and sealed; before
 * that all zeroes, which means "pass calls on as they are". See interpose/state.c.
 */
struct state {
	uint64_t gate;   /* the gate's address; 0: raw system calls */
	bool supervised; /* a supervisor answered: callers are told to it */
	bool preload;    /* exec.preload: what is executed gets the library again */
	unsigned watch;  /* enum watch */
	struct policy policy;
	struct table table; /* only where `watch` is set */
	struct libc_calls libc;
	char path[STATE_PATH_MAX];   /* the library as LD_PRELOAD should name it */
	char loaded[STATE_PATH_MAX]; /* the library as the program's LD_PRELOAD named it */
};

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
