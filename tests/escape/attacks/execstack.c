/* SPDX-License-Identifier: BSD-2-Clause */

/* A program that is linked with -z execstack: the kernel gives it an executable stack at execve,
 * without any call that could be refused. */

#include "tests/escape/attack.h"

int main(void)
{
	unsigned char here[64];

	attack_plant(here);
	attack_run(here);
}
