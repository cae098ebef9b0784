/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/* Functions that make calls of the family; of a library that is bound to libc past the wrappers. */

typedef void *deep_map(void *, size_t, int, int, int, off_t);
typedef int deep_protect(void *, size_t, int);
typedef int *deep_error(void);

struct deep {
	deep_map *map;
	deep_protect *protect;
	deep_error *error; /* where they leave errno */
};

const struct deep *deep_functions(void);
