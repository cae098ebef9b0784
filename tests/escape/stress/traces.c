/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a program could notice of being supervised, and must not: a child that it did not start, a
 * descriptor that it did not open. With an argument it tries for a seccomp listener of its own.
 */

#include "tests/escape/stress/check.h"
#include <dirent.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void print_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	CHECK(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(dir))
			n++;
	}
	closedir(dir);
	printf("descriptors %d\n", n);
}

static void try_listener(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {1, &allow};

	CHECK(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	for (int i = 0; i < 2; i++) {
		long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
				  SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);

		printf("listener %s\n", fd < 0 ? strerrorname_np(errno) : "OK");
		if (fd >= 0)
			break;
	}
	/* Without a listener a filter of one's own is nobody's business. */
	printf("filter %s\n",
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) ? "refused" : "OK");
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	errno = 0;
	pid = waitpid(-1, &status, WNOHANG | __WALL);
	printf("wait %s\n", pid < 0 ? strerrorname_np(errno) : "a child");
	print_descriptors();
	if (argc > 1)
		try_listener();
	return 0;
}
