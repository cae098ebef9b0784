/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Runs a program as on a kernel without mseal(2), before Linux 6.10: the call is answered ENOSYS to
 * it and to all that it starts.
 *
 *   no_mseal PROGRAM [ARGUMENT...]
 */

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include "common/call.h"
#include "tests/escape/attack.h"

int main(int argc, char **argv)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mseal, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program))
		attack_broken("filter");
	if (syscall(SYS_mseal, NULL, 0, 0) != -1 || errno != ENOSYS)
		attack_broken("mseal");
	execv(argv[1], argv + 1);
	attack_broken("execv");
}
