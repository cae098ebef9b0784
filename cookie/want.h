/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "include/cookiemap.h"

/* What a request asks for, checked; see want.c. */
struct want {
	uint64_t len; /* whole pages */
	uint64_t hint;
	uint64_t align;
	uint64_t map_offset;
	int prot;
	int max;
	bool max_said;
	int flags;     /* those of the request */
	int map_flags; /* of mmap(2): MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS … */
	int fd;
	off_t file_offset;
	const char *name;
	bool memfd; /* the memory is an object of its own, for second views */
};

int want_region(struct want *wp, const struct cmreq *req);
int want_submap(struct want *wp, const struct cmreq *req);
