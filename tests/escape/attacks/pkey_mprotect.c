/* SPDX-License-Identifier: BSD-2-Clause */

/* Adds X by pkey_mprotect(2) without a key (-1), which every processor has. */

#include "tests/escape/attack.h"

int main(void)
{
	void *p = attack_page(ATTACK_RW, ATTACK_ANON);

	attack_plant(p);
	if (syscall(SYS_pkey_mprotect, p, ATTACK_PAGE, ATTACK_RX, -1))
		attack_refused("pkey_mprotect");
	attack_run(p);
}
