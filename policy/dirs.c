/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/dirs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

/*
 * Where policy files are, for all tools alike.
 *
 * The shipped folder is found from the running program (PREFIX/bin/cmrun has
 * PREFIX/share/cookiemap/policy.d), so that an installed prefix may be moved. CM_POLICY_DIR names
 * another instead; that and the user's folder come from the environment, which a program that runs
 * with more rights than its caller does not listen to.
 */

#define ADMIN_DIR "/etc/cookiemap/policy.d"
#define BELOW     "cookiemap/policy.d"

static const char *environment(const char *name)
{
	const char *value = getauxval(AT_SECURE) ? NULL : getenv(name);

	return value && *value ? value : NULL;
}

static int path_join(const char *a, const char *b, const char **pathp)
{
	char *path;

	if (asprintf(&path, "%s/%s", a, b) < 0)
		return -ENOMEM;
	*pathp = path;
	return 0;
}

static int shipped_find(const char **pathp)
{
	const char *given = environment("CM_POLICY_DIR");
	char exe[PATH_MAX];
	ssize_t n;

	if (given) {
		*pathp = strdup(given);
		return *pathp ? 0 : -ENOMEM;
	}
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0)
		return 0; /* no /proc: nothing to find it from */
	exe[n] = 0;
	for (int up = 0; up < 2; up++) {
		char *slash = strrchr(exe, '/');

		if (!slash)
			return 0;
		*slash = 0;
	}
	return path_join(exe, "share/" BELOW, pathp);
}

/* Source: XDG Base Directory Specification: a path that is not absolute is as good as none. */
static int user_find(const char **pathp)
{
	const char *config = environment("XDG_CONFIG_HOME"), *home = environment("HOME");

	if (config && *config == '/')
		return path_join(config, BELOW, pathp);
	return home && *home == '/' ? path_join(home, ".config/" BELOW, pathp) : 0;
}

/*
 * Find the folders; none of them need exist. The strings are the caller's to policy_dirs_deinit().
 *
 * Return: 0 and *dp written; -ENOMEM.
 */
int policy_dirs_init(struct policy_dirs *dp)
{
	struct policy_dirs dirs = {0};
	int r = shipped_find(&dirs.shipped);

	dirs.admin = strdup(ADMIN_DIR);
	if (!r && !dirs.admin)
		r = -ENOMEM;
	if (!r)
		r = user_find(&dirs.user);
	if (r)
		policy_dirs_deinit(&dirs);
	else
		*dp = dirs;
	return r;
}

/* Free the strings of policy_dirs_init(). */
void policy_dirs_deinit(struct policy_dirs *dirs)
{
	free((void *)dirs->shipped);
	free((void *)dirs->admin);
	free((void *)dirs->user);
	*dirs = (struct policy_dirs){0};
}
