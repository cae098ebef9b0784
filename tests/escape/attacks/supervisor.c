/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Attacks the process whose number it reads from standard input: the supervisor, says the test.
 *
 *   kill     ends it
 *   mem      opens its memory to write
 *   writev   writes its memory by process_vm_writev(2)
 *   ptrace   attaches to it
 *   getfd    takes a descriptor of its out of it: the listener is one
 *   limit    takes its right to open files away, by prlimit(2), and then executes a memfd: whoever
 *            can no longer look must refuse
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>

#define N_DESCRIPTORS 32

static int open_mem(pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	return open(path, O_RDWR) < 0;
}

/* No address of its is known. EFAULT is what a process that may write is told. */
static int write_mem(pid_t pid)
{
	char byte = 0;
	struct iovec from = {&byte, 1}, to = {(void *)1, 1};

	return process_vm_writev(pid, &from, 1, &to, 1, 0) < 0 && errno != EFAULT;
}

static int take_descriptor(pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (pidfd < 0)
		attack_broken("pidfd_open");
	for (int fd = 0; fd < N_DESCRIPTORS; fd++) {
		if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0)
			return 0;
	}
	return 1;
}

/* Source: Linux kernel/sys.c, check_prlimit_permission(): the same user is enough. */
static _Noreturn void blind(pid_t pid)
{
	struct rlimit none = {0, 0};
	int fd = memfd_create("object", 0);
	void *p;

	if (fd < 0 || write(fd, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("memfd");
	if (prlimit(pid, RLIMIT_NOFILE, &none, NULL))
		attack_refused("limit");
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	attack_run(p);
}

static int attack(const char *how, pid_t pid)
{
	if (attack_is(how, "kill"))
		return kill(pid, SIGKILL);
	if (attack_is(how, "mem"))
		return open_mem(pid);
	if (attack_is(how, "writev"))
		return write_mem(pid);
	if (attack_is(how, "ptrace"))
		return ptrace(PTRACE_SEIZE, pid, 0, 0) != 0;
	if (attack_is(how, "getfd"))
		return take_descriptor(pid);
	if (attack_is(how, "limit"))
		blind(pid);
	attack_broken("usage");
}

int main(int argc, char **argv)
{
	char line[32] = "";
	pid_t pid;

	if (argc != 2 || read(STDIN_FILENO, line, sizeof(line) - 1) <= 0)
		attack_broken("read");
	pid = atoi(line);
	if (pid <= 1)
		attack_broken("pid");
	if (attack(argv[1], pid))
		attack_refused(argv[1]);
	attack_executed();
}
