/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "include/cookiemap.h"

/* The functions as one party of a process sees them; see module.c. */
struct module {
	int (*make)(size_t len, cm_t *cookiep);
	int (*at)(cm_t cookie, void **ptrp);
	int (*protect)(cm_t cookie, size_t offset, size_t len, int prot);
	int (*close)(cm_t cookie, int flags);
	int (*error)(void); /* errno: another namespace has another */
};

extern const struct module module;
