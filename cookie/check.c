/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>

/*
 * What stands against a call, of what the pieces of its range say: in one walk, since most ranges
 * are one piece and most calls find nothing.
 *
 * Context: freestanding; whoever calls holds the lock.
 */

struct checked {
	struct seal_deed deed;
	unsigned checks;
	bool sealed;
	bool reserved;
	bool beyond;
	unsigned n;
	struct region one;
};

static int check_one(const struct aim *a, const struct region *piece, void *arg)
{
	struct checked *c = arg;

	c->n++;
	c->one = *piece;
	c->sealed =
		c->sealed || (piece->seals && seal_forbids(piece->seals, &c->deed, piece->prot));
	c->reserved = c->reserved || piece_kind(piece) == CM_KIND_RESERVED;
	c->beyond = c->beyond || c->deed.prot & ~piece->max_prot;
	return 0;
}

/*
 * Whether a call may do to the range aimed at what `seal` would keep it from (0: nothing does),
 * with CHECK_MAPPED only where something is mapped, with CHECK_MAX only within what each piece may
 * become
 * (`prot`).
 *
 * Return: 0; in this order -EPERM, -ENOMEM, -EACCES; -ENOMEM also where a part is not the region's
 * any more.
 */
int check_pieces(struct aim *a, enum seal seal, int prot, unsigned checks)
{
	struct checked c = {.deed = {a->range, (uint8_t)seal, (uint8_t)prot}};
	int r = pieces_each(a, a->range, check_one, &c);

	a->one = c.n == 1 ? c.one : (struct region){.range = {0, 0}};
	if (c.sealed && seal)
		return -EPERM;
	if (r || (checks & CHECK_MAPPED && c.reserved))
		return -ENOMEM;
	return checks & CHECK_MAX && c.beyond ? -EACCES : 0;
}
