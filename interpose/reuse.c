/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/reuse.h"

#include <sys/mman.h>
#include "interpose/arena.h"
#include "interpose/gate.h"
#include "interpose/forbid.h"

/*
 * reuse.quarantine: addresses that were unmapped are not mapped again until so many more bytes
 * were.
 *
 * Nothing is kept mapped for that. What the kernel is free to place is placed by a cursor that goes
 * through an area of address space from its one end to the other, again and again. That costs less
 * than to let the kernel choose, since it need not look for a gap: 0.8 of the time of a pair of
 * mmap and munmap on Linux 6.18, as long as something is mapped near by, so that page tables are
 * not freed and made again with each pair. That is a page without rights at the start of each GiB.
 *
 * When the cursor comes round, it may meet what was unmapped a moment ago. So each segment of the
 * area has a stamp: how many bytes had been mapped when something of it was unmapped, or when the
 * cursor left it. Nothing is placed in a segment whose stamp is too young. What lies behind the
 * cursor in the segment where it is needs no stamp until it leaves.
 *
 * Where all of the area is used or quarantined, and for mappings longer than MOST, the kernel
 * chooses.
 *
 * The area lies below where the kernel starts to lay out libraries, as the gate does
 * (supervise/gate.c), and above all that is wished for there.
 *
 * Context: anywhere after start-up. No locks: the cursor moves by compare-and-exchange, and a slice
 * that it has passed belongs to who moved it.
 */

#if defined(__x86_64__)
#define AREA_START 0x7eec00000000ull
#else
#error "no area for this architecture yet"
#endif
#define AREA_END      (AREA_START + (64ull << 30))
#define MOST          (8ull << 30)
#define SEGMENT_BYTES (16ull << 20)
#define N_SEGMENTS    ((AREA_END - AREA_START) / SEGMENT_BYTES)
#define ANCHOR_EVERY  (1ull << 30)
#define SUPERPAGE     (2ull << 20)
#define SKIPS         6 /* an obstacle is skipped by 1, 2, 4 ... segments, up to 2^SKIPS */

static const struct range whole = {AREA_START, AREA_END};

static struct {
	uint64_t keep;   /* bytes; 0: off */
	uint64_t cursor; /* what lies just before it was used last */
	uint64_t mapped; /* bytes placed so far, plus one */
	uint64_t *stamp; /* `mapped`, for each segment; 0: never */
} reuse;

static inline uint64_t align_up(uint64_t x, uint64_t to)
{
	return (x + to - 1) & ~(to - 1);
}

static inline unsigned segment_of(uint64_t addr)
{
	return (unsigned)((addr - AREA_START) / SEGMENT_BYTES);
}

static inline uint64_t cursor_get(void)
{
	/* in one order with the stamps, for all: see reuse_unmapped() */
	return __atomic_load_n(&reuse.cursor, __ATOMIC_SEQ_CST);
}

static inline bool cursor_move(uint64_t from, uint64_t to)
{
	return __atomic_compare_exchange_n(&reuse.cursor, &from, to, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

static void stamp_put(unsigned segment)
{
	__atomic_store_n(&reuse.stamp[segment], __atomic_load_n(&reuse.mapped, __ATOMIC_RELAXED),
			 __ATOMIC_SEQ_CST);
}

static bool may_use(unsigned segment)
{
	uint64_t stamp = __atomic_load_n(&reuse.stamp[segment], __ATOMIC_SEQ_CST);

	return !stamp || __atomic_load_n(&reuse.mapped, __ATOMIC_RELAXED) - stamp >= reuse.keep;
}

/*
 * Begins, at an address that nobody knows: `keep_bytes` is the policy's.
 *
 * Context: the constructor. Return: false where there is no memory for it.
 */
bool reuse_start(uint64_t keep_bytes)
{
	uint64_t random = 0;

	sys_raw6(SYS_getrandom, (long)&random, sizeof(random), 0, 0, 0, 0);
	reuse.stamp = arena_alloc(N_SEGMENTS * sizeof(*reuse.stamp));
	if (!reuse.stamp)
		return false;
	reuse.mapped = 1;
	reuse.cursor = AREA_START + (1 + random % (range_len(whole) / CM_PAGE - 1)) * CM_PAGE;
	reuse.keep = 2 * keep_bytes; /* what is counted may be more than was asked for */
	return true;
}

bool reuse_is_on(void)
{
	return reuse.keep != 0;
}

/* The first place at or after `at` that a mapping could have as far as its ends are concerned; one
 * that need not be is not laid over a page that is to be the anchor of what follows. */
static uint64_t fit(uint64_t at, uint64_t len, uint64_t align)
{
	uint64_t next = align_up(at + 1, ANCHOR_EVERY);

	if (len < ANCHOR_EVERY / 2 && align_up(at, align) + len > next)
		at = next;
	if (!(at & (ANCHOR_EVERY - 1)))
		at += CM_PAGE;
	return align_up(at, align);
}

/* Whether a mapping may lie there, or else the first address after what forbids it. */
static uint64_t bar(uint64_t at, uint64_t len)
{
	for (unsigned i = segment_of(at); i <= segment_of(at + len - 1); i++)
		if (!may_use(i))
			return AREA_START + (i + 1) * SEGMENT_BYTES;
	return 0;
}

/* Where a mapping goes when the cursor is at `from`. Return: 0: nowhere. */
static uint64_t find(uint64_t from, uint64_t len, uint64_t align)
{
	unsigned current = segment_of(from - 1);
	uint64_t at = fit(from, len, align), after;

	for (bool again = false;;) {
		if (at + len > AREA_END) {
			if (again)
				return 0;
			again = true;
			at = fit(AREA_START, len, align);
		}
		if (again && segment_of(at + len - 1) >= current)
			return 0; /* all the way round */
		after = bar(at, len);
		if (!after)
			return at;
		at = fit(after, len, align);
	}
}

static void anchor(uint64_t from, uint64_t at)
{
	uint64_t start = at & ~(ANCHOR_EVERY - 1);

	if (start != ((from - 1) & ~(ANCHOR_EVERY - 1)))
		gate_call6(SYS_mmap, (long)start, CM_PAGE, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1,
			   0);
}

/* Past what somebody else has mapped: from the next segment on, or one that lies farther. */
static void skip(unsigned attempt)
{
	uint64_t from = cursor_get(), by = SEGMENT_BYTES << (attempt < SKIPS ? attempt : SKIPS);
	uint64_t to = align_up(from, SEGMENT_BYTES) + by - SEGMENT_BYTES;

	stamp_put(segment_of(from - 1));
	cursor_move(from, to < AREA_END ? to : AREA_END);
}

/*
 * A place for a mapping, which nobody else is given. `attempt`: how many places in a row were taken
 * by something else. A superpage or more begins with one, as where the kernel chooses.
 *
 * Context: as the file. Return: an address, or 0: the kernel is to choose.
 */
uint64_t reuse_pick(uint64_t len, unsigned attempt)
{
	uint64_t align = len >= SUPERPAGE ? SUPERPAGE : CM_PAGE, from, at;

	if (!len || len > MOST)
		return 0;
	if (attempt)
		skip(attempt - 1);
	do {
		from = cursor_get();
		at = find(from, len, align);
		if (!at)
			return 0;
		if (segment_of(at + len - 1) != segment_of(from - 1))
			stamp_put(segment_of(from - 1));
	} while (!cursor_move(from, at + len) || bar(at, len));
	anchor(from, at);
	return at;
}

/*
 * Tells of a mapping that there is now, wherever. One that lies across the cursor (it was wished
 * for there, or has grown) takes it along.
 */
void reuse_mapped(struct range range)
{
	uint64_t from = cursor_get();

	if (range.start <= from && from < range.end && range.end <= AREA_END &&
	    segment_of(range.end - 1) == segment_of(from - 1))
		cursor_move(from, range.end);
}

/*
 * Whether what ends at `end` may grow by `len` bytes where it is: behind it, nothing was used.
 *
 * Context: as the file.
 */
bool reuse_extend(uint64_t end, uint64_t len)
{
	uint64_t from = cursor_get();

	return from == end && len <= MOST && from + len <= AREA_END &&
	       segment_of(from + len - 1) == segment_of(from - 1) &&
	       may_use(segment_of(from - 1)) && cursor_move(from, from + len);
}

/* Counts what was mapped at a place that was picked. */
void reuse_placed(uint64_t len)
{
	__atomic_fetch_add(&reuse.mapped, len, __ATOMIC_RELAXED);
}

/*
 * To be told before a range is unmapped. Whoever moves the cursor looks at the stamps afterwards as
 * well as before: either that sees the stamp, or the range was still mapped.
 */
void reuse_unmapped(struct range range)
{
	uint64_t from = cursor_get();

	if (!range_overlaps(range, whole))
		return;
	range = range_common(range, whole);
	if (segment_of(range.start) == segment_of(from - 1) && range.end <= from)
		return; /* behind the cursor, which stamps what it leaves */
	for (unsigned i = segment_of(range.start); i <= segment_of(range.end - 1); i++)
		stamp_put(i);
}
