/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Changes memory that is to stay as it is:
 *
 *   seal_change FROM BY TARGET WAY [LIBRARY]
 *
 * FROM and BY are in seal_by.c, TARGET in seal_target.c, WAY in seal_way.c. A call that is refused
 * and has changed something all the same counts as a success.
 */

#include "tests/escape/attacks/seal.h"

static struct seal_target target;
static const char *way;

static void attack(void)
{
	enum seal_outcome r;
	int error;

	seal_remember(target);
	r = seal_attempt(target);
	if (r == SEAL_EXECUTED || (r == SEAL_LOOK && seal_changed(target)))
		seal_executed();
	if (r == SEAL_LOOK)
		errno = EEXIST; /* it said that it did, and did not */
	error = errno;
	if (r == SEAL_REFUSED && seal_changed(target))
		seal_executed();
	errno = error;
	attack_refused(way);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		attack_broken("usage");
	way = argv[4];
	seal_by(argv[2]);
	target = seal_find(argv[3], argc > 5 ? argv[5] : NULL);
	seal_prepare(way, target);
	seal_from(argv[1], argv, attack);
}
