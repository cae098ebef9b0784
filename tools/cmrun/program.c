/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/cmrun/cmrun.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "policy/near.h"

/*
 * The program that is to be run, and the library that it is to load, found before anything starts.
 */

static bool is_program(const char *path, int *errorp)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			*errorp = errno;
		return false;
	}
	if (S_ISREG(st.st_mode) && !access(path, X_OK))
		return true;
	*errorp = EACCES;
	return false;
}

static bool search(const char *name, char *path, size_t size, int *errorp)
{
	const char *at = getenv("PATH");

	if (!at)
		at = "/bin:/usr/bin"; /* execvp(3) */
	for (;;) {
		size_t n = strcspn(at, ":");

		if (snprintf(path, size, "%.*s%s%s", (int)n, at, n ? "/" : "", name) < (int)size &&
		    is_program(path, errorp))
			return true;
		if (!at[n])
			return false;
		at += n + 1;
	}
}

/*
 * Finds a program as execvp(3) does and writes its path, resolved, to `path`.
 * Return: 0, or cmrun's exit status, with the reason on standard error.
 */
int find_program(const char *name, char *path, size_t size)
{
	char found[PATH_MAX], real[PATH_MAX];
	int error = ENOENT;

	if (strchr(name, '/')) {
		snprintf(found, sizeof(found), "%s", name);
		is_program(found, &error);
		if (!is_program(found, &error))
			found[0] = 0;
	} else if (!search(name, found, sizeof(found), &error)) {
		found[0] = 0;
	}
	if (!found[0]) {
		fprintf(stderr, "cmrun: %s: %s\n", name, strerror(error));
		return error == ENOENT ? 127 : 126;
	}
	snprintf(path, size, "%s", realpath(found, real) ? real : found);
	return 0;
}

/* The executable of the process at the other end of the pair, empty where it cannot be told. */
void peer_exe(int sock, char *exe, size_t size)
{
	char link[48];
	struct ucred peer;
	socklen_t len = sizeof(peer);
	ssize_t n = -1;

	if (!getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
		snprintf(link, sizeof(link), "/proc/%d/exe", (int)peer.pid);
		n = readlink(link, exe, size - 1);
	}
	exe[n < 0 ? 0 : n] = 0;
}

static bool library_path(char *path, size_t size)
{
	static const char *const places[] = {
		"/../" CM_LIBDIR "/libcminterpose.so", /* PREFIX/bin */
		"/../../interpose/libcminterpose.so",  /* the build tree */
	};
	char self[PATH_MAX], joined[PATH_MAX + 64], real[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(joined, sizeof(joined), "%s%s", self, places[i]);
		if (realpath(joined, real) && !access(real, R_OK)) {
			snprintf(path, size, "%s", real);
			return true;
		}
	}
	return false;
}

/*
 * Puts the library in front of LD_PRELOAD. Return: whether the program can be expected to load it;
 * without it everything is policed by notification, and that has been said.
 */
bool preload_library(void)
{
	char path[PATH_MAX];
	const char *old = getenv("LD_PRELOAD");
	char *new = NULL;

	if (!library_path(path, sizeof(path)) || strpbrk(path, ": ")) {
		fputs("cmrun: libcminterpose.so is not beside this cmrun (or its path has a space "
		      "or a "
		      "colon, which LD_PRELOAD cannot hold): policed by notification only, "
		      "slower\n",
		      stderr);
		return false;
	}
	if (old && strstr(old, path))
		return true;
	if (asprintf(&new, "%s%s%s", path, old && *old ? ":" : "", old ? old : "") < 0 ||
	    setenv("LD_PRELOAD", new, 1) < 0)
		return false;
	free(new);
	return true;
}

/* One line on a word of the command line that is not an option. Return: -EINVAL. */
int usage_error(const char *word, bool missing, const struct option *options)
{
	const char *names[16], *near;
	char name[64];
	size_t n = 0;

	if (missing) {
		fprintf(stderr, "cmrun: %s: expected a value after it; see cmrun --help\n", word);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word + strspn(word, "-"));
	while (options[n].name && n < 16) {
		names[n] = options[n].name;
		n++;
	}
	near = near_word(name, names, n);
	fprintf(stderr, "cmrun: %s: unknown option%s%s%s See cmrun --help\n", word,
		near ? "; did you mean --" : "", near ? near : "", near ? "?" : ".");
	return -EINVAL;
}
