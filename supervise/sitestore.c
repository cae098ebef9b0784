/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/sitestore.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

/*
 * The bytes of the cache of sites: a header, and behind it at most
 * SITESTORE_N_RECORDS records, the one used
 * last in front. A record is what one file's patchable sites are, and is found by the file's
 * identity.
 *
 * Separate from what reads and writes it, because nothing in it is believed: any process of the
 * user's may have written it. The checksum tells damage, not malice; lengths are checked, sites lie
 * in the file and are of calls that may be patched.
 */

#define MAGIC   0x7365746973706d63 /* "cmpsites" */
#define VERSION 1                  /* also raised when sites_find() gives other answers */

struct header {
	uint64_t magic;
	uint32_t version;
	uint32_t n_records;
	uint64_t checksum; /* of all bytes, itself taken for 0 */
};

/* Behind it stand its entries. */
struct record {
	struct site_identity identity;
	uint32_t n_sites;
	uint32_t zero;
};

struct entry {
	uint64_t offset;
	uint64_t addr;
	int32_t nr;
	uint32_t zero;
};

/* FNV-1a; source: draft-eastlake-fnv. No single changed byte leaves it as it was. */
static uint64_t checksum(const uint8_t *bytes, size_t n)
{
	const size_t at = offsetof(struct header, checksum);
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (i - at < sizeof(h) ? 0 : bytes[i])) * 0x100000001b3;
	return h;
}

static size_t record_bytes(const struct record *r)
{
	return sizeof(*r) + r->n_sites * sizeof(struct entry);
}

_Static_assert(sizeof(struct header) +
			       SITESTORE_N_RECORDS * (sizeof(struct record) +
						      SITESTORE_N_SITES * sizeof(struct entry)) <=
		       SITESTORE_MAX_BYTES,
	       "a full store has room");

/* Fills in the checksum of what begins with a header. */
void sitestore_seal(uint8_t *bytes, size_t n)
{
	struct header h;

	memcpy(&h, bytes, sizeof(h));
	h.checksum = checksum(bytes, n);
	memcpy(bytes, &h, sizeof(h));
}

/* Whether the bytes are a store, whole: its records are in their places and fill it exactly. What
 * they tell may still be nonsense. */
bool sitestore_is_valid(const uint8_t *bytes, size_t n)
{
	struct header h;
	struct record r;
	size_t at = sizeof(h);

	if (n < sizeof(h))
		return false;
	memcpy(&h, bytes, sizeof(h));
	if (h.magic != MAGIC || h.version != VERSION || h.n_records > SITESTORE_N_RECORDS ||
	    h.checksum != checksum(bytes, n))
		return false;
	for (uint32_t i = 0; i < h.n_records; i++) {
		if (n - at < sizeof(r))
			return false;
		memcpy(&r, bytes + at, sizeof(r));
		if (r.n_sites > SITESTORE_N_SITES || n - at < record_bytes(&r))
			return false;
		at += record_bytes(&r);
	}
	return at == n;
}

/* The record of a file in a valid store, NULL if there is none; *indexp: how many stand before it.
 */
static const uint8_t *find_record(const struct sitestore *s, const struct site_identity *id,
				  uint32_t *indexp)
{
	struct header h = {0};
	struct record r;
	size_t at = sizeof(h);

	if (s->n)
		memcpy(&h, s->bytes, sizeof(h));
	for (uint32_t i = 0; i < h.n_records; i++) {
		memcpy(&r, s->bytes + at, sizeof(r));
		if (!memcmp(&r.identity, id, sizeof(*id))) {
			*indexp = i;
			return s->bytes + at;
		}
		at += record_bytes(&r);
	}
	return NULL;
}

static bool is_site(const struct entry *e, const struct entry *last, uint64_t file_bytes)
{
	return e->offset >= SITE_MOV_SIZE && e->offset <= file_bytes - 2 &&
	       (!last || (e->offset > last->offset && e->offset - last->offset >= SITE_SIZE)) &&
	       e->addr >= SITE_MOV_SIZE && site_is_call(e->nr);
}

/*
 * The sites that a record tells. Return: 0 and *lp written, -EINVAL they cannot be those of such a
 * file, or -ENOMEM.
 */
static int decode(const uint8_t *bytes, struct site_list *lp)
{
	struct entry e, last;
	struct site_list l = {0};
	struct record r;
	int err = 0;

	memcpy(&r, bytes, sizeof(r));
	for (uint32_t i = 0; !err && i < r.n_sites; i++) {
		memcpy(&e, bytes + sizeof(r) + i * sizeof(e), sizeof(e));
		if (r.identity.size < SITE_SIZE || !is_site(&e, i ? &last : NULL, r.identity.size))
			err = -EINVAL;
		else
			err = site_list_add(&l, &(struct site){.offset = e.offset,
							       .addr = e.addr,
							       .nr = e.nr,
							       .kind = SITE_SYSCALL,
							       .patchable = true});
		last = e;
	}
	if (err)
		site_list_deinit(&l);
	else
		*lp = l;
	return err;
}

/*
 * The sites of a file as a valid store tells them: where they can be. *lp is the caller's to
 * deinit; *oldp: the record is one of the back half, so that it is time to put it in front.
 * Return: 0 and both written, -ENOENT there is none, -EINVAL it cannot be of such a file, -ENOMEM.
 */
int sitestore_find(const struct sitestore *s, const struct site_identity *id, struct site_list *lp,
		   bool *oldp)
{
	uint32_t index = 0;
	const uint8_t *record = find_record(s, id, &index);
	int r = record ? decode(record, lp) : -ENOENT;

	if (!r)
		*oldp = index >= SITESTORE_N_RECORDS / 2;
	return r;
}

static void encode(const struct site_identity *id, const struct site_list *l, uint8_t *bytes)
{
	struct record r = {.identity = *id, .n_sites = (uint32_t)l->n};

	memcpy(bytes, &r, sizeof(r));
	for (size_t i = 0; i < l->n; i++) {
		struct entry e = {l->at[i].offset, l->at[i].addr, l->at[i].nr, 0};

		memcpy(bytes + sizeof(r) + i * sizeof(e), &e, sizeof(e));
	}
}

/*
 * A valid store with a record in front; another one of the same file, and the one used longest ago
 * if there is no room, are left out. The list has at most SITESTORE_N_SITES, `bytes` room for
 * SITESTORE_MAX_BYTES. Return: how many bytes it is.
 */
size_t sitestore_put(const struct sitestore *s, const struct site_identity *id,
		     const struct site_list *l, uint8_t *bytes)
{
	struct header h = {.magic = MAGIC, .version = VERSION, .n_records = 1}, was = {0};
	size_t n = sizeof(h) + sizeof(struct record) + l->n * sizeof(struct entry), at = sizeof(h);
	struct record r;

	encode(id, l, bytes + sizeof(h));
	if (s->n)
		memcpy(&was, s->bytes, sizeof(was));
	for (uint32_t i = 0; i < was.n_records; i++, at += record_bytes(&r)) {
		memcpy(&r, s->bytes + at, sizeof(r));
		if (h.n_records == SITESTORE_N_RECORDS || !memcmp(&r.identity, id, sizeof(*id)))
			continue;
		memcpy(bytes + n, s->bytes + at, record_bytes(&r));
		n += record_bytes(&r);
		h.n_records++;
	}
	memcpy(bytes, &h, sizeof(h));
	sitestore_seal(bytes, n);
	return n;
}
