/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * READ_IMPLIES_EXEC, after which the kernel adds X to whatever is readable:
 *
 *   mmap        to memory mapped from now on
 *   mprotect    to memory protected from now on
 *   exec PROG   to all of an image that is executed with it (i386; 64-bit images clear the bit)
 */

#include "tests/escape/attack.h"
#include <sys/personality.h>

int main(int argc, char **argv)
{
	void *before = attack_page(ATTACK_RW, ATTACK_ANON);
	void *p;

	if (argc < 2)
		attack_broken("usage");
	attack_plant(before);
	if (personality(READ_IMPLIES_EXEC) == -1)
		attack_refused("personality");
	if (attack_is(argv[1], "exec")) {
		execv(argv[2], argv + 2);
		attack_refused("execve");
	}
	if (attack_is(argv[1], "mprotect")) {
		if (mprotect(before, ATTACK_PAGE, PROT_READ))
			attack_refused("mprotect");
		attack_run(before);
	}
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RW, ATTACK_ANON, -1, 0);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	attack_plant(p);
	attack_run(p);
}
