/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The two attacks that matter most, by every way into the kernel, from every place in a program:
 *
 *   enter CALL PLACE rwx     map memory readable, writable and executable
 *   enter CALL PLACE addx    map it readable and writable, then make it executable
 *
 * CALL is how the system call is made, PLACE where in the program's life.
 */

#include "tests/escape/attack.h"
#include <pthread.h>
#include <sched.h>
#include "common/sys.h"

typedef long (*call_fn)(long nr, long a, long b, long c, long d, long e, long f);

static long call_libc(long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_mmap)
		return (long)mmap((void *)a, (size_t)b, (int)c, (int)d, (int)e, f);
	return mprotect((void *)a, (size_t)b, (int)c);
}

static long call_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	return syscall(nr, a, b, c, d, e, f);
}

static long errno_of(long r)
{
	if (!sys_is_error(r))
		return r;
	errno = (int)-r;
	return -1;
}

static long call_inline(long nr, long a, long b, long c, long d, long e, long f)
{
	return errno_of(sys_raw6(nr, a, b, c, d, e, f));
}

static long call_x32(long nr, long a, long b, long c, long d, long e, long f)
{
	return errno_of(sys_raw6(nr | 0x40000000, a, b, c, d, e, f));
}

/* i386's entry, from 64-bit code: mmap2 takes its offset in pages, in ebp. Source: Linux
 * arch/x86/entry/entry_64_compat.S and syscalls/syscall_32.tbl. */
static long call_int80(long nr, long a, long b, long c, long d, long e, long f)
{
	int r = nr == SYS_mmap ? 192 : 125;

	__asm__ volatile("sub $128, %%rsp\n\t"
			 "push %%rbp\n\t"
			 "mov %[f], %%rbp\n\t"
			 "int $0x80\n\t"
			 "pop %%rbp\n\t"
			 "add $128, %%rsp"
			 : "+a"(r)
			 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [f] "r"(f / 4096)
			 : "r8", "r9", "r10", "r11", "memory");
	return r < 0 && r >= -4095 ? errno_of(r) : (long)(unsigned)r;
}

static const struct {
	const char *name;
	call_fn fn;
} calls[] = {
	{"libc", call_libc},   {"syscall", call_syscall}, {"inline", call_inline},
	{"int80", call_int80}, {"x32", call_x32},
};

static call_fn call;
static int want_addx;

static _Noreturn void attack(void)
{
	long p;

	if (!want_addx) {
		p = call(SYS_mmap, 0, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, -1, 0);
		if (p == -1)
			attack_refused("mmap");
		attack_plant((void *)p);
		attack_run((void *)p);
	}
	/* Low, so that the i386 entry can name it as well. */
	p = (long)attack_page(ATTACK_RW, ATTACK_ANON | MAP_32BIT);
	attack_plant((void *)p);
	if (call(SYS_mprotect, p, ATTACK_PAGE, ATTACK_RX, 0, 0, 0))
		attack_refused("mprotect");
	attack_run((void *)p);
}

static void on_signal(int nr)
{
	attack();
}

static void *in_thread(void *arg)
{
	attack();
}

static int in_clone(void *arg)
{
	attack();
}

static _Noreturn void attack_in_clone(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid = clone(in_clone, stack + sizeof(stack), flags | SIGCHLD, NULL);

	if (pid < 0)
		attack_broken("clone");
	attack_end_as(pid);
}

static _Noreturn void attack_in_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, in_thread, NULL);
	if (errno)
		attack_broken("pthread_create");
	pthread_join(t, NULL);
	attack_broken("thread");
}

static _Noreturn void attack_in_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		attack_broken("fork");
	if (!pid)
		attack();
	attack_end_as(pid);
}

/* Executes this program again: `chain:N` N times over, otherwise as `main`. */
static _Noreturn void attack_in_exec(char **argv, char **envp)
{
	static char next[32] = "main";
	const char *colon = strchr(argv[2], ':');
	int left = colon ? atoi(colon + 1) : 0;
	char *args[] = {argv[0], argv[1], next, argv[3], NULL};

	if (left > 1)
		snprintf(next, sizeof(next), "chain:%d", left - 1);
	execve("/proc/self/exe", args, envp);
	attack_broken("execve");
}

static void choose(char **argv)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (attack_is(argv[1], calls[i].name))
			call = calls[i].fn;
	}
	want_addx = attack_is(argv[3], "addx");
	if (!call || (!want_addx && !attack_is(argv[3], "rwx"))) {
		errno = EINVAL;
		attack_broken("usage");
	}
}

__attribute__((constructor)) static void in_constructor(int argc, char **argv)
{
	if (argc != 4 || !attack_is(argv[2], "constructor"))
		return;
	choose(argv);
	attack();
}

static void *exec_in_thread(void *arg)
{
	attack_in_exec(arg, environ);
}

static _Noreturn void attack_in_thread_exec(char **argv)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, exec_in_thread, argv);
	if (errno)
		attack_broken("pthread_create");
	pause();
	attack_broken("pause");
}

int main(int argc, char **argv, char **envp)
{
	static char *no_env[] = {NULL};

	if (argc != 4)
		attack_broken("usage");
	choose(argv);
	if (attack_is(argv[2], "main"))
		attack();
	if (attack_is(argv[2], "signal")) {
		signal(SIGUSR1, on_signal);
		raise(SIGUSR1);
	}
	if (attack_is(argv[2], "thread"))
		attack_in_thread();
	if (attack_is(argv[2], "fork"))
		attack_in_fork();
	if (attack_is(argv[2], "vfork"))
		attack_in_clone(CLONE_VFORK | CLONE_VM);
	if (attack_is(argv[2], "clone_vm"))
		attack_in_clone(CLONE_VM);
	if (attack_is(argv[2], "empty"))
		attack_in_exec(argv, no_env);
	if (attack_is(argv[2], "thread_exec"))
		attack_in_thread_exec(argv);
	if (attack_is(argv[2], "unpreloaded")) {
		unsetenv("LD_PRELOAD");
		attack_in_exec(argv, environ);
	}
	if (strncmp(argv[2], "chain:", 6) == 0)
		attack_in_exec(argv, envp);
	attack_broken("usage");
}
