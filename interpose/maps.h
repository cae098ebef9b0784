/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/range.h"

#define MAPS_PATH_MAX 4096 /* PATH_MAX; a longer name is cut */

/* One line of /proc/self/maps. */
struct maps_entry {
	struct range range;
	uint8_t prot; /* PROT_READ | PROT_WRITE | PROT_EXEC */
	bool shared;
	uint64_t inode;   /* 0: not a file */
	const char *path; /* in the line, not NUL-terminated; NULL where there is none */
	size_t path_len;
};

int maps_parse(const char *line, size_t len, struct maps_entry *ep);

/* Gets every entry; anything but 0 ends the walk and is returned. */
typedef int (*maps_fn)(void *arg, const struct maps_entry *e);

int maps_walk(char *buf, size_t size, maps_fn fn, void *arg);
