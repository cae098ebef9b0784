/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/exec.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include "interpose/chain.h"
#include "interpose/gate.h"
#include "interpose/text.h"
#include "interpose/wrap.h"
#include "interpose/forbid.h"

/*
 * exec.preload: a program that is executed with an environment of the caller's making gets the
 * library all the same. Where LD_PRELOAD in it does not name the library, the call is made with a
 * copy of the environment's vector in which it does; the strings are the caller's own.
 *
 * Everything beyond that is libc's: what it searches, its ENOEXEC, its file actions. execve and
 * execveat are bare system calls in libc too; the others are handed to libc's function, found when
 * the library started (interpose/link.c).
 *
 * Nothing here protects: an image without the library is policed by the supervisor.
 *
 * The copy is on the stack, since in a vfork child there is no other place that an exec takes away:
 * the heap and every mapping are the parent's. libc's execl(3) and execvp(3) do the same. An
 * environment of more than MAX_VARIABLES is passed on as it is.
 *
 * Context: as the functions themselves: also in a signal handler or vfork child.
 */

extern char **environ;

#define MAX_VARIABLES 16384

enum exec_how { EXECVE, EXECVEAT, EXECVPE, FEXECVE, SPAWN, SPAWNP };

struct exec_call {
	enum exec_how how;
	int fd; /* EXECVEAT, FEXECVE */
	const char *path;
	char *const *argv;
	char *const *envp;
	int flags;   /* EXECVEAT */
	bool direct; /* EXECVE, EXECVEAT: as a system call, whoever else wraps the name */
	pid_t *pidp;
	const void *actions, *attr; /* SPAWN, SPAWNP */
};

static const char variable[] = "LD_PRELOAD=";

static int failed(long r)
{
	if (!sys_is_error(r))
		return (int)r;
	*__errno_location() = (int)-r;
	return -1;
}

/* A signal may interrupt the notification, never execve(2) itself. */
static int exec_raw(const struct exec_call *c, char *const *envp)
{
	long r;

	do {
		if (c->how == EXECVE)
			r = sys_raw6(SYS_execve, (long)c->path, (long)c->argv, (long)envp, 0, 0, 0);
		else
			r = sys_raw6(SYS_execveat, c->fd, (long)c->path, (long)c->argv, (long)envp,
				     c->flags, 0);
	} while (r == -EINTR);
	return failed(r);
}

#define NEXT(name) ((__typeof__(&name))state()->next[NEXT_##name])

/* posix_spawn(3) returns its errors, the others set errno. */
static int run_as_is(const struct exec_call *c, char *const *envp)
{
	switch (c->how) {
	case EXECVE:
		return NEXT(execve) && !c->direct ? NEXT(execve)(c->path, c->argv, envp)
						  : exec_raw(c, envp);
	case EXECVEAT:
		return NEXT(execveat) && !c->direct
			       ? NEXT(execveat)(c->fd, c->path, c->argv, envp, c->flags)
			       : exec_raw(c, envp);
	case EXECVPE:
		return NEXT(execvpe) ? NEXT(execvpe)(c->path, c->argv, envp) : failed(-ENOSYS);
	case FEXECVE:
		return NEXT(fexecve) ? NEXT(fexecve)(c->fd, c->argv, envp) : failed(-ENOSYS);
	case SPAWN:
		return NEXT(posix_spawn) ? NEXT(posix_spawn)(c->pidp, c->path, c->actions, c->attr,
							     c->argv, envp)
					 : ENOSYS;
	case SPAWNP:
		return NEXT(posix_spawnp) ? NEXT(posix_spawnp)(c->pidp, c->path, c->actions,
							       c->attr, c->argv, envp)
					  : ENOSYS;
	}
	__builtin_unreachable();
}

/* posix_spawn(3) does it in a child of its own, which chain.c knows about. */
static int run(const struct exec_call *c, char *const *envp)
{
	struct chain_action saved;
	bool here = c->how != SPAWN && c->how != SPAWNP && chain_before_exec(&saved);
	int r = run_as_is(c, envp);

	if (here)
		chain_after_exec(&saved);
	return r;
}

/* Whether a value of LD_PRELOAD names the library; ld.so parts it at spaces and colons. */
static bool names_library(const char *value)
{
	const struct state *s = state();
	size_t path = text_len(s->path), loaded = text_len(s->loaded);

	while (*value) {
		size_t n = 0;

		while (value[n] && value[n] != ' ' && value[n] != ':')
			n++;
		if (n && ((n == path && !memcmp(value, s->path, n)) ||
			  (n == loaded && !memcmp(value, s->loaded, n))))
			return true;
		value += n + (value[n] != 0);
	}
	return false;
}

/* The last LD_PRELOAD, which is the one that ld.so goes by, and the number of variables. */
static size_t preload_find(char *const *envp, size_t *np)
{
	size_t n = 0, at = SIZE_MAX;

	for (; envp && envp[n]; n++)
		if (text_begins(envp[n], variable))
			at = n;
	*np = n;
	return at;
}

/* "LD_PRELOAD=<library>[:<what it was>]" */
static void preload_write(char *to, const char *was)
{
	const char *path = state()->path;
	size_t len = sizeof(variable) - 1;

	memcpy(to, variable, len);
	memcpy(to + len, path, text_len(path) + 1);
	len += text_len(path);
	if (!was || !*was)
		return;
	to[len++] = ':';
	memcpy(to + len, was, text_len(was) + 1);
}

static int exec_run(const struct exec_call *c)
{
	char *const *envp = c->envp;
	size_t n, at;
	const char *was;
	char **copy, *text;

	if (!state()->preload)
		return run(c, envp);
	at = preload_find(envp, &n);
	was = at == SIZE_MAX ? NULL : envp[at] + sizeof(variable) - 1;
	if ((was && names_library(was)) || n > MAX_VARIABLES)
		return run(c, envp);
	text = __builtin_alloca(sizeof(variable) + STATE_PATH_MAX + (was ? text_len(was) + 1 : 0));
	copy = __builtin_alloca((n + 2) * sizeof(*copy));
	preload_write(text, was);
	if (n)
		memcpy(copy, envp, n * sizeof(*copy));
	copy[n] = copy[n + 1] = NULL;
	copy[at == SIZE_MAX ? n : at] = text;
	return run(c, copy);
}

/*
 * execve(2) as syscall(3) makes it, with the library kept where exec.preload asks for it.
 *
 * Return: -1 with errno set; it does not return on success.
 */
int exec_execve(const char *path, char *const *argv, char *const *envp)
{
	return exec_run(&(struct exec_call){
		.how = EXECVE, .path = path, .argv = argv, .envp = envp, .direct = true});
}

/* As exec_execve(), for execveat(2). */
int exec_execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags)
{
	return exec_run(&(struct exec_call){.how = EXECVEAT,
					    .fd = dir,
					    .path = path,
					    .argv = argv,
					    .envp = envp,
					    .flags = flags,
					    .direct = true});
}

static int execute(const char *path, char *const *argv, char *const *envp)
{
	return exec_run(
		&(struct exec_call){.how = EXECVE, .path = path, .argv = argv, .envp = envp});
}

EXPORT int execve(const char *path, char *const *argv, char *const *envp)
{
	return execute(path, argv, envp);
}

EXPORT int execveat(int dir, const char *path, char *const *argv, char *const *envp, int flags)
{
	return exec_run(&(struct exec_call){.how = EXECVEAT,
					    .fd = dir,
					    .path = path,
					    .argv = argv,
					    .envp = envp,
					    .flags = flags});
}

EXPORT int execv(const char *path, char *const *argv)
{
	return execute(path, argv, environ);
}

static int search(const char *file, char *const *argv, char *const *envp)
{
	return exec_run(
		&(struct exec_call){.how = EXECVPE, .path = file, .argv = argv, .envp = envp});
}

EXPORT int execvpe(const char *file, char *const *argv, char *const *envp)
{
	return search(file, argv, envp);
}

EXPORT int execvp(const char *file, char *const *argv)
{
	return search(file, argv, environ);
}

/* libc refuses an environment of NULL, so it must see it. */
EXPORT int fexecve(int fd, char *const *argv, char *const *envp)
{
	struct exec_call c = {.how = FEXECVE, .fd = fd, .argv = argv, .envp = envp};

	return envp ? exec_run(&c) : run(&c, NULL);
}

EXPORT int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
		       const posix_spawnattr_t *attr, char *const *argv, char *const *envp)
{
	return exec_run(&(struct exec_call){.how = SPAWN,
					    .path = path,
					    .argv = argv,
					    .envp = envp,
					    .pidp = pid,
					    .actions = actions,
					    .attr = attr});
}

EXPORT int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *actions,
			const posix_spawnattr_t *attr, char *const *argv, char *const *envp)
{
	return exec_run(&(struct exec_call){.how = SPAWNP,
					    .path = file,
					    .argv = argv,
					    .envp = envp,
					    .pidp = pid,
					    .actions = actions,
					    .attr = attr});
}

static size_t count_args(va_list args)
{
	size_t n = 1;

	while (va_arg(args, const char *))
		n++;
	return n;
}

/*
 * Gathers (arg, …, NULL) into `argv` on the caller's stack, where it must outlive the call. A macro
 * because the room is the calling function's. `args` is left behind the NULL.
 */
#define GATHER(argv, arg, args)                                                        \
	do {                                                                           \
		size_t n_args = 0;                                                     \
		va_list counted;                                                       \
                                                                                       \
		va_copy(counted, args);                                                \
		(argv) = __builtin_alloca((1 + count_args(counted)) * sizeof(char *)); \
		va_end(counted);                                                       \
		(argv)[0] = (char *)(arg);                                             \
		do                                                                     \
			(argv)[++n_args] = va_arg(args, char *);                       \
		while ((argv)[n_args]);                                                \
	} while (0)

EXPORT int execl(const char *path, const char *arg, ...)
{
	char **argv;
	va_list args;

	va_start(args, arg);
	GATHER(argv, arg, args);
	va_end(args);
	return execute(path, argv, environ);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	char **argv, *const *envp;
	va_list args;

	va_start(args, arg);
	GATHER(argv, arg, args);
	envp = va_arg(args, char *const *);
	va_end(args);
	return execute(path, argv, envp);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	char **argv;
	va_list args;

	va_start(args, arg);
	GATHER(argv, arg, args);
	va_end(args);
	return search(file, argv, environ);
}
