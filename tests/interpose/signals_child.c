/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Children: what they inherit of handlers and masks, over fork, vfork, spawn and exec. */

extern char **environ;

static void end_of(pid_t pid)
{
	int status = 0;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		say("no child: %s", strerrorname_np(errno));
	else
		say("child's status %#x", status & ~0x80);
}

static const char *action(int sig)
{
	struct sigaction sa;

	sigaction(sig, NULL, &sa);
	return sa.sa_handler == SIG_DFL       ? "default"
	       : sa.sa_handler == SIG_IGN     ? "ignored"
	       : sa.sa_sigaction == seen_note ? "seen_note"
					      : "another";
}

static void other(int sig, siginfo_t *info, void *context)
{
	say("the other handler");
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

static void install_other(void)
{
	struct sigaction sa = {.sa_sigaction = other, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &sa, NULL);
}

static void fault_and_say(const char *what)
{
	seen.n = 0;
	fault_load(NULL);
	say("%s: %s, runs %d, mask %#lx", what, action(SIGSEGV), seen.n, mask_now());
}

static void child_of_fork(void)
{
	fault_and_say("child");
	jit_step();
	install_other();
	fault_and_say("child, its own");
	jit_step();
	signal(SIGSEGV, SIG_DFL);
	say("child: %s", action(SIGSEGV));
	jit_step();
	fault_load(NULL);
}

static void forked(void)
{
	seen_resume = fault_load_end;
	seen_install(SIGSEGV, 0);
	dies(child_of_fork);
	fault_and_say("parent");
	install_other();
	dies(child_of_fork);
	fault_and_say("parent");
}

/* The parent changes its own while the child waits. */
static void forked_reverse(void)
{
	int go[2];
	pid_t pid;
	char c;

	seen_resume = fault_load_end;
	seen_install(SIGSEGV, 0);
	if (pipe(go))
		say("no pipe");
	pid = fork();
	if (!pid) {
		if (read(go[0], &c, 1) != 1)
			say("nothing read");
		fault_and_say("child");
		jit_step();
		_exit(0);
	}
	install_other();
	fault_and_say("parent");
	jit_step();
	if (write(go[1], "x", 1) != 1)
		say("nothing written");
	end_of(pid);
	jit_step();
}

/* Memory of both kinds, and a mask, in the child of a fork that blocks everything. */
static void child_of_blocked(void)
{
	say("child's mask %#lx", mask_now());
	jit_step();
	fault_load(NULL);
}

static void forked_blocked(void)
{
	sigset_t full;

	seen_resume = fault_load_end;
	seen_install(SIGSEGV, 0);
	mask_fill(&full);
	sigprocmask(SIG_BLOCK, &full, NULL);
	dies(child_of_blocked);
	jit_step();
	say("mask %#lx", mask_now());
}

/* Shares the memory until it execs or ends: its actions are its own all the same. */
static void vforked(void)
{
	static volatile int n_inside;
	pid_t pid;

	seen_resume = fault_load_end;
	seen_install(SIGSEGV, 0);
	for (int i = 0; i < 2; i++) {
		pid = vfork();
		if (!pid) {
			signal(SIGSEGV, i ? SIG_DFL : SIG_IGN);
			n_inside++;
			_exit(3);
		}
		end_of(pid);
		say("parent: %s, inside %d", action(SIGSEGV), n_inside);
		fault_and_say("parent");
		jit_step();
	}
}

static void vforked_flips(void)
{
	pid_t pid;

	seen_resume = fault_load_end;
	seen_install(SIGSEGV, 0);
	pid = vfork();
	if (!pid) {
		jit_step();
		fault_load(NULL);
		_exit(seen.n);
	}
	end_of(pid);
	jit_step();
	fault_and_say("parent");
}

/* What a new image has: as the kernel tells it. */
#define STATUS "^Sig(Pnd|Blk|Ign|Cgt)|^ShdPnd"
static char *const print[] = {(char *)"/bin/sed", (char *)"-nE", (char *)"/" STATUS "/p",
			      (char *)"/proc/self/status", NULL};

static void spawn(posix_spawnattr_t *attr)
{
	pid_t pid = -1;
	int r = posix_spawn(&pid, print[0], NULL, attr, print, environ);

	if (r)
		say("posix_spawn: %s", strerrorname_np(r));
	end_of(pid);
	jit_step();
}

static void fork_exec(void)
{
	pid_t pid = fork();

	if (!pid) {
		execv(print[0], print);
		_exit(9);
	}
	end_of(pid);
	pid = vfork();
	if (!pid) {
		execve(print[0], print, environ);
		_exit(9);
	}
	end_of(pid);
	jit_step();
}

/* The same by an instruction of the program's own. */
static void raw_exec(void)
{
	pid_t pid = fork();

	if (!pid) {
		jit_step();
		raw(SYS_execve, (long)print[0], (long)print, (long)environ, 0);
		_exit(9);
	}
	end_of(pid);
	jit_step();
}

static void shell(void)
{
	FILE *pipe;
	char line[128];

	fflush(NULL);
	say("system: %#x", system("exec sed -nE '/" STATUS "/p' /proc/self/status") & ~0x80);
	pipe = popen("exec sed -nE '/" STATUS "/p' /proc/self/status", "r");
	while (pipe && fgets(line, sizeof(line), pipe)) {
		line[strcspn(line, "\n")] = 0;
		say("popen: %s", line);
	}
	if (pipe)
		pclose(pipe);
	jit_step();
}

/* All that libc starts by itself. */
static void spawn_all(void)
{
	spawn(NULL);
	shell();
}

static void image_handled(void)
{
	seen_install(SIGSEGV, 0);
	seen_install(SIGUSR1, 0);
	spawn_all();
	fork_exec();
	seen_resume = fault_load_end;
	fault_and_say("parent");
}

static void image_default(void)
{
	ready();
	spawn_all();
	fork_exec();
	say("parent: %s", action(SIGSEGV));
}

/* A mask that, taken for an action, would be SIG_IGN. */
static void image_masked(void)
{
	seen_install(SIGSEGV, 0);
	mask_set(SIG_BLOCK, SIGHUP);
	spawn_all();
	fork_exec();
	say("parent: %s, mask %#lx", action(SIGSEGV), mask_now());
}

static void ignored(void (*start)(void))
{
	signal(SIGSEGV, SIG_IGN);
	signal(SIGUSR2, SIG_IGN);
	ready();
	start();
	say("parent: %s", action(SIGSEGV));
}

static void exec_ignored(void)
{
	ignored(fork_exec);
}

static void spawn_ignored(void)
{
	ignored(spawn_all);
}

static void blocked(void (*start)(void))
{
	sigset_t full;

	seen_install(SIGSEGV, 0);
	mask_set(SIG_BLOCK, SIGSEGV);
	start();
	mask_fill(&full);
	sigprocmask(SIG_SETMASK, &full, NULL);
	start();
	say("parent: %s, mask %#lx", action(SIGSEGV), mask_now());
}

static void exec_blocked(void)
{
	blocked(fork_exec);
}

static void spawn_blocked(void)
{
	blocked(spawn_all);
}

static void raw_ignored(void)
{
	seen_install(SIGSEGV, 0);
	raw_exec();
	ignored(raw_exec);
}

static void raw_blocked(void)
{
	blocked(raw_exec);
}

static void (*starts)(void);

static void start_inside(int sig, siginfo_t *info, void *context)
{
	starts();
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

/* What a crash handler starts has SIGSEGV blocked, as the handler has. */
static void inside(void (*start)(void))
{
	struct sigaction sa = {.sa_sigaction = start_inside, .sa_flags = SA_SIGINFO};

	starts = start;
	sigaction(SIGSEGV, &sa, NULL);
	ready();
	fault_load(NULL);
	say("after %#lx", mask_now());
}

static void exec_inside(void)
{
	inside(fork_exec);
}

static void spawn_inside(void)
{
	inside(spawn_all);
}

/* The attributes of posix_spawn about signals. */
static void spawn_attributes(void)
{
	posix_spawnattr_t attr;
	sigset_t set;

	signal(SIGUSR1, SIG_IGN);
	seen_install(SIGSEGV, 0);
	posix_spawnattr_init(&attr);
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	spawn(&attr);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	spawn(&attr);
	sigfillset(&set);
	posix_spawnattr_setsigdefault(&attr, &set);
	posix_spawnattr_setsigmask(&attr, &set);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	spawn(&attr);
	posix_spawnattr_destroy(&attr);
	say("parent: %s, mask %#lx", action(SIGSEGV), mask_now());
}

/* An exec that fails leaves everything as it was, in the process itself. */
static void exec_fails(void)
{
	char *const nothing[] = {(char *)"/nonexistent/program", NULL};
	char *const folder[] = {(char *)"/", NULL};
	pid_t pid = -1;

	seen_resume = fault_load_end;
	for (int i = 0; i < 2; i++) {
		if (i)
			signal(SIGSEGV, SIG_IGN);
		else
			seen_install(SIGSEGV, 0);
		ready();
		say_result("nothing", execv(nothing[0], nothing));
		jit_step();
		say_result("folder", execve(folder[0], folder, environ));
		jit_step();
		say("%ld", raw(SYS_execve, (long)nothing[0], (long)nothing, (long)environ, 0));
		jit_step();
		say("%s",
		    strerrorname_np(posix_spawn(&pid, nothing[0], NULL, NULL, nothing, environ)));
		say("%s, mask %#lx", action(SIGSEGV), mask_now());
		kill(getpid(), SIGSEGV);
		jit_step();
	}
}

/* The next image is this program again, and says what it finds. */
static void found(void)
{
	say("found SIGSEGV %s, SIGBUS %s, mask %#lx", action(SIGSEGV), action(SIGBUS), mask_now());
	ready();
	jit_step();
	say("found SIGSEGV %s, SIGBUS %s, mask %#lx", action(SIGSEGV), action(SIGBUS), mask_now());
}

static void exec_self(void)
{
	execl("/proc/self/exe", "signals", "child_found", "before", NULL);
	say("exec: %s", strerrorname_np(errno));
}

static void exec_self_all(void)
{
	seen_install(SIGBUS, 0);
	seen_install(SIGSEGV, 0);
	dies(exec_self);
	signal(SIGSEGV, SIG_IGN);
	dies(exec_self);
	mask_set(SIG_BLOCK, SIGSEGV);
	dies(exec_self);
	jit_step();
	signal(SIGSEGV, SIG_DFL);
	exec_self();
}

static int clone_child(void *arg)
{
	jit_step();
	fault_and_say("clone");
	signal(SIGSEGV, SIG_DFL);
	say("clone: %s", action(SIGSEGV));
	_exit(5);
}

/* A child that shares nothing; the memory, and not the handlers; both. */
static void clones(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));

	seen_resume = fault_load_end;
	for (int i = 0; i < 2; i++) {
		seen_install(SIGSEGV, 0);
		end_of(clone(clone_child, stack + sizeof(stack), flags | SIGCHLD, NULL));
		say("parent: %s", action(SIGSEGV));
		jit_step();
	}
}

static void cloned(void)
{
	clones(0);
	clones(CLONE_VM);
}

static void cloned_sharing(void)
{
	clones(CLONE_VM | CLONE_SIGHAND);
}

static void daemons_own(int sig, siginfo_t *info, void *context)
{
	say("the daemon's handler, code %d", info->si_code);
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] = (greg_t)fault_load_end;
}

/* Its parent is gone before it says anything; then it sets an action past libc. */
static void daemon_starts(pid_t parent)
{
	struct kernel_action ka = {daemons_own, KERNEL_RESTORER | SA_SIGINFO, raw_restore, 0};

	alarm(10);
	while (getppid() == parent)
		usleep(1000);
	usleep(50000);
	say("daemon: %ld", raw(SYS_rt_sigaction, SIGSEGV, (long)&ka, 0, 8));
	jit_step();
	fault_load(NULL);
	jit_step();
	raw(SYS_rt_sigaction, SIGSEGV, 0, (long)&ka, 8);
	say("daemon: as set %d", ka.handler == (void *)daemons_own);
	_exit(0);
}

static void daemon_raw(void)
{
	int fds[2];
	char c;
	pid_t pid;

	ready();
	if (pipe(fds))
		say("pipe: %s", strerrorname_np(errno));
	pid = fork();
	if (!pid) {
		pid = getpid();
		if (!fork())
			daemon_starts(pid);
		_exit(0);
	}
	end_of(pid);
	close(fds[1]);
	say("daemon ended: %zd", read(fds[0], &c, 1));
}

/* A child of fork that has one of vfork, which is the first of them to set an action. */
static void forked_and_vforked(void)
{
	pid_t pid;

	ready();
	seen_resume = fault_load_end;
	pid = fork();
	if (!pid) {
		alarm(2);
		pid = vfork();
		if (!pid) {
			signal(SIGSEGV, SIG_DFL);
			_exit(3);
		}
		end_of(pid);
		jit_step();
		seen_install(SIGSEGV, 0);
		jit_step();
		fault_and_say("child");
		_exit(0);
	}
	end_of(pid);
}

const struct signals_case signals_child_cases[] = {
	{"child_daemon_raw", daemon_raw},
	{"child_forked_and_vforked", forked_and_vforked},
	{"child_forked", forked},
	{"child_forked_reverse", forked_reverse},
	{"child_forked_blocked", forked_blocked},
	{"child_vforked", vforked},
	{"child_vforked_flips", vforked_flips},
	{"child_image_handled", image_handled},
	{"child_image_default", image_default},
	{"child_image_masked", image_masked},
	{"child_exec_ignored", exec_ignored},
	{"child_exec_blocked", exec_blocked},
	{"child_exec_inside", exec_inside},
	{"child_spawn_ignored", spawn_ignored},
	{"child_spawn_blocked", spawn_blocked},
	{"child_spawn_inside", spawn_inside},
	{"child_raw_ignored", raw_ignored},
	{"child_raw_blocked", raw_blocked},
	{"child_spawn_attributes", spawn_attributes},
	{"child_exec_fails", exec_fails},
	{"child_found", found},
	{"child_exec_self", exec_self_all},
	{"child_cloned", cloned},
	{"child_cloned_sharing", cloned_sharing},
	{NULL, NULL},
};
