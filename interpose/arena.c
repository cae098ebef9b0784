/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/arena.h"

#include <sys/mman.h>
#include "common/range.h"
#include "interpose/gate.h"
#include "interpose/forbid.h"

/*
 * Memory that is never given back: what is published to readers without a lock must stay readable
 * for as long as the process lives.
 *
 * A chunk is a mapping with a mark that only rises. Two threads, or a handler and what it
 * interrupted, may allocate at once: each moves the mark by one atomic addition; whoever passes
 * the end maps the next chunk and offers it. A chunk that lost is unmapped again.
 *
 * Holds: bytes handed out are zero, aligned to 16, and belong to one caller. A fork child has a
 * copy and goes on in it.
 *
 * Context: anywhere after the gate is mapped.
 */

#define ROOM_BYTES      (1ull << 36) /* of address space, beside the gate; it need not be free */
#define RESERVED_BYTES  (32ull << 20)
#define CHUNK_BYTES     65536ull
#define SUPERPAGE_BYTES (2ull << 20)

struct chunk {
	uint64_t end;
	uint64_t next; /* first free address; passes `end` when the chunk is full */
};

static struct chunk *current;
static uint64_t taken_bytes; /* of the room */

static struct chunk *chunk_new(void)
{
	uint64_t at = arena_pages(CHUNK_BYTES);
	struct chunk *c = (struct chunk *)at;

	if (!at)
		return NULL;
	c->end = at + CHUNK_BYTES;
	c->next = at + sizeof(*c);
	return c;
}

/*
 * `len_bytes` (at most half a chunk) of zeroed memory, or NULL where the kernel has none.
 *
 * Context: as the file.
 */
void *arena_alloc(size_t len_bytes)
{
	uint64_t len = (len_bytes + 15) & ~15ull;

	if (len > CHUNK_BYTES / 2)
		return (void *)arena_pages(len);
	for (;;) {
		/* pairs with the release of the exchange below: the chunk's words are written */
		struct chunk *c = __atomic_load_n(&current, __ATOMIC_ACQUIRE), *fresh;

		if (c) {
			uint64_t at = __atomic_fetch_add(&c->next, len, __ATOMIC_RELAXED);

			if (at + len <= c->end)
				return (void *)at;
		}
		fresh = chunk_new();
		if (!fresh)
			return NULL;
		if (!__atomic_compare_exchange_n(&current, &c, fresh, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			gate_call6(SYS_munmap, (long)fresh, CHUNK_BYTES, 0, 0, 0, 0);
	}
}

/*
 * Address space that is mapped once and never given back, from which pages come as long as there
 * are any: sealed, so that its place and rights stay, with no call to be made when the table grows.
 */
static struct range reserve;
static uint64_t reserve_next;

static uint64_t place_of(uint64_t gate)
{
	return gate + 16 * CM_PAGE;
}

/*
 * Makes the reserve; without it pages are mapped as they are needed.
 *
 * Context: the constructor, with the gate mapped.
 */
void arena_reserve(uint64_t gate, bool seals)
{
	long at = gate_enter(gate, SYS_mmap, (long)place_of(gate), RESERVED_BYTES,
			     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			     -1, 0);

	if (sys_is_error(at))
		return;
	reserve = (struct range){(uint64_t)at, (uint64_t)at + RESERVED_BYTES};
	reserve_next = reserve.start;
	taken_bytes = RESERVED_BYTES;
	if (seals)
		gate_enter(gate, SYS_mseal, at, RESERVED_BYTES, 0, 0, 0, 0);
}

/* Whether a range touches the reserve. Context: as the file. */
bool arena_holds(struct range range)
{
	return range_overlaps(range, reserve);
}

/* Pages of the reserve, or 0. */
static uint64_t reserve_take(uint64_t len)
{
	uint64_t at;

	if (!reserve.end || len > RESERVED_BYTES)
		return 0;
	at = __atomic_fetch_add(&reserve_next, len, __ATOMIC_RELAXED);
	return at + len <= reserve.end ? at : 0;
}

/*
 * Where the next pages are wished for: beside the gate, one after the other, so that they do not
 * fill gaps that the program has made, or lie where it will want to grow something.
 */
static uint64_t place(uint64_t len)
{
	uint64_t gate = state()->gate, at = __atomic_fetch_add(&taken_bytes, len, __ATOMIC_RELAXED);

	return gate && at < ROOM_BYTES ? place_of(gate) + at : 0;
}

/*
 * Whole zeroed pages for at least `len_bytes`, or 0. What the region table grows by. A table that
 * grows by superpages is one of many regions, and then its look-ups are misses of the TLB more than
 * anything else: it asks for the kernel's (a tenth faster at a million regions, bench/region.c).
 *
 * Context: as the file.
 */
uint64_t arena_pages(size_t len_bytes)
{
	uint64_t len = page_up(len_bytes), at;
	long r;

	if (!len)
		return 0;
	at = reserve_take(len);
	if (at)
		return at;
	r = gate_call6(SYS_mmap, (long)place(len), (long)len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sys_is_error(r))
		return 0;
	if (len >= SUPERPAGE_BYTES)
		gate_call6(SYS_madvise, r, (long)len, MADV_HUGEPAGE, 0, 0, 0);
	return (uint64_t)r;
}
