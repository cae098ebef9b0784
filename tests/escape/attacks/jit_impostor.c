/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Pretends to be a program that generates code, by what the supervisor might take for proof:
 *
 *   memfd   a memfd called libjvm.so, mapped R--
 *   data    a file called libjvm.so, written just now, mapped R--
 *   name    a thread called libjvm.so
 *   r-- PATH, r-x PATH    a library that generates code, mapped so and never used
 *
 * and asks for RWX memory.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <sys/prctl.h>
#include "common/sys.h"

int main(int argc, char **argv)
{
	const char *how = argc >= 2 ? argv[1] : "";
	int prot = attack_is(how, "r-x") ? ATTACK_RX : PROT_READ, fd = -1;
	void *p;
	long r;

	if (attack_is(how, "memfd"))
		fd = memfd_create("libjvm.so", 0);
	else if (attack_is(how, "data"))
		fd = open("./libjvm.so", O_CREAT | O_RDWR, 0700);
	else if (argc == 3)
		fd = open(argv[2], O_RDONLY);
	else if (prctl(PR_SET_NAME, "libjvm.so"))
		attack_broken("prctl");
	if (fd >= 0 && ((argc == 2 && ftruncate(fd, ATTACK_PAGE)) ||
			mmap(NULL, ATTACK_PAGE, prot, MAP_PRIVATE, fd, 0) == MAP_FAILED))
		attack_broken("map");
	/* Not by libc, where the module that asks would be told from the one that is mapped. */
	r = sys_mmap(0, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, -1, 0);
	if (sys_is_error(r)) {
		errno = (int)-r;
		attack_refused("mmap");
	}
	p = (void *)r;
	attack_plant(p);
	attack_run(p);
}
