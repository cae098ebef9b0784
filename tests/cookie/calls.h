/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include "include/cookiemap.h"

/*
 * Every function that takes a cookie, as a call that works on a fresh region of CALL_BYTES of
 * private anonymous memory, readable and writable. See calls.c.
 */

#define CALL_BYTES (4 * 4096ul)

struct call {
	const char *function;
	cm_ops_t op; /* the right it needs; 0: none */
	int (*make)(cm_t cookie);
};

extern const struct call calls[];
extern const size_t n_calls;

/* Those that take a range, with the values that are good for it. */
struct range_call {
	const char *function;
	int (*make)(cm_t cookie, size_t offset, size_t len);
};

extern const struct range_call range_calls[];
extern const size_t n_range_calls;

/* What calls write to, and nothing else may: see outs_reset(). */
struct outs {
	cm_t cookie;
	void *ptr;
	cm_perm_t perms;
	cm_ops_t ops;
	struct cm_stat stat;
	unsigned char vec[64];
};

extern _Thread_local struct outs outs;

void outs_reset(void);
_Bool outs_untouched(void);
