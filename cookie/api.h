/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "cookie/names.h"
#include "include/cookiemap.h"

/* The names are macros for C programs; here they are functions. */
#undef cmmmap
#undef cmsubmap
#undef csubmap
#undef cmgetptr

/*
 * How a library that has the functions serves one that has them as well, so that a process has one
 * table of cookies: the interposer defines __cm_server, libcookiemap asks for it weakly. Functions
 * are only ever added at the end.
 */
struct cookie_calls {
#define X(name, params, args) int(*name) params;
	COOKIE_CALLS(X)
#undef X
};

/* The functions of a library that serves. */
struct cookie_server {
	uint32_t size;       /* of this structure */
	void (*start)(void); /* cookies_start() */
	struct cookie_calls calls;
};

#define API_EXPORT __attribute__((visibility("default")))

extern const struct cookie_calls *cookie_served; /* by whom this library is, or NULL */
