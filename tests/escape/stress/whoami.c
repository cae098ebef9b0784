/* SPDX-License-Identifier: BSD-2-Clause */

/* Says which rights it has: for a copy of it that is set-user-ID. */

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void)
{
	printf("uid %d euid %d gid %d egid %d secure %ld\n", (int)getuid(), (int)geteuid(),
	       (int)getgid(), (int)getegid(), (long)getauxval(AT_SECURE));
	fprintf(stderr, "no_new_privs %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	return 0;
}
