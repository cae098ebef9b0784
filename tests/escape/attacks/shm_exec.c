/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * System V shared memory made executable by shmat(2), which names X by a bit of its own:
 *
 *   rwx     attached with SHM_EXEC
 *   alias   attached twice: to write, and to read and execute
 *   remap   attached with SHM_EXEC | SHM_REMAP over memory that is mapped already
 */

#include "tests/escape/attack.h"
#include <sys/shm.h>

static int segment;

static void *attach(void *at, int flags)
{
	void *p = shmat(segment, at, flags);

	if (p == (void *)-1) {
		shmctl(segment, IPC_RMID, NULL);
		attack_refused("shmat");
	}
	return p;
}

int main(int argc, char **argv)
{
	void *rw, *rx;

	segment = shmget(IPC_PRIVATE, ATTACK_PAGE, IPC_CREAT | 0700);
	if (segment < 0 || argc != 2)
		attack_broken("shmget");
	if (attack_is(argv[1], "rwx")) {
		rw = rx = attach(NULL, SHM_EXEC);
	} else if (attack_is(argv[1], "alias")) {
		rw = attach(NULL, 0);
		rx = attach(NULL, SHM_EXEC | SHM_RDONLY);
	} else {
		rw = attack_page(PROT_READ, ATTACK_ANON);
		rw = rx = attach(rw, SHM_EXEC | SHM_REMAP);
	}
	shmctl(segment, IPC_RMID, NULL);
	attack_plant(rw);
	attack_run(rx);
}
