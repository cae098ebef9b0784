/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * mprotect(2) with PROT_GROWSDOWN changes more than the range it names:
 *
 *   mapped   a MAP_GROWSDOWN mapping of our own
 *   stack    the program's stack
 */

#include "tests/escape/attack.h"
#include <stdint.h>

#define GROWSDOWN 0x01000000

static unsigned char *on_stack(unsigned char *here)
{
	return (unsigned char *)((uintptr_t)here & -ATTACK_PAGE);
}

int main(int argc, char **argv)
{
	unsigned char here[2 * ATTACK_PAGE];
	unsigned char *p;

	if (argc == 2 && attack_is(argv[1], "stack"))
		p = on_stack(here + ATTACK_PAGE);
	else
		p = attack_page(ATTACK_RW, ATTACK_ANON | MAP_GROWSDOWN);
	attack_plant(p);
	if (mprotect(p, ATTACK_PAGE,
		     ATTACK_RX | (p < here || p > here + sizeof(here) ? 0 : PROT_WRITE) |
			     GROWSDOWN))
		attack_refused("mprotect");
	attack_run(p);
}
