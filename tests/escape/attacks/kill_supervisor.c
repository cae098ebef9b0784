/* SPDX-License-Identifier: BSD-2-Clause */

/* Kills the process whose number it reads from standard input: the supervisor, says the test. */

#include "tests/escape/attack.h"

int main(void)
{
	char line[32] = "";
	pid_t pid;

	if (read(STDIN_FILENO, line, sizeof(line) - 1) <= 0)
		attack_broken("read");
	pid = atoi(line);
	if (pid <= 1)
		attack_broken("usage");
	if (kill(pid, SIGKILL))
		attack_refused("kill");
	attack_executed();
}
