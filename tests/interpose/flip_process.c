/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * More than one process: children of every kind, which inherit memory that is believed to be
 * writable and executable, and go on with it, while the parent does too.
 */

#include "tests/interpose/flip.h"
#include "tests/interpose/flip_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK 65536

extern char **environ;

/* Writes and calls `n` times in each of 4 pages. */
static void use(const char *what, unsigned char *p, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		flip_check(what, p + i % 4 * PAGE, i);
	flip_look();
}

static void child_ends(void)
{
	fflush(stdout);
	_exit(0);
}

/* What is still to be printed is not the child's. */
static pid_t fork_clean(void)
{
	fflush(stdout);
	return fork();
}

static void fork_both(void)
{
	unsigned char *p = flip_rwx(4);

	use("before", p, 20);
	for (uint32_t i = 0; i < 5; i++) {
		pid_t pid;

		flip_emit(p, 1000 + i);
		flip_call(p + PAGE);
		fflush(stdout);
		pid = fork_clean();
		if (!pid) {
			printf("child has %u\n", flip_call(p));
			use("child", p, 200);
			child_ends();
		}
		use("parent", p + 0, 200);
		flip_end_of("fork", pid);
		printf("parent has %u\n", flip_call(p + 3 * PAGE));
	}
}

/* A child of a child, and memory that only the child has asked for. */
static void fork_deep(void)
{
	unsigned char *p = flip_rwx(4);
	pid_t pid = fork_clean();

	if (!pid) {
		unsigned char *q = flip_rwx(4);

		use("child", p, 20);
		use("child's own", q, 20);
		pid = fork_clean();
		if (!pid) {
			use("grandchild", p, 20);
			use("grandchild's", q, 20);
			munmap(q, 4 * PAGE);
			flip_show("unmapped", 'w', q, q);
			child_ends();
		}
		flip_end_of("grandchild", pid);
		use("child's own", q, 20);
		child_ends();
	}
	flip_end_of("child", pid);
	use("parent", p, 20);
	printf("done\n");
}

static volatile int stop;

static void *busy(void *arg)
{
	unsigned char *p = arg;

	while (!stop) {
		for (uint32_t i = 0; i < 50; i++)
			flip_check("thread", p + i % 4 * PAGE, i);
		usleep(100);
	}
	return NULL;
}

static void fork_among_threads(void)
{
	unsigned char *p = flip_rwx(12);
	pthread_t t[2];

	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, busy, p + (4 + 4 * i) * PAGE))
			flip_broken("pthread_create");
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork_clean();

		if (!pid) {
			alarm(10);
			use("child", p, 40);
			use("child, the thread's", p + 4 * PAGE, 40);
			child_ends();
		}
		use("parent", p, 40);
		flip_end_of("fork", pid);
	}
	stop = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	printf("done\n");
}

static void by_vfork(void)
{
	unsigned char *p = flip_rwx(4);

	use("before", p, 20);
	for (int i = 0; i < 10; i++) {
		pid_t pid = vfork();

		if (!pid) {
			flip_check("vfork", p, 55);
			flip_check("vfork", p + PAGE, 66);
			flip_emit(p + PAGE, 77);
			_exit(0);
		}
		flip_end_of("vfork", pid);
		printf("parent has %u %u\n", flip_call(p), flip_call(p + PAGE));
		use("parent", p, 20);
	}
}

static int in_clone(void *arg)
{
	unsigned char *p = arg;

	for (uint32_t i = 0; i < 100; i++)
		flip_check("clone", p + i % 4 * PAGE, i);
	flip_emit(p, 4321);
	_exit(0);
}

/* A process that shares the memory and nothing else. */
static void clone_vm_with(int flags, const char *what)
{
	unsigned char *p = flip_rwx(4), *stack = flip_map(NULL, STACK, RW, ANON | MAP_STACK);

	use("before", p, 20);
	for (int i = 0; i < 5; i++) {
		pid_t pid = clone(in_clone, stack + STACK, flags | SIGCHLD, p);

		flip_end_of(what, pid);
		printf("parent has %u\n", flip_call(p));
		use("parent", p, 20);
	}
}

static void clone_vm(void)
{
	clone_vm_with(CLONE_VM, "CLONE_VM");
}

static void clone_vfork(void)
{
	clone_vm_with(CLONE_VM | CLONE_VFORK, "CLONE_VM | CLONE_VFORK");
}

static void clone_sighand(void)
{
	clone_vm_with(CLONE_VM | CLONE_SIGHAND | CLONE_FILES | CLONE_FS, "CLONE_SIGHAND");
}

static unsigned char *volatile late;

static int in_early_clone(void *arg)
{
	(void)arg;
	while (!late)
		usleep(1000);
	return in_clone(late);
}

/* The process is there before there is any such memory. */
static void clone_vm_early(void)
{
	unsigned char *stack = flip_map(NULL, STACK, RW, ANON | MAP_STACK);
	pid_t pid = clone(in_early_clone, stack + STACK, CLONE_VM | SIGCHLD, NULL);
	unsigned char *p = flip_rwx(4);

	use("before", p, 20);
	late = p;
	flip_end_of("early clone", pid);
	printf("parent has %u\n", flip_call(p));
	use("parent", p, 20);
}

static void exec_self(void)
{
	unsigned char *p = flip_rwx(4);
	char name[] = "flip", calls[] = "calls", *argv[] = {name, calls, NULL};

	use("before", p, 20);
	printf("now another image\n");
	fflush(stdout);
	execv("/proc/self/exe", argv);
	flip_broken("execv");
}

static void exec_fails(void)
{
	unsigned char *p = flip_rwx(4);
	char name[] = "nothing", *argv[] = {name, NULL};

	use("before", p, 20);
	printf("%d", execv("/nonexistent", argv));
	printf(" %s\n", strerrorname_np(errno));
	use("afterwards", p, 20);
}

static void spawn(void)
{
	unsigned char *p = flip_rwx(4);
	char name[] = "flip", calls[] = "calls", *argv[] = {name, calls, NULL};
	pid_t pid;

	use("before", p, 20);
	fflush(stdout);
	if (posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ))
		flip_broken("posix_spawn");
	use("parent", p, 20);
	flip_end_of("posix_spawn", pid);
	printf("system: %d\n", system("exit 3") >> 8);
	use("parent", p, 20);
}

/* The module that asked for the memory is there no more. */
static void dlclose_caller(void)
{
	unsigned char *p;
	__typeof__(module_map) *map;
	void *module;

	for (uint32_t i = 0; i < 3; i++) {
		if (flip_argc < 3)
			flip_broken("usage");
		module = dlopen(flip_argv[2], RTLD_NOW | RTLD_LOCAL);
		map = module ? (__typeof__(map))(uintptr_t)dlsym(module, "module_map") : NULL;
		if (!map)
			flip_broken("dlopen");
		p = map(4 * PAGE);
		if (p == MAP_FAILED)
			flip_broken("module_map");
		use("loaded", p, 20);
		dlclose(module);
		use("closed", p, 20);
		printf("%u\n", flip_call(p));
		munmap(p, 4 * PAGE);
	}
}

/* The module that asked is gone: what it has made goes on, and so it does in a child. */
static void closed_module(void)
{
	void *module = flip_argc > 2 ? dlopen(flip_argv[2], RTLD_NOW) : NULL;
	__typeof__(module_map) *map;
	unsigned char *p;
	pid_t pid;

	map = module ? (__typeof__(map))(uintptr_t)dlsym(module, "module_map") : NULL;
	if (!map)
		flip_broken("module");
	p = map(4 * PAGE);
	use("open", p, 20);
	dlclose(module);
	use("closed", p, 20);
	pid = fork_clean();
	if (!pid) {
		use("child", p, 20);
		child_ends();
	}
	flip_end_of("child", pid);
	printf("parent has %u\n", flip_call(p));
}

const struct flip_case flip_process[] = {
	{"closed_module", closed_module},
	{"fork_both", fork_both},
	{"fork_deep", fork_deep},
	{"fork_among_threads", fork_among_threads},
	{"vfork", by_vfork},
	{"clone_vm", clone_vm},
	{"clone_vfork", clone_vfork},
	{"clone_sighand", clone_sighand},
	{"clone_vm_early", clone_vm_early},
	{"exec_self", exec_self},
	{"exec_fails", exec_fails},
	{"spawn", spawn},
	{"dlclose_caller", dlclose_caller},
	{NULL, NULL},
};
