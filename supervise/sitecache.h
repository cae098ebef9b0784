/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>
#include "supervise/sites.h"

/* The patchable sites of files, remembered from start to start; see supervise/sitecache.c. */

#define SITECACHE_MAX_FILE_BYTES (4u << 20)

int sites_of_file(int fd, const struct stat *st, struct site_list *lp, bool *cachedp);
