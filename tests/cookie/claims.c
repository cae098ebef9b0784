/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/claims.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * What every test of the C interface begins and ends with. Separate since each test is a program of
 * its own, which twice.py runs alone and under cmrun: both must say the same, line for line. So no
 * line holds an address, a cookie or a number that is chance; what may differ stands on lines that
 * begin with '#'. Children of a test say nothing: they end with a status.
 */

void *claims_library;

static unsigned n_claims, n_failed;

/*
 * One claim, one line. errno is left alone.
 *
 * Return: whether it holds.
 */
bool claim(bool good, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	n_claims++;
	n_failed += !good;
	printf("%s %u - ", good ? "ok" : "not ok", n_claims);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	errno = saved;
	return good;
}

/* A line that is not compared. */
void claim_note(const char *fmt, ...)
{
	va_list ap;

	fputs("# ", stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/* The plan, the sum, and whose functions were called; an exit status. */
int claims_end(void)
{
	void *served = dlsym(RTLD_DEFAULT, "cmgetptr");
	Dl_info info;

	if (!served && claims_library)
		served = dlsym(claims_library, "cmgetptr");
	if (served && dladdr(served, &info))
		claim_note("served by %s", strrchr(info.dli_fname, '/') + 1);
	printf("1..%u\n# %u passed, %u failed\n", n_claims, n_claims - n_failed, n_failed);
	return n_claims && !n_failed ? 0 : 1;
}

/* Ends the test: what is to be tested cannot even begin. */
_Noreturn void claims_broken(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(99);
}

/* A file without a name, open for reading and writing; its page N is full of the byte 'a' + N. */
int file_new(size_t n_pages)
{
	char path[] = "/tmp/cm-cookie-XXXXXX";
	int fd = mkstemp(path);
	char page[PAGE];

	if (fd < 0 || unlink(path))
		claims_broken("a file");
	for (size_t i = 0; i < n_pages; i++) {
		memset(page, 'a' + (int)i, sizeof(page));
		if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page))
			claims_broken("writing a file");
	}
	return fd;
}

/* How many times slower than a computer this one is: tests/kernel says so where it is emulated. */
unsigned slower(void)
{
	const char *word = getenv("CM_TEST_SLOWER");
	unsigned n = word ? (unsigned)strtoul(word, NULL, 10) : 1;

	return n ? n : 1;
}

/* Whoever has waited for so long waits for itself: the process ends by a signal. */
void deadline(unsigned seconds)
{
	alarm(seconds * slower());
}

/* Zeroed memory that fork children share, by mmap(2). */
void *shared_new(size_t len)
{
	void *p = mmap(NULL, len, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		claims_broken("mmap");
	return p;
}

/* Waits for a child: its exit status, or -1 if a signal ended it. */
int child_end(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			claims_broken("waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Runs it in a fork child: what it returned, or -1 if a signal ended the child. */
int child_run(int (*run)(void *), void *with)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		claims_broken("fork");
	if (!pid)
		_exit(run(with));
	return child_end(pid);
}
