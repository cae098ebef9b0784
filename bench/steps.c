/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * steps start|work PROG [ARG...]: runs PROG, whose int3 instructions are marks, one instruction at
 * a time, and prints how many were executed in each module, as `NAME COUNT` lines: `start` from the
 * first instruction of the process to the first mark, `work` from the second to the third.
 *
 * Instructions do not depend on what else the machine does. `ours` is what cookiemap adds inside
 * the program: its library and the gate. A page of a memfd other than the gate's counts as the file
 * whose mapping it lies behind: a copy of that file's text is what such pages are.
 *
 * To be run inside the tree, under cmrun: the supervisor allows ptrace by default. What the kernel
 * and the supervisor do is not counted.
 *
 * A string instruction traps at each repetition and is counted once; so would be a jump to itself.
 */

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHIFT   12
#define MAX     4096 /* pages executed from, and mappings */
#define LIBRARY "libcminterpose.so"
#define GATE    "memfd:cookiemap-gate"
#define MODULES 64

struct pages {
	uint64_t number[MAX]; /* of the page, and 0 where there is none */
	uint64_t count[MAX];
};

struct module {
	char name[64];
	uint64_t count;
};

static struct pages pages;
static struct module modules[MODULES];

static void fail(const char *what)
{
	fprintf(stderr, "steps: %s\n", what);
	exit(2);
}

static void page_count(uint64_t ip)
{
	uint64_t number = ip >> SHIFT;
	unsigned i = number * 0x9e3779b97f4a7c15ull >> 52;

	for (unsigned tries = 0; tries < MAX; tries++, i = (i + 1) % MAX) {
		if (!pages.number[i])
			pages.number[i] = number;
		if (pages.number[i] != number)
			continue;
		pages.count[i]++;
		return;
	}
	fail("too many pages");
}

static uint64_t pages_between(uint64_t start, uint64_t end)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < MAX; i++)
		if (pages.number[i] >= start >> SHIFT && pages.number[i] < end >> SHIFT)
			sum += pages.count[i];
	return sum;
}

static void module_count(const char *name, uint64_t count)
{
	unsigned i = 0;

	while (i < MODULES && *modules[i].name && strcmp(modules[i].name, name))
		i++;
	if (i == MODULES)
		fail("too many modules");
	snprintf(modules[i].name, sizeof modules[i].name, "%s", name);
	modules[i].count += count;
}

/* The last part of a path; "anonymous" where there is none. */
static const char *name_of(char *path)
{
	char *end = strstr(path, " (deleted)"), *slash;

	if (end)
		*end = 0;
	slash = strrchr(path, '/');
	return slash ? slash + 1 : *path ? path : "anonymous";
}

static void modules_read(pid_t pid)
{
	char file[64], line[1024], path[512], last[64] = "anonymous";
	uint64_t start, end;
	FILE *maps;

	snprintf(file, sizeof file, "/proc/%d/maps", pid);
	maps = fopen(file, "re");
	while (maps && fgets(line, sizeof line, maps)) {
		*path = 0;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*s %*s %*s %511[^\n]", &start, &end,
			   path) < 2)
			fail("a mapping cannot be read");
		if (strncmp(path, "/memfd:", 7) || strstr(path, GATE))
			snprintf(last, sizeof last, "%.63s", name_of(path));
		module_count(last, pages_between(start, end));
	}
	if (!maps)
		fail("the mappings cannot be read");
	fclose(maps);
}

static void modules_print(void)
{
	uint64_t all = 0, ours = 0;

	for (unsigned i = 0; i < MODULES && *modules[i].name; i++) {
		all += modules[i].count;
		if (!strcmp(modules[i].name, LIBRARY) || !strcmp(modules[i].name, GATE))
			ours += modules[i].count;
		if (modules[i].count)
			printf("%s %" PRIu64 "\n", modules[i].name, modules[i].count);
	}
	printf("ours %" PRIu64 "\nall %" PRIu64 "\n", ours, all);
}

/* Lets the program go on; 1 if it came to a mark, 0 if it was stopped by a step. */
static int go(pid_t pid, int how)
{
	siginfo_t info;
	long deliver = 0;
	int status;

	for (;;) {
		if (ptrace(how, pid, NULL, deliver) || waitpid(pid, &status, 0) != pid)
			fail("ptrace");
		if (!WIFSTOPPED(status))
			fail("the program ended before its last mark");
		if (ptrace(PTRACE_GETSIGINFO, pid, NULL, &info))
			fail("ptrace");
		if (WSTOPSIG(status) == SIGTRAP)
			return info.si_code == SI_KERNEL;
		deliver = WSTOPSIG(status);
	}
}

static void step_to_mark(pid_t pid)
{
	uint64_t before = 0, ip;

	do {
		errno = 0;
		ip = (uint64_t)ptrace(PTRACE_PEEKUSER, pid, offsetof(struct user_regs_struct, rip),
				      NULL);
		if (errno)
			fail("ptrace");
		if (ip != before)
			page_count(ip);
		before = ip;
	} while (!go(pid, PTRACE_SINGLESTEP));
}

/* Both take turns, and do so much faster where neither has to wake another processor. */
static void stay_here(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static pid_t start(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		fail("fork");
	if (!pid) {
		if (!ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			execvp(argv[0], argv);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		fail("the program was not started");
	if (ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL))
		fail("ptrace");
	return pid;
}

int main(int argc, char **argv)
{
	int from_start = argc > 2 && !strcmp(argv[1], "start");
	pid_t pid;

	if (argc < 3 || (!from_start && strcmp(argv[1], "work"))) {
		fprintf(stderr, "usage: steps start|work PROG [ARG...]\n");
		return 2;
	}
	stay_here();
	pid = start(argv + 2);
	for (int mark = 0; mark < 2 && !from_start; mark++)
		if (!go(pid, PTRACE_CONT))
			fail("a stop that is no mark");
	step_to_mark(pid);
	modules_read(pid);
	modules_print();
	return 0; /* and the program is killed */
}
