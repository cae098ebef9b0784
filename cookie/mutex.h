/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* What lies in a page that every fork child finds zeroed (MADV_WIPEONFORK). */
struct mutex_page {
	_Atomic uint64_t word;  /* 0 free, else the holder; see mutex.c */
	_Atomic uint32_t known; /* 0: nobody in this process has been here since it was forked */
};

/* A lock for calls that may wait for each other; see mutex.c. */
struct mutex {
	struct mutex_page *page;
	_Atomic uint64_t inside; /* who is changing what is locked; 0: nobody */
};

int mutex_init(struct mutex *m, struct mutex_page *page);
int mutex_enter(struct mutex *m, bool *forkedp);
bool mutex_try(struct mutex *m);
bool mutex_is_own(const struct mutex *m);
void mutex_leave(struct mutex *m);
void mutex_settle(struct mutex *m);
void mutex_is_whole(struct mutex *m);
