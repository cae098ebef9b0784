/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * usage: execs show                            prints LD_PRELOAD and the arguments
 *        execs NAME PATH keep|clean|other|none executes PATH "show a b c" by one function of the
 *                                              exec family, with an environment of that kind
 *
 * execs.py says what each must come to.
 */

/* The exec family takes what it does not write without saying so. */
#define TEXT(s) ((char *)(s))

extern char **environ;

static char **envp;
static const char *path;

static char *show_argv[] = {TEXT("execs"), TEXT("show"), TEXT("a"), TEXT("b"), TEXT("c"), NULL};

static void by_execve(void)
{
	execve(path, show_argv, envp);
}

static void by_syscall(void)
{
	syscall(SYS_execve, path, show_argv, envp);
}

static void by_execveat(void)
{
	execveat(AT_FDCWD, path, show_argv, envp, 0);
}

static void by_fexecve(void)
{
	fexecve(open(path, O_RDONLY | O_CLOEXEC), show_argv, envp);
}

static void by_execv(void)
{
	environ = envp;
	execv(path, show_argv);
}

static void by_execvp(void)
{
	environ = envp;
	execvp(path, show_argv);
}

static void by_execvpe(void)
{
	execvpe(path, show_argv, envp);
}

static void by_execl(void)
{
	environ = envp;
	execl(path, "execs", "show", "a", "b", "c", (char *)NULL);
}

static void by_execle(void)
{
	execle(path, "execs", "show", "a", "b", "c", (char *)NULL, envp);
}

static void by_execlp(void)
{
	environ = envp;
	execlp(path, "execs", "show", "a", "b", "c", (char *)NULL);
}

static void by_vfork(void)
{
	int status;

	if (!vfork()) {
		execve(path, show_argv, envp);
		_exit(errno);
	}
	wait(&status);
	exit(WEXITSTATUS(status));
}

static void spawned(int error, pid_t pid)
{
	int status;

	errno = error;
	if (error)
		return;
	waitpid(pid, &status, 0);
	exit(WEXITSTATUS(status));
}

static void by_posix_spawn(void)
{
	pid_t pid = 0;
	int error = posix_spawn(&pid, path, NULL, NULL, show_argv, envp);

	spawned(error, pid);
}

static void by_posix_spawnp(void)
{
	pid_t pid = 0;
	int error = posix_spawnp(&pid, path, NULL, NULL, show_argv, envp);

	spawned(error, pid);
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
	{"execve", by_execve},
	{"syscall", by_syscall},
	{"execveat", by_execveat},
	{"fexecve", by_fexecve},
	{"execv", by_execv},
	{"execvp", by_execvp},
	{"execvpe", by_execvpe},
	{"execl", by_execl},
	{"execle", by_execle},
	{"execlp", by_execlp},
	{"vfork", by_vfork},
	{"posix_spawn", by_posix_spawn},
	{"posix_spawnp", by_posix_spawnp},
};

static int show(int argc, char **argv)
{
	const char *value = getenv("LD_PRELOAD");

	printf("LD_PRELOAD %s, KEPT %s,", value ? value : "unset",
	       getenv("KEPT") ? getenv("KEPT") : "unset");
	for (int i = 0; i < argc; i++)
		printf(" %s", argv[i]);
	printf("\n");
	return 7;
}

static char **environment(const char *kind)
{
	static char *clean[] = {TEXT("KEPT=1"), TEXT("PATH=/bin"), NULL};
	static char *other[] = {TEXT("KEPT=1"), TEXT("LD_PRELOAD=libm.so.6"), TEXT("PATH=/bin"),
				NULL};
	static char *empty[] = {NULL};

	if (!strcmp(kind, "keep"))
		return environ;
	if (!strcmp(kind, "clean"))
		return clean;
	if (!strcmp(kind, "other"))
		return other;
	return strcmp(kind, "null") ? empty : NULL;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "show"))
		return show(argc, argv);
	if (argc != 4) {
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
			puts(ways[i].name);
		return 2;
	}
	path = argv[2];
	envp = environment(argv[3]);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (!strcmp(argv[1], ways[i].name))
			ways[i].run();
	printf("%s\n", strerrorname_np(errno));
	return 1;
}
