/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * sandboxed CASE HOW
 *
 * Programs that install a seccomp filter of their own: under it nothing may be called on their
 * behalf but the mmap family, and what they call themselves. HOW says what becomes of every other
 * call: `kill` ends the process by SIGSYS, `errno` fails with EPERM.
 *
 * The case runs in a child. The parent, which has no such filter, looks for mappings that are
 * writable and executable at once while the child runs, and says how it ended.
 *
 * Without CASE: the names of all cases. The case `forbidden` is the twin of all others: it shows
 * that the filter does what HOW says to the calls that a library might make.
 */

#include "tests/interpose/sandboxed.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define TIMEOUT_S 40
#define N_CALLS   64

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static uint32_t forbidden_is; /* what the filter answers */

/* Shared with the child. */
static struct {
	int looks, wx;
} * seen;

/* The mmap family, and what every case needs to print, and to end. */
static const int family[] = {
	SYS_mmap,       SYS_munmap,       SYS_mprotect,   SYS_pkey_mprotect,
	SYS_mremap,     SYS_madvise,      SYS_brk,        SYS_process_madvise,
	SYS_shmat,      SYS_shmdt,        SYS_mseal,      SYS_remap_file_pages,
	SYS_msync,      SYS_mincore,      SYS_mlock,      SYS_mlock2,
	SYS_munlock,    SYS_mlockall,     SYS_munlockall, SYS_write,
	SYS_exit_group, SYS_rt_sigreturn,
};

#define N_FAMILY (sizeof(family) / sizeof(*family))

_Noreturn void broken(const char *what)
{
	say("BROKEN %s: %s", what, error_name(errno));
	_exit(2);
}

const char *error_name(int error)
{
	return error ? strerrorname_np(error) : "done";
}

/* One line, by one write(2). */
void say(const char *format, ...)
{
	char line[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	line[n++] = '\n';
	if (write(STDOUT_FILENO, line, (size_t)n) != n)
		_exit(3);
}

void *map(size_t len, int prot)
{
	void *p = mmap(NULL, len, prot, ANON, -1, 0);

	if (p == MAP_FAILED)
		broken("mmap");
	return p;
}

/* mov $value,%eax; ret */
void emit(unsigned char *at, uint32_t value)
{
	*(volatile unsigned char *)at = 0xb8;
	for (int i = 0; i < 4; i++)
		((volatile unsigned char *)at)[1 + i] = (unsigned char)(value >> 8 * i);
	((volatile unsigned char *)at)[5] = 0xc3;
}

uint32_t call(const unsigned char *at)
{
	return ((uint32_t(*)(void))(uintptr_t)at)();
}

/* Without a system call: the calls of the others are what is tested. */
void wait_while(const volatile int *word, int value)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == value)
		__asm__ volatile("pause");
}

/* Waits until the parent has had a look that began after this. */
void be_seen(void)
{
	int n = __atomic_load_n(&seen->looks, __ATOMIC_ACQUIRE);

	wait_while(&seen->looks, n);
	wait_while(&seen->looks, n + 1);
}

/* Installs the filter in every thread that there is. */
void sandbox(const int *calls)
{
	struct sock_filter code[3 + N_CALLS + 2];
	struct sock_fprog prog = {.filter = code};
	int nr[N_CALLS], n = 0, at = 0;

	for (size_t i = 0; i < N_FAMILY; i++)
		nr[n++] = family[i];
	while (*calls >= 0 && n < N_CALLS)
		nr[n++] = *calls++;
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						  offsetof(struct seccomp_data, nr));
	for (int i = 0; i < n; i++)
		code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							  (uint32_t)nr[i], (uint8_t)(n - i), 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, forbidden_is);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)at;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog))
		broken("seccomp");
}

/* ---- the twin ------------------------------------------------------------------------------- */

static void forbidden_call(int nr)
{
	long r;

	SANDBOX();
	r = syscall(nr, 0, 0, 0, 0, 0, 0);
	_exit(r == -1 && errno == EPERM ? 1 : 2);
}

/* Every call that was ever made, or might be, for a program that did not ask for it. */
static void forbidden(void)
{
	static const int calls[] = {
		SYS_futex,  SYS_sched_yield,  SYS_getpid,         SYS_gettid,
		SYS_kill,   SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_tgsigqueueinfo,
		SYS_shmctl, SYS_openat,       SYS_close,          SYS_getppid,
	};
	int status;

	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		pid_t pid = fork();

		if (!pid)
			forbidden_call(calls[i]);
		if (pid < 0 || waitpid(pid, &status, 0) != pid)
			broken("fork");
		say("call %d: %s %d", calls[i], WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static const struct sandboxed_case twin[] = {{"forbidden", forbidden}, {NULL, NULL}};

static const struct sandboxed_case *const groups[] = {twin, sandboxed_maps, sandboxed_foreign,
						      sandboxed_flip};

/* ---- the parent ----------------------------------------------------------------------------- */

static void look(pid_t pid)
{
	char path[32], line[512];
	int wx = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		char w = 0, x = 0;

		wx |= sscanf(line, "%*s %*c%c%c", &w, &x) == 2 && w == 'w' && x == 'x';
	}
	if (f)
		fclose(f);
	seen->wx += wx;
	__atomic_add_fetch(&seen->looks, 1, __ATOMIC_RELEASE);
}

static void watch(pid_t pid)
{
	int status, r;

	while ((r = waitpid(pid, &status, WNOHANG)) == 0) {
		look(pid);
		usleep(500);
	}
	if (r != pid)
		broken("waitpid");
	say("ended by %s %d", WIFSIGNALED(status) ? "signal" : "status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	say("# looked %d times, writable and executable %d times", seen->looks, seen->wx);
}

static int run(const struct sandboxed_case *c, const char *how)
{
	pid_t pid;

	seen = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		broken("counters");
	forbidden_is = !strcmp(how, "kill") ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | EPERM;
	pid = fork();
	if (pid < 0)
		broken("fork");
	if (!pid) {
		alarm(TIMEOUT_S);
		/* its children have no alarm, and none can be set under the filter */
		if (setrlimit(RLIMIT_CPU, &(struct rlimit){TIMEOUT_S, TIMEOUT_S}))
			broken("setrlimit");
		c->run();
		_exit(0);
	}
	watch(pid);
	return 0;
}

int main(int argc, char **argv)
{
	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
		for (const struct sandboxed_case *c = groups[g]; c->name; c++) {
			if (argc < 3)
				puts(c->name);
			else if (!strcmp(argv[1], c->name))
				return run(c, argv[2]);
		}
	}
	return argc >= 3;
}
