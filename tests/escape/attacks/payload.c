/* SPDX-License-Identifier: BSD-2-Clause */

/* The image that other attacks smuggle in. With an ordinary mapping first, as every program makes,
 * so that the supervisor has heard of it before it claims to have won. */

#include "tests/escape/attack.h"

int main(void)
{
	attack_page(ATTACK_RW, ATTACK_ANON);
	attack_executed();
}
