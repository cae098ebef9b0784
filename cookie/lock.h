/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* One lock that signal handlers and fork children may meet in any state; see lock.c. */
struct lock {
	_Atomic uint64_t *word;  /* in a page that fork children get zeroed (MADV_WIPEONFORK) */
	_Atomic uint32_t serial; /* in ordinary memory: odd while what is locked is changing */
	_Atomic uint32_t stuck;  /* 1 + the serial at which a waiter gave up; 0: none */
};

enum lock_result {
	LOCKED,           /* entered: lock_leave() must follow */
	LOCK_HELD_BY_US,  /* this thread holds it already: a signal handler interrupted it */
	LOCK_STUCK,       /* another holds it and makes no progress: suspended, or gone for ever */
	LOCK_INTERRUPTED, /* free, but what it protects was copied by fork in the middle of a change
			   */
};

void lock_init(struct lock *l, _Atomic uint64_t *word);
enum lock_result lock_enter(struct lock *l);
void lock_leave(struct lock *l);
