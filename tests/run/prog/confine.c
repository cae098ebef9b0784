/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * confine listener PROG…      runs PROG under a seccomp filter that has a listener, as some
 *                             containers do: the kernel lets a task have only one
 * confine ERRNO PROG…         runs PROG where seccomp(2) fails with this number
 *
 * The filters allow everything else, so that a program which asks for neither runs as ever.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int install(struct sock_filter *filter, unsigned short n, unsigned long flags)
{
	struct sock_fprog program = {n, filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

static int install_listener(void)
{
	struct sock_filter filter[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};

	return install(filter, 1, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static int install_refusal(unsigned number)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(filter, sizeof filter / sizeof *filter, 0);
}

int main(int argc, char **argv)
{
	int status;
	pid_t child;

	if (argc < 3)
		return 2;
	if ((strcmp(argv[1], "listener") ? install_refusal((unsigned)atoi(argv[1]))
					 : install_listener()) < 0) {
		perror("confine");
		return 2;
	}
	/* This process stays: with its last descriptor closed the listener would be gone. */
	child = fork();
	if (!child) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
