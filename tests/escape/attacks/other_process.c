/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Changes the memory of another process of the tree:
 *
 *   ptrace_attach ptrace_seize ptrace_traceme   its text, by PTRACE_POKETEXT
 *   ptrace_suspend                              takes its filter away: PTRACE_O_SUSPEND_SECCOMP
 *   vm_writev                                   its data, by process_vm_writev(2)
 */

#include "tests/escape/attack.h"
#include <sys/ptrace.h>
#include <sys/uio.h>

#define SUSPEND_SECCOMP (1 << 21) /* PTRACE_O_SUSPEND_SECCOMP, include/uapi/linux/ptrace.h */

static volatile int told;
static int ends[2];

__attribute__((noinline, aligned(64))) static int victim(void)
{
	__asm__ volatile("nop; nop; nop; nop; nop; nop; nop");
	return 7;
}

/* Waits to be changed, then says with its status whether it was. */
static _Noreturn void child(int is_traceme)
{
	char c;

	close(ends[1]);
	if (is_traceme) {
		if (ptrace(PTRACE_TRACEME, 0, 0, 0)) {
			dprintf(STDOUT_FILENO, "REFUSED ptrace %s\n", strerrorname_np(errno));
			_exit(9);
		}
		raise(SIGSTOP);
	}
	if (read(ends[0], &c, 1) < 0)
		_exit(2);
	_exit(told == 42 || victim() == 42 ? 42 : 3);
}

static void poke(pid_t pid, const char *how)
{
	unsigned long code;
	int status;

	if (attack_is(how, "ptrace_attach") && ptrace(PTRACE_ATTACH, pid, 0, 0))
		attack_refused("ptrace");
	if (attack_is(how, "ptrace_seize") &&
	    (ptrace(PTRACE_SEIZE, pid, 0, 0) || ptrace(PTRACE_INTERRUPT, pid, 0, 0)))
		attack_refused("ptrace");
	if (attack_is(how, "ptrace_suspend") &&
	    (ptrace(PTRACE_SEIZE, pid, 0, SUSPEND_SECCOMP) || ptrace(PTRACE_INTERRUPT, pid, 0, 0)))
		attack_refused("ptrace");
	if (waitpid(pid, &status, __WALL) != pid)
		attack_broken("waitpid");
	if (WIFEXITED(status)) /* refused in the child, which said so */
		_exit(WEXITSTATUS(status) == 9 ? 1 : 2);
	memcpy(&code, attack_code, sizeof(attack_code));
	code &= 0xffffffffffff;
	if (ptrace(PTRACE_POKETEXT, pid, (void *)victim, code))
		attack_refused("poke");
	ptrace(PTRACE_DETACH, pid, 0, 0);
}

static void write_data(pid_t pid)
{
	int value = 42;
	struct iovec from = {&value, sizeof(value)};
	struct iovec to = {(void *)&told, sizeof(told)};

	if (process_vm_writev(pid, &from, 1, &to, 1, 0) != sizeof(value))
		attack_refused("process_vm_writev");
}

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";
	int status;
	pid_t pid;

	if (pipe(ends))
		attack_broken("pipe");
	pid = fork();
	if (pid < 0)
		attack_broken("fork");
	if (!pid)
		child(attack_is(how, "ptrace_traceme"));
	if (attack_is(how, "vm_writev"))
		write_data(pid);
	else
		poke(pid, how);
	close(ends[1]);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 42)
		attack_broken("child");
	attack_executed();
}
