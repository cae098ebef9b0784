/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * other_parent CMRUN: starts itself under a tighter policy; the inner one makes a child that is not
 * its own but its parent's (CLONE_PARENT), which runs the same image under the looser policy. The
 * child then maps a file executable that was just written. With `fork` the inner one makes an
 * ordinary child.
 */

#include <fcntl.h>
#include <sched.h>
#include "tests/escape/attack.h"

static _Noreturn void map_fresh(void)
{
	char name[] = "/var/tmp/cookiemap-fresh-XXXXXX";
	int fd = mkstemp(name);
	void *at;

	if (fd < 0 || unlink(name) || write(fd, attack_code, sizeof(attack_code)) < 0)
		attack_broken("file");
	at = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		attack_refused("mmap");
	attack_run(at);
}

int main(int argc, char **argv)
{
	int status = 2, worst = 0;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "inside")) {
		if (!syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0))
			map_fresh();
		usleep(300000); /* its parent is not we: nobody else keeps the outer one waiting */
		return 0;
	}
	if (!fork()) {
		execl(argv[1], argv[1], argc > 2 ? argv[2] : "--profile=strict", argv[0], "inside",
		      NULL);
		attack_broken("execl");
	}
	while (wait(&status) > 0)
		if (WIFEXITED(status) && WEXITSTATUS(status) > worst)
			worst = WEXITSTATUS(status);
	return worst;
}
