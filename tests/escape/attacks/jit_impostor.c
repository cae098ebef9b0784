/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pretends to be a program that generates code, by what the supervisor might take for proof:
 *
 *   memfd   a memfd called libjvm.so, mapped R--
 *   data    a file called libjvm.so, written just now, mapped R--
 *   name    a thread called libjvm.so
 *
 * and asks for RWX memory.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";
	int fd = -1;
	void *p;

	if (attack_is(how, "memfd"))
		fd = memfd_create("libjvm.so", 0);
	else if (attack_is(how, "data"))
		fd = open("./libjvm.so", O_CREAT | O_RDWR, 0700);
	else if (prctl(PR_SET_NAME, "libjvm.so"))
		attack_broken("prctl");
	if (fd >= 0 && (ftruncate(fd, ATTACK_PAGE) ||
			mmap(NULL, ATTACK_PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED))
		attack_broken("map");
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, -1, 0);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	attack_plant(p);
	attack_run(p);
}
