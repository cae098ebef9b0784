/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * Which cookies are live, which were, and which never were; and where closed regions have been,
 * since their addresses are not to come back.
 */

#define DEAD     256
#define CLOSED   4096
#define FOR_EVER 2048

/* Regions that no one can unmap any more stay mapped to the end, and there is room for so many. */
#define MOST_SEALED 3000

struct span {
	uint64_t start;
	uint64_t end;
};

struct mregion *live[MOST_LIVE];
static cm_t dead[DEAD];
static unsigned n_dead, n_sealed;
static struct span closed[CLOSED], for_ever[FOR_EVER];
static unsigned n_closed, n_for_ever;
static uint64_t exact;

/* Where nobody maps anything by himself, sanitizers and valgrind included. */
void live_init(void)
{
	static const uint64_t candidates[] = {0x300000000000, 0x0a0000000000, 0x001800000000};
	void *p;

	for (unsigned i = 0; i < sizeof candidates / sizeof *candidates; i++) {
		p = mmap((void *)candidates[i], 1ul << 30, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
		if (p == MAP_FAILED)
			continue;
		munmap(p, 1ul << 30);
		if ((uint64_t)p != candidates[i])
			continue;
		exact = candidates[i];
		return;
	}
	fprintf(stderr, "no address is free\n");
	exit(2);
}

/* Addresses that were never used. */
uint64_t live_exact(size_t len)
{
	uint64_t at = (exact + SUPERPAGE - 1) & ~(SUPERPAGE - 1);

	exact = at + (len + SUPERPAGE) / PAGE * PAGE;
	return at;
}

static bool overlaps(const struct span *s, unsigned n, uint64_t start, uint64_t end)
{
	for (unsigned i = 0; i < n; i++)
		if (start < s[i].end && s[i].start < end)
			return true;
	return false;
}

/* Where the memory of a region is mapped: itself, and views of it. Return: how many there are. */
unsigned live_places(const struct mregion *r, uint64_t at[MOST_PLACES])
{
	unsigned n = 0;

	at[n++] = (uint64_t)r->start;
	for (unsigned v = 0; v <= RIGHTS; v++)
		if (r->view[v].start)
			at[n++] = (uint64_t)r->view[v].start;
	for (unsigned v = 0; v < r->n_stale; v++)
		at[n++] = (uint64_t)r->stale[v];
	return n;
}

/* Whether something of a live region is there. */
bool live_touches(uint64_t start, size_t len)
{
	uint64_t at[MOST_PLACES];

	for (unsigned i = 0; i < MOST_LIVE; i++) {
		const struct mregion *r = live[i];
		unsigned n = r ? live_places(r, at) : 0;

		for (unsigned v = 0; v < n; v++)
			if (start < at[v] + r->n_pages * PAGE && at[v] < start + len)
				return true;
	}
	return false;
}

/* Whether addresses are kept back from everybody: where CM_NOREUSE was. */
bool live_is_held(uint64_t start, size_t len)
{
	return overlaps(for_ever, n_for_ever, start, start + len);
}

/* Such an address; 0: there is none yet. */
uint64_t live_held(void)
{
	return n_for_ever ? for_ever[draw(n_for_ever)].start : 0;
}

/* Enters a region that was opened, at addresses that have to be fresh. */
struct mregion *live_add(const struct mregion *r)
{
	uint64_t start = (uint64_t)r->start, end = start + r->n_pages * PAGE;
	struct mregion *copy;
	unsigned i = 0;

	if (live_touches(start, end - start))
		disagree("the region lies over another");
	if (overlaps(closed, n_closed < CLOSED ? n_closed : CLOSED, start, end))
		disagree("the region lies where one was closed a short time ago");
	if (overlaps(for_ever, n_for_ever, start, end))
		disagree("the region lies where one was closed with CM_NOREUSE");
	while (live[i])
		i++;
	copy = malloc(sizeof *copy);
	if (!copy)
		exit(2);
	*copy = *r;
	copy->page = malloc(r->n_pages * sizeof *copy->page);
	if (!copy->page)
		exit(2);
	for (size_t p = 0; p < r->n_pages; p++)
		copy->page[p] = r->page[p];
	live[i] = copy;
	return copy;
}

static void remember(const struct mregion *r, bool always)
{
	uint64_t start = (uint64_t)r->start, end = start + r->n_pages * PAGE;

	if (always && n_for_ever < FOR_EVER)
		for_ever[n_for_ever++] = (struct span){start, end};
	else if (!r->wished) /* what the program has placed is anybody's afterwards */
		closed[n_closed++ % CLOSED] = (struct span){start, end};
}

/* It goes on to live, and the model knows nothing of it any more. */
void live_give_up(struct mregion *r)
{
	unsigned i = 0;

	while (live[i] != r)
		i++;
	live[i] = NULL;
	free(r->page);
	free(r);
}

/* A region's end. unmapped: its memory is gone as well; always: and its addresses, for ever. */
void live_drop(struct mregion *r, bool unmapped, bool always)
{
	uint64_t at[MOST_PLACES];
	unsigned n = live_places(r, at);

	dead[n_dead++ % DEAD] = r->cookie;
	if (unmapped)
		remember(r, always);
	else /* ordinary memory now: whoever can takes it away */
		while (n--)
			munmap((void *)at[n], r->n_pages * PAGE);
	live_give_up(r);
}

static bool is_live(cm_t cookie)
{
	for (unsigned i = 0; i < MOST_LIVE; i++)
		if (live[i] && live[i]->cookie == cookie)
			return true;
	return false;
}

struct mregion *live_any(void)
{
	unsigned from = (unsigned)draw(MOST_LIVE);

	for (unsigned i = 0; i < MOST_LIVE; i++)
		if (live[(from + i) % MOST_LIVE])
			return live[(from + i) % MOST_LIVE];
	return NULL;
}

/* A cookie: mostly a live one, *rp; else one of the past, or near a live one, or none at all. */
cm_t live_pick(struct mregion **rp)
{
	struct mregion *r = live_any();
	unsigned how = (unsigned)draw(100);
	cm_t cookie;

	*rp = NULL;
	if (how < 92 && r) {
		*rp = r;
		return r->cookie;
	}
	if (how < 95 && n_dead)
		cookie = dead[draw(n_dead < DEAD ? n_dead : DEAD)];
	else if (how < 97 && r)
		cookie = r->cookie ^ 1ull << draw(64);
	else if (how < 98)
		cookie = draw(1ull << 32) << 32 | draw(1ull << 32);
	else if (how < 99 && r)
		cookie = (r->cookie & 0x3fffff) | draw(1ull << 42) << 22;
	else
		cookie = draw(3) ? 0 : draw(1000);
	return is_live(cookie) ? 0 : cookie;
}

/* Whether one region more may be sealed against unmapping. */
bool live_may_seal(void)
{
	return n_sealed < MOST_SEALED && chance(20) && ++n_sealed;
}
