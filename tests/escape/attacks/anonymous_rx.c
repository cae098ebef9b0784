/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Anonymous memory that is executable and never writable at the same time. It has no other use
 * than code that is written later:
 *
 *   toggle   R-X, then RW- and written, then R-X again
 *   xonly    the same, beginning with --X
 *   zero     the same in a private mapping of /dev/zero, which is anonymous memory
 *   shared   the same in MAP_SHARED memory
 *   fork     shared R-X; a child makes its own view of it writable and writes
 */

#include "tests/escape/attack.h"
#include <fcntl.h>

static void write_by_toggle(void *p)
{
	if (mprotect(p, ATTACK_PAGE, ATTACK_RW))
		attack_refused("mprotect_rw");
	attack_plant(p);
	if (mprotect(p, ATTACK_PAGE, ATTACK_RX))
		attack_refused("mprotect_rx");
}

static void write_by_child(void *p)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (mprotect(p, ATTACK_PAGE, ATTACK_RW))
			_exit(1);
		attack_plant(p);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		attack_broken("child");
}

int main(int argc, char **argv)
{
	int is_fork = argc == 2 && attack_is(argv[1], "fork");
	int is_shared = is_fork || (argc == 2 && attack_is(argv[1], "shared"));
	int prot = argc == 2 && attack_is(argv[1], "xonly") ? PROT_EXEC : ATTACK_RX;
	int is_zero = argc == 2 && attack_is(argv[1], "zero");
	int flags = (is_shared ? MAP_SHARED : MAP_PRIVATE) | (is_zero ? 0 : MAP_ANONYMOUS);
	void *p;

	p = mmap(NULL, ATTACK_PAGE, prot, flags, is_zero ? open("/dev/zero", O_RDWR) : -1, 0);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	if (is_fork)
		write_by_child(p);
	else
		write_by_toggle(p);
	attack_run(p);
}
