/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/space.h"

#include <sys/mman.h>
#include "common/seal.h"
#include "common/sys.h"
#include "cookie/host.h"

#if defined(__x86_64__)
#include "common/arch/x86_64/area.h"
#endif

/*
 * Where regions lie, and what becomes of their addresses when they are closed: a pointer that
 * somebody has kept may fault, but not lead into somebody else's memory.
 *
 * Regions come from two areas of address space of their own, small ones from one and large ones
 * from the other. Each is wished for from its one end to the other, so an address is used again
 * only after all others. Nothing is mapped there but live regions, and one page at the start; the
 * kernel does not choose addresses of it by itself. Closing a region is a plain munmap(2).
 *
 * (Measured on Linux 6.18: with a wish a pair of mmap and munmap takes 0.75 of the time that it
 * takes without, since no gap is searched for; without the page at the start, 1.4 to 2.2. To keep
 * what was closed mapped without rights instead, and unmap it later, takes 1.6 to 1.9, and what has
 * been mapped over it meanwhile would be unmapped with it.)
 *
 * Second views lie anywhere in the upper half of the small area, so that where one is does not tell
 * where another is, or the region.
 *
 * Where a program wishes its region elsewhere, or the area's place is taken, the addresses are
 * anybody's afterwards. What is never to be used again stays mapped without rights, and sealed.
 *
 * Context: freestanding; whoever calls holds the lock.
 */

#define SMALL_BYTES (256ull << 30)
#define VIEWS_BYTES (128ull << 30) /* of these, the last */
#define SMALL_MOST  (16ull << 30)  /* no region longer than that is a small one */
#define LARGE_BYTES (24ull << 40)
#define OBSTACLE    (256ull << 20) /* what is skipped where somebody else is */

#define RESERVED_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

static void draw(struct space *s, enum space_area i, uint64_t lowest, uint64_t highest,
		 uint64_t len, uint64_t random)
{
	uint64_t start = lowest + random % ((highest - lowest - len) / CM_PAGE) * CM_PAGE;

	s->area[i] = (struct range){start, start + len};
	s->next[i] = start + CM_PAGE;
	host_call(0, SYS_mmap, (long)start, CM_PAGE, PROT_NONE,
		  RESERVED_FLAGS | MAP_FIXED_NOREPLACE, -1, 0);
}

/* Draws the areas; `random` is of 64 bits each. */
void space_init(struct space *s, const uint64_t random[SPACE_AREAS])
{
	draw(s, SPACE_SMALL, AREA_SMALL_LOWEST, AREA_SMALL_HIGHEST, SMALL_BYTES,
	     random[SPACE_SMALL]);
	draw(s, SPACE_LARGE, AREA_LARGE_LOWEST, AREA_LARGE_HIGHEST, LARGE_BYTES,
	     random[SPACE_LARGE]);
}

/* What of an area regions are laid out in. */
static uint64_t end_of(const struct space *s, enum space_area i)
{
	return s->area[i].end - (i == SPACE_SMALL ? VIEWS_BYTES : 0);
}

/* Where a view of `len` bytes is wished for; `random` is of 64 bits. 0: anywhere. */
uint64_t space_scatter(const struct space *s, uint64_t len, uint64_t random)
{
	uint64_t first = end_of(s, SPACE_SMALL);

	if (len > VIEWS_BYTES / 2)
		return 0;
	return first + random % ((VIEWS_BYTES - len) / CM_PAGE) * CM_PAGE;
}

/*
 * Where a region of `len` bytes is wished for, a multiple of `align`; 0: anywhere, since it is
 * longer than an area. What comes of it is told by space_taken().
 */
uint64_t space_pick(const struct space *s, uint64_t len, uint64_t align)
{
	enum space_area i = len > SMALL_MOST ? SPACE_LARGE : SPACE_SMALL;
	uint64_t at = (s->next[i] + align - 1) & ~(align - 1), size = range_len(s->area[i]);

	if (len > size / 2)
		return 0;
	if (at + len > end_of(s, i))
		at = (s->area[i].start + CM_PAGE + align - 1) & ~(align - 1);
	return at;
}

/*
 * Whether addresses that a program wishes may have been a region's, or a view's, already: in an
 * area all but what has not come yet.
 */
bool space_was_used(const struct space *s, struct range range)
{
	for (int i = 0; i < SPACE_AREAS; i++) {
		struct range fresh = {s->next[i], end_of(s, i)};

		if (range_overlaps(s->area[i], range) &&
		    (s->round[i] || !range_contains(fresh, range)))
			return true;
	}
	return false;
}

/* `wish` was taken, until `end`; 0: by somebody else, nobody knows how far. */
void space_taken(struct space *s, uint64_t wish, uint64_t end)
{
	bool small = range_overlaps(s->area[SPACE_SMALL], (struct range){wish, wish + 1});
	enum space_area i = small ? SPACE_SMALL : SPACE_LARGE;

	s->next[i] = end > wish ? end : wish + OBSTACLE;
	if (s->next[i] < end_of(s, i))
		return;
	s->next[i] = s->area[i].start + CM_PAGE;
	s->round[i] = true;
}

/* Makes a range address space without memory, whatever it was. Return: 0 or -errno. */
long space_reserve(uint64_t caller, struct range range)
{
	long r = host_call(caller, SYS_mmap, (long)range.start, (long)range_len(range), PROT_NONE,
			   MAP_FIXED | RESERVED_FLAGS, -1, 0);

	return sys_is_error(r) ? r : 0;
}

/*
 * Takes all access to a range away, and its memory.
 *
 * Return: 0, or -errno with nothing changed.
 */
long space_close(uint64_t caller, struct range range, bool for_ever)
{
	long r;

	if (!for_ever)
		return host_call(caller, SYS_munmap, (long)range.start, (long)range_len(range), 0,
				 0, 0, 0);
	r = space_reserve(caller, range);
	if (!r)
		host_seal(caller, range, SEAL_ALL);
	return r;
}
