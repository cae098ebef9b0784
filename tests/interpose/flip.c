/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * flip CASE [MODULE]
 *
 * A program that asks for memory both writable and executable, and uses it in every way that a
 * program could think of. Each case prints what it found. flip.py runs every case natively and
 * under flip, compares, and reads from the last line how often a mapping was seen that was
 * writable and executable at once: natively that must be so, under flip never.
 *
 * Without CASE: the names of all cases.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_S 90

int flip_argc;
char **flip_argv;

/* Shared with children: what they see counts. */
static struct {
	unsigned looks, wx;
} * seen;

_Noreturn void flip_broken(const char *what)
{
	printf("BROKEN %s: %s\n", what, strerrorname_np(errno));
	fflush(stdout);
	_exit(2);
}

void *flip_map(void *at, size_t len, int prot, int flags)
{
	void *p = mmap(at, len, prot, flags, -1, 0);

	if (p == MAP_FAILED)
		flip_broken("mmap");
	return p;
}

void *flip_rwx(size_t pages)
{
	return flip_map(NULL, pages * PAGE, RWX, ANON);
}

/* Waits for a child and says how it ended. */
void flip_end_of(const char *what, pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		flip_broken(what);
	if (status)
		printf("%s: %s %d\n", what, WIFSIGNALED(status) ? "signal" : "status",
		       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

/*
 * Looks at all mappings of the process, and counts those that are writable and executable.
 *
 * Context: any thread; a child of fork.
 * Return: how many mappings there are.
 */
unsigned flip_look(void)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), at = -1;
	unsigned lines = 0, w = 0;
	char buf[4096];
	ssize_t n;

	if (fd < 0)
		flip_broken("/proc/self/maps");
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (char *c = buf; c < buf + n; c++) {
			/* `at` counts within the rights, which follow the first space of a line */
			at = *c == '\n' ? -1 : at >= 0 ? at + 1 : *c == ' ' ? 0 : -1;
			lines += *c == '\n';
			w = at == 2 ? *c == 'w' : w;
			if (at == 3 && *c == 'x' && w)
				__atomic_fetch_add(&seen->wx, 1, __ATOMIC_RELAXED);
		}
	}
	close(fd);
	__atomic_fetch_add(&seen->looks, 1, __ATOMIC_RELAXED);
	return lines;
}

unsigned long flip_resident_pages(void)
{
	unsigned long size, resident = 0;
	FILE *f = fopen("/proc/self/statm", "re");

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		flip_broken("statm");
	fclose(f);
	return resident;
}

/* How long the cases that run against the clock shall take. */
unsigned flip_seconds(void)
{
	const char *s = getenv("FLIP_SECONDS");

	return s ? (unsigned)atoi(s) : 2;
}

static void basic(void)
{
	unsigned char *p = flip_rwx(1);

	for (uint32_t i = 0; i < 1000; i++) {
		flip_check("basic", p, i);
		flip_look();
	}
	printf("at last %u\n", flip_call(p));
	if (munmap(p, PAGE))
		flip_broken("munmap");
}

static const struct flip_case first[] = {{"basic", basic}, {NULL, NULL}};

static const struct flip_case *const groups[] = {
	first,       flip_shape, flip_code, flip_io,      flip_process, flip_threads, flip_large,
	flip_errors, flip_move,  flip_deep, flip_writers, flip_start,   flip_churn,   flip_rights,
};

static void run(const struct flip_case *c)
{
	const char *slower = getenv("CM_TEST_SLOWER"); /* set where the processor is emulated */

	seen = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		flip_broken("counters");
	alarm(TIMEOUT_S * (slower ? (unsigned)atoi(slower) : 1));
	c->run();
	flip_look();
	printf("# looked %u times, writable and executable %u times\n", seen->looks, seen->wx);
}

int main(int argc, char **argv)
{
	int ran = 0;

	flip_argc = argc;
	flip_argv = argv;
	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
		for (const struct flip_case *c = groups[g]; c->name; c++) {
			if (argc < 2)
				puts(c->name);
			else if (!strcmp(argv[1], c->name) && ++ran)
				run(c);
		}
	}
	return argc >= 2 && ran != 1;
}
