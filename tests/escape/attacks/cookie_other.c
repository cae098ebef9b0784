/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Another process's values, where this one has made as many of its own:
 *
 *   cookie_other HOW cookie|pointer
 *
 *   up       the child's, made after fork(2), in the parent
 *   down     the parent's in the child
 *   sibling  a child's in its sibling
 *   exec     those of the program before execve(2) in the one after
 *   stranger those of a program that was started beside it
 */

#include <fcntl.h>
#include <sys/personality.h>
#include "tests/escape/attacks/cookie.h"
#include "tests/escape/attacks/cookie_hold.h"

#define VALUES 64

static const char *by;
static int line[2];

static void make(uint64_t v[VALUES])
{
	for (int i = 0; i < VALUES; i++)
		v[i] = hold_new();
}

static _Noreturn void reach(const uint64_t v[VALUES])
{
	for (int i = 0; i < VALUES; i++)
		if (hold_reach(v[i]))
			attack_executed();
	errno = EBADF;
	attack_refused("reach");
}

static _Noreturn void tell(void)
{
	uint64_t v[VALUES];

	make(v);
	if (write(line[1], v, sizeof(v)) != sizeof(v))
		attack_broken("write");
	_exit(0);
}

/* With as many of one's own. */
static _Noreturn void hear(void)
{
	uint64_t v[VALUES], own[VALUES];

	make(own);
	if (read(line[0], v, sizeof(v)) != sizeof(v))
		attack_broken("read");
	reach(v);
}

static pid_t child(void (*fn)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		attack_broken("fork");
	if (!pid)
		fn();
	return pid;
}

static void down(void)
{
	uint64_t v[VALUES];
	pid_t pid = child(hear);

	make(v);
	if (write(line[1], v, sizeof(v)) != sizeof(v))
		attack_broken("write");
	attack_end_as(pid);
}

static void sibling(void)
{
	child(tell);
	attack_end_as(child(hear));
}

/* The program again; its addresses are the same, so that they would be the same values. */
static void execute(const char *what)
{
	char in[16];

	snprintf(in, sizeof(in), "%d", attack_is(what, "hear") ? line[0] : line[1]);
	execl("/proc/self/exe", "cookie_other", what, by, in, NULL);
	attack_broken("execl");
}

static _Noreturn void execute_tell(void)
{
	execute("tell");
	_exit(2);
}

static void stranger(void)
{
	personality(ADDR_NO_RANDOMIZE);
	child(execute_tell);
	execute("hear");
}

static void hand_on(void)
{
	uint64_t v[VALUES];

	make(v);
	if (write(line[1], v, sizeof(v)) != sizeof(v))
		attack_broken("write");
	execute("hear");
}

static void exec(void)
{
	personality(ADDR_NO_RANDOMIZE);
	execl("/proc/self/exe", "cookie_other", "hand_on", by, NULL);
	attack_broken("execl");
}

static void start(const char *how)
{
	hold_new(); /* what is made before a fork is the child's as well */
	if (attack_is(how, "up")) {
		child(tell);
		hear();
	}
	if (attack_is(how, "down"))
		down();
	if (attack_is(how, "sibling"))
		sibling();
	if (attack_is(how, "exec"))
		exec();
	if (attack_is(how, "stranger"))
		stranger();
	attack_broken("how");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		attack_broken("usage");
	by = argv[2];
	hold_by(by);
	if (argc > 3)
		line[0] = line[1] = atoi(argv[3]);
	else if (pipe(line))
		attack_broken("pipe");
	if (attack_is(argv[1], "hear"))
		hear();
	if (attack_is(argv[1], "tell"))
		tell();
	if (attack_is(argv[1], "hand_on"))
		hand_on();
	start(argv[1]);
}
