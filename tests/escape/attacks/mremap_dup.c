/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * mremap(2) with an old size of 0 maps shared memory a second time. The two copies then get
 * different rights:
 *
 *   rx_first   R-X, and the copy made writable
 *   rw_first   RW-, and the copy made executable
 */

#include "tests/escape/attack.h"

int main(int argc, char **argv)
{
	int rx_first = argc == 2 && attack_is(argv[1], "rx_first");
	void *p, *copy;

	p = mmap(NULL, ATTACK_PAGE, rx_first ? ATTACK_RX : ATTACK_RW, MAP_SHARED | MAP_ANONYMOUS,
		 -1, 0);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	copy = mremap(p, 0, ATTACK_PAGE, MREMAP_MAYMOVE);
	if (copy == MAP_FAILED)
		attack_refused("mremap");
	if (mprotect(copy, ATTACK_PAGE, rx_first ? ATTACK_RW : ATTACK_RX))
		attack_refused("mprotect");
	attack_plant(rx_first ? copy : p);
	attack_run(rx_first ? p : copy);
}
