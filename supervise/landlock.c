/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/start.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The Landlock domain around a tree: kernel.proc_mem and kernel.supervisor.
 *
 * Any domain keeps its members, root's too, from tracing what is outside it: opening
 * /proc/PID/mem or taking descriptors by pidfd_getfd(2) (security/landlock/task.c, ptrace hooks).
 * For that alone the domain scopes nothing but signals (Landlock ABI 6, Linux 6.12), which leaves
 * mount(2) alone.
 *
 * Landlock cannot say "not /proc/PID/mem", it can only allow what lies beneath a folder. So
 * kernel.proc_mem handles writing to files and allows it beneath every entry of / but /proc; what
 * else is written beneath /proc (comm, oom_score_adj, uid_map, sys) is lost with it, and mount(2)
 * is refused in such a domain. A second procfs, and a descriptor that was opened before, are not
 * covered.
 */

/* include/uapi/linux/landlock.h, Linux 6.12; Debian 12's header is older. */
struct ruleset_attr {
	uint64_t handled_access_fs;
	uint64_t handled_access_net;
	uint64_t scoped;
};

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

#define ACCESS_FS_WRITE_FILE (1ull << 1)
#define ACCESS_FS_REFER      (1ull << 13)
#define SCOPE_SIGNAL         (1ull << 1)
#define RULE_PATH_BENEATH    1
#define CREATE_VERSION       1
#define ABI_REFER            2
#define ABI_SCOPE            6

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule       445
#define SYS_landlock_restrict_self  446
#endif

static int allow_beneath(int ruleset, const char *name, uint64_t access)
{
	struct path_beneath_attr beneath = {.allowed_access = access};
	char path[300];
	int r = 0;

	snprintf(path, sizeof(path), "/%s", name);
	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &beneath, 0) < 0)
		r = -errno;
	close(beneath.parent_fd);
	return r;
}

/* Whatever a domain handles, it forbids to move files between folders, unless it handles that too
 * and allows it. */
static int allow_all_but_proc(int ruleset, uint64_t handled)
{
	DIR *root = opendir("/");
	struct dirent *e;
	int r = 0;

	if (!root)
		return -errno;
	if (handled & ACCESS_FS_REFER)
		r = allow_beneath(ruleset, "", ACCESS_FS_REFER);
	while (!r && (e = readdir(root)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, "..") && strcmp(e->d_name, "proc"))
			r = allow_beneath(ruleset, e->d_name, ACCESS_FS_WRITE_FILE);
	closedir(root);
	return r;
}

/*
 * A ruleset for what the policy wants. Return: its descriptor, the caller's; -1 where nothing is
 * wanted; or -errno: the kernel lacks what is wanted.
 */
int landlock_make(const struct policy *p)
{
	bool no_mem = policy_value(p, KEY_K_PROC_MEM) == PROC_MEM_LANDLOCK;
	bool shield = policy_value(p, KEY_K_SUPERVISOR);
	struct ruleset_attr attr = {0};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_VERSION);
	int fd, r;

	if (!no_mem && !shield)
		return -1;
	if (abi < (shield && !no_mem ? ABI_SCOPE : 1))
		return -ENOSYS;
	if (no_mem)
		attr.handled_access_fs =
			ACCESS_FS_WRITE_FILE | (abi >= ABI_REFER ? ACCESS_FS_REFER : 0);
	if (shield && abi >= ABI_SCOPE)
		attr.scoped = SCOPE_SIGNAL;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, abi >= ABI_SCOPE ? sizeof(attr) : 8,
			  0);
	if (fd < 0)
		return -errno;
	r = no_mem ? allow_all_but_proc(fd, attr.handled_access_fs) : 0;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

/* Enters the domain; needs CAP_SYS_ADMIN, or sets no_new_privs. Return: 0 or -errno. */
int landlock_enter(int ruleset)
{
	if (!syscall(SYS_landlock_restrict_self, ruleset, 0))
		return 0;
	if (errno != EPERM || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_landlock_restrict_self, ruleset, 0) < 0 ? -errno : 0;
}
