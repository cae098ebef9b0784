/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/host.h"

/*
 * cmstat(3): what a region is made of, piece by piece, without an address.
 *
 * Pages are counted on demand only: mincore(2) says which are in memory, and /proc/self/pagemap
 * which of a private mapping are its own. Whether a page of a shared file has been changed, the
 * kernel tells nobody but smaps, for whole mappings; that is left unknown. What has no file behind
 * it, and is shared, is all changed as far as it is there.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 * Source: mincore(2); Linux 6.18 Documentation/admin-guide/mm/pagemap.rst.
 */

#define BATCH 512

#define PM_PRESENT (1ull << 63)
#define PM_SWAP    (1ull << 62)
#define PM_FILE    (1ull << 61)

static size_t count_resident(struct range range)
{
	unsigned char vec[BATCH];
	size_t n = 0;

	while (range.start < range.end) {
		uint64_t pages = range_len(range) / CM_PAGE;

		if (pages > BATCH)
			pages = BATCH;
		if (sys_raw6(SYS_mincore, (long)range.start, (long)(pages * CM_PAGE), (long)vec, 0,
			     0, 0))
			return CM_STAT_UNKNOWN;
		for (uint64_t i = 0; i < pages; i++)
			n += vec[i] & 1;
		range.start += pages * CM_PAGE;
	}
	return n;
}

static size_t count_own_from(int fd, struct range range)
{
	uint64_t entry[BATCH];
	size_t n = 0;

	while (range.start < range.end) {
		uint64_t pages = range_len(range) / CM_PAGE;
		long r;

		if (pages > BATCH)
			pages = BATCH;
		r = sys_raw6(SYS_pread64, fd, (long)entry, (long)(pages * sizeof(*entry)),
			     (long)(range.start / CM_PAGE * sizeof(*entry)), 0, 0);
		if (r != (long)(pages * sizeof(*entry)))
			return CM_STAT_UNKNOWN;
		for (uint64_t i = 0; i < pages; i++)
			n += entry[i] & (PM_PRESENT | PM_SWAP) && !(entry[i] & PM_FILE);
		range.start += pages * CM_PAGE;
	}
	return n;
}

static size_t count_own(struct range range)
{
	long fd = sys_open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	size_t n;

	if (sys_is_error(fd))
		return CM_STAT_UNKNOWN;
	n = count_own_from((int)fd, range);
	sys_close((int)fd);
	return n;
}

static void count(const struct region *piece, struct cm_stat *st)
{
	bool shared = piece->flags & PIECE_SHARED;

	if (st->kind == CM_KIND_RESERVED) {
		st->resident = 0;
		st->dirty = 0;
		return;
	}
	st->resident = count_resident(piece->range);
	if (!shared)
		st->dirty = count_own(piece->range);
	else if (st->kind != CM_KIND_FILE)
		st->dirty = st->resident;
}

static int flags_of(const struct aim *a, const struct region *piece)
{
	static const struct {
		uint8_t slot;
		int flag;
	} of_region[] = {
		{SLOT_SUPERPAGE, CM_SUPERPAGE}, {SLOT_NOREUSE, CM_NOREUSE}, {SLOT_ALIAS, CM_ALIAS}};
	int kind = piece_kind(piece);
	int flags = piece->flags & PIECE_SHARED ? MAP_SHARED : MAP_PRIVATE;

	if (kind == CM_KIND_RESERVED)
		flags |= CM_RESERVE;
	if (kind == CM_KIND_RESERVED || kind == CM_KIND_ANON)
		flags |= MAP_ANONYMOUS;
	if (piece->flags & PIECE_SHARE)
		flags |= CM_SHARE;
	for (unsigned i = 0; i < 3; i++)
		flags |= a->slot->flags & of_region[i].slot ? of_region[i].flag : 0;
	return flags;
}

static void describe(const struct aim *a, const struct region *piece, struct cm_stat *st)
{
	*st = (struct cm_stat){
		.offset = piece->range.start - a->region.start,
		.len = range_len(piece->range),
		.region_len = range_len(a->region),
		.resident = CM_STAT_UNKNOWN,
		.dirty = CM_STAT_UNKNOWN,
		.prot = piece->prot,
		.max = piece->max_prot,
		.flags = flags_of(a, piece),
		.inherit = piece_inherit(piece),
		.seals = piece->seals,
		.kind = piece_kind(piece),
		.perms = a->slot->perms,
		.ops = a->slot->ops,
	};
}

/* The next piece from an address on; what is not the region's any more is one that is lost. */
static struct region next_piece(const struct aim *a, uint64_t at)
{
	struct range rest = {at, a->region.end};
	struct region piece;

	if (!regions_first(&a->c->pieces, rest, &piece))
		piece = (struct region){.range = rest, .flags = CM_KIND_LOST};
	else if (piece.range.start > at)
		piece = (struct region){.range = {at, piece.range.start}, .flags = CM_KIND_LOST};
	else if (piece_slot(&piece) != a->index)
		piece = (struct region){.range = piece.range, .flags = CM_KIND_LOST};
	piece.range = range_common(piece.range, rest);
	return piece;
}

/* cmstat(3). Return: 0 with *st written, or -errno. */
int cookie_stat(uint64_t caller, cm_t cookie, size_t index, struct cm_stat *st)
{
	size_t left = index & ~CM_STAT_RESIDENT;
	struct region piece;
	struct cm_stat now;
	struct aim a;
	uint64_t at;
	int r = aim_enter(&a, caller, cookie, CM_OP_STAT);

	if (r)
		return r;
	if (!st)
		return aim_leave(&a, -EFAULT);
	for (at = a.region.start; at < a.region.end; at = piece.range.end, left--) {
		piece = next_piece(&a, at);
		if (!left)
			break;
	}
	if (at >= a.region.end)
		return aim_leave(&a, -ENOENT);
	describe(&a, &piece, &now);
	aim_leave(&a, 0);
	if (index & CM_STAT_RESIDENT) /* may take long, and needs no lock */
		count(&piece, &now);
	*st = now;
	return 0;
}
