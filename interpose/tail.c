/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/tail.h"

#include <sys/mman.h>
#include "cookie/table.h"
#include "interpose/arena.h"
#include "interpose/gate.h"
#include "interpose/mm.h"
#include "interpose/forbid.h"

/*
 * Tails: what reserve.round has put behind a mapping, and the program has not asked for. They are
 * in a region table of their own, apart from what calls do to them (reserve.c).
 *
 * What holds: a tail that is in the table is mapped, and nobody else's. It enters after the kernel
 * has made it, and leaves before the kernel unmaps it; so does a fork child's copy, which may
 * forget a tail that is mapped, but never knows one that is not.
 *
 * Only code that goes past the library can make that untrue, by unmapping or mapping over what it
 * was never given; if it asks the kernel, that says that there is something. Against such code a
 * tail is used only while it is of one mapping with the page before it, the program's last. What
 * was put in the place of the tail is not, since the kernel joins nothing with that page that is
 * not advised MADV_HUGEPAGE as well; such a tail is forgotten and left alone. (What was put in the
 * place of both at once cannot be told.)
 *
 * Context: anywhere after start-up.
 */

#define BATCH 16

static struct table tails;
static bool is_ready;

/* Makes the table. Context: the constructor. Return: false where there is no memory for it. */
bool tail_start(void)
{
	void *wipe = (void *)arena_pages(CM_PAGE);

	is_ready = wipe && !table_init(&tails, arena_pages, wipe);
	return is_ready;
}

/* Remembers a tail that is mapped. Context: as the file. */
void tail_add(struct range tail)
{
	table_map(&tails, &(struct region){.range = tail, .prot = PROT_READ | PROT_WRITE});
}

static bool is_ours(struct range tail)
{
	return mm_is_as_long(tail.start - CM_PAGE, range_len(tail) + CM_PAGE);
}

/* What a call that touches `range` may touch: a tail that begins where it ends is of its last page.
 */
static struct range reach(struct range range)
{
	return (struct range){range.start, range.end + CM_PAGE};
}

/* Takes a tail out of the table: of two threads that want it one has it. Return: it is to be used.
 */
static bool take(struct range *tailp)
{
	struct region whole;

	if (table_take(&tails, *tailp, &whole, 1) != 1)
		return false;
	*tailp = whole.range;
	return is_ours(whole.range);
}

/* Unmaps the tails that a call to `range` would meet, all of each. Context: as the file. */
void tail_drop(struct range range)
{
	struct region found[BATCH];
	int n;

	do {
		n = is_ready ? table_overlap(&tails, reach(range), found, BATCH) : 0;
		for (int i = 0; i < n; i++) {
			struct range r = found[i].range;

			range.start = r.end;
			if (take(&r))
				gate_call6(SYS_munmap, (long)r.start, (long)range_len(r), 0, 0, 0,
					   0);
		}
	} while (n == BATCH && range.start < range.end);
}

/*
 * Whether a range ends with a last page that has a tail, or in that tail. Context: as the file.
 *
 * Return: true with all of the tail in *tailp.
 */
static bool of_last_page(struct range range, struct range *tailp)
{
	struct range last = {range.end - CM_PAGE, range.end};
	struct region found[2];
	int n = is_ready ? table_overlap(&tails, reach(last), found, 2) : 0;

	if (n < 1)
		return false;
	*tailp = found[n - 1].range;
	return tailp->start > range.start && tailp->end > range.end;
}

/*
 * Whether what is done to a range is to be done to a tail as well. Context: as the file.
 *
 * Return: true with the tail in *tailp.
 */
bool tail_find(struct range range, struct range *tailp)
{
	return of_last_page(range, tailp) && is_ours(*tailp);
}

/* The same for a call that unmaps the range: what the table has of all that is forgotten. */
bool tail_take(struct range range, struct range *tailp)
{
	bool sticks_out = of_last_page(range, tailp) && take(tailp);
	struct region inside;

	if (is_ready && table_overlap(&tails, range, &inside, 1) > 0)
		table_unmap(&tails, range);
	return sticks_out;
}
