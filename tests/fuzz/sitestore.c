/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The cache of sites as any process of the user's may write it: as it is, and with the magic
 * number, version and checksum that fit, so that the corpus does not age. What is told of a file
 * could be true of one of that size, and what is put into a store is in it.
 */

#include <stdlib.h>
#include <string.h>
#include "supervise/sitestore.h"
#include "tests/fuzz/fuzz.h"

#define HEADER       24
#define N_RECORDS_AT 12 /* behind magic number and version */

static void check_list(const struct site_list *l, uint64_t size)
{
	MUST(l->n <= SITESTORE_N_SITES);
	for (size_t i = 0; i < l->n; i++) {
		const struct site *s = l->at + i;

		MUST(s->patchable && s->kind == SITE_SYSCALL && site_is_call(s->nr));
		MUST(s->offset >= SITE_MOV_SIZE && s->offset < size && size - s->offset >= 2);
		MUST(!i || s->offset >= s[-1].offset + SITE_SIZE);
	}
}

static void check_found(const struct sitestore *s, const struct site_identity *id)
{
	struct site_list l;
	bool old;

	if (sitestore_find(s, id, &l, &old) < 0)
		return;
	check_list(&l, id->size);
	site_list_deinit(&l);
}

/* Puts something in front, and finds it there. */
static void check_put(const struct sitestore *s, const struct site_identity *id)
{
	static struct site sites[] = {{.offset = 9, .addr = 99, .nr = 9},
				      {.offset = 20, .addr = 110, .nr = 11}};
	uint8_t *bytes = malloc(SITESTORE_MAX_BYTES);
	struct sitestore more = {bytes, 0};
	struct site_identity key = *id;
	struct site_list l;
	bool old;

	key.size = 22;
	more.n = sitestore_put(s, &key, &(struct site_list){sites, 2}, bytes);
	MUST(more.n <= SITESTORE_MAX_BYTES && sitestore_is_valid(bytes, more.n));
	MUST(!sitestore_find(&more, &key, &l, &old));
	MUST(l.n == 2 && l.at[1].addr == 110 && l.at[1].nr == 11 && !old);
	site_list_deinit(&l);
	free(bytes);
}

static void check(uint8_t *bytes, size_t n)
{
	struct sitestore s = {bytes, n};
	struct site_identity id = {0};

	if (!sitestore_is_valid(bytes, n))
		return;
	check_put(&s, &id);
	for (size_t at = HEADER; at + sizeof(id) <= n; at += 8) { /* wherever a record may be */
		memcpy(&id, bytes + at, sizeof(id));
		check_found(&s, &id);
	}
	check_put(&s, &id);
}

/* Makes it one of ours, but for the records and their number. */
static void own(uint8_t *bytes, size_t n)
{
	uint8_t store[256];

	sitestore_put(&(struct sitestore){0}, &(struct site_identity){0}, &(struct site_list){0},
		      store);
	memcpy(bytes, store, N_RECORDS_AT);
	sitestore_seal(bytes, n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *bytes = malloc(size ? size : 1); /* exactly sized: a byte too far is found */

	memcpy(bytes, data, size);
	check(bytes, size);
	if (size >= HEADER) {
		own(bytes, size);
		check(bytes, size);
	}
	free(bytes);
	return 0;
}
