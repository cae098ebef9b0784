/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "supervise/sites.h"

/* What the cache of sites holds; see supervise/sitestore.c. */

#define SITESTORE_N_RECORDS 32
#define SITESTORE_N_SITES   256          /* of one record; objects with more are not stored */
#define SITESTORE_MAX_BYTES (256u << 10) /* more than so many records of so many sites take */

/* What tells a file, and its state, from others. */
struct site_identity {
	uint64_t dev;
	uint64_t ino;
	uint64_t size;
	int64_t mtime_s;
	int64_t ctime_s;
	uint32_t mtime_ns;
	uint32_t ctime_ns;
};

/* As it was read: of `n` bytes, 0: empty. */
struct sitestore {
	uint8_t *bytes;
	size_t n;
};

bool sitestore_is_valid(const uint8_t *bytes, size_t n);
void sitestore_seal(uint8_t *bytes, size_t n);
int sitestore_find(const struct sitestore *s, const struct site_identity *id, struct site_list *lp,
		   bool *oldp);
size_t sitestore_put(const struct sitestore *s, const struct site_identity *id,
		     const struct site_list *l, uint8_t *bytes);
