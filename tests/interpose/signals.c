/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * usage: signals CASE none|before|after|naive
 *
 * What a program sees of its signals, printed: actions read back, what handlers are told, masks,
 * stacks, registers, children. The output must be the same natively and where the preloaded
 * library keeps a SIGSEGV handler of its own; signals.py compares. No address is printed, only
 * what is true of it.
 *
 * The second word says when the program maps memory that is writable and executable at once, and
 * runs code in it: never, before the case, or once the case has installed its handlers. Afterwards
 * the code is written anew and called again. "naive" is the twin: no such memory, but a handler
 * that nobody hides. Without a case: the names of all.
 */

#define PAGE 4096ul

static void managed(void);

/* Not compared: what tells a process with a handler of the library's from one without. */
static const struct signals_case own_cases[] = {{"managed", managed}, {NULL, NULL}};

static const struct signals_case *const lists[] = {
	own_cases,
	signals_action_cases,
	signals_fault_cases,
	signals_handler_cases,
	signals_stack_cases,
	signals_regs_cases,
	signals_mask_cases,
	signals_wait_cases,
	signals_thread_cases,
	signals_child_cases,
};

unsigned char *jit_page;
static bool wanted_after;

/* One line, in one write: handlers and children print as well. */
void say(const char *fmt, ...)
{
	static int n_lines;
	char line[256];
	va_list ap;
	int n, saved = errno;

	if (__atomic_add_fetch(&n_lines, 1, __ATOMIC_RELAXED) > 2000)
		_exit(9);
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[n] = '\n';
	if (write(1, line, n + 1) != n + 1)
		_exit(9);
	errno = saved;
}

/* What a call returned, and errno if that says so. */
void say_result(const char *what, long r)
{
	say("%s: %ld%s%s", what, r, r == -1 ? " " : "", r == -1 ? strerrorname_np(errno) : "");
}

/* Replaces the code at the start of the page, by stores of the program's own. */
void jit_load(const void *code, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile unsigned char *)jit_page)[i] = ((const unsigned char *)code)[i];
}

/* `mov $n,%eax; ret` */
static int jit_value(int n)
{
	unsigned char code[] = {0xb8, 0, 0, 0, 0, 0xc3};

	memcpy(code + 1, &n, sizeof(n));
	jit_load(code, sizeof(code));
	return ((int (*)(void))jit_page)();
}

/* Writes code that has run, twice, and runs it each time. Nothing where there is none. */
void jit_step(void)
{
	static int last = 42;
	int first, second;

	if (!jit_page)
		return;
	first = jit_value(last + 1);
	second = jit_value(last + 2);
	if (first != last + 1 || second != last + 2)
		say("jit: %d %d, not %d %d", first, second, last + 1, last + 2);
	last += 2;
}

static void jit_start(void)
{
	jit_page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (jit_page == MAP_FAILED)
		say("mmap: %s", strerrorname_np(errno)), _exit(8);
	jit_step();
}

/* Said by each case once its handlers are there. */
void ready(void)
{
	if (wanted_after && !jit_page)
		jit_start();
}

/* What becomes of a child that does this. */
void dies(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		alarm(10);
		fn();
		say("it lives on");
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		say("no child: %s", strerrorname_np(errno));
	else if (WIFSIGNALED(status))
		say("killed by %d", WTERMSIG(status));
	else
		say("exit %d", WEXITSTATUS(status));
}

/* Done by a thread of its own, and waited for. */
void on_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, fn, arg) || pthread_join(thread, NULL))
		say("no thread");
}

/* How many mappings are writable and executable, and whether the kernel has a SIGSEGV handler. */
static void managed(void)
{
	char line[512];
	unsigned long caught = 0;
	int n = 0;
	FILE *f;

	ready();
	jit_step();
	f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof(line), f))
		n += strstr(line, " rwx") != NULL;
	if (f)
		fclose(f);
	f = fopen("/proc/self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "SigCgt:", 7))
			caught = strtoul(line + 7, NULL, 16);
	if (f)
		fclose(f);
	say("writable and executable: %d; SIGSEGV caught: %d", n, (caught & BIT(SIGSEGV)) != 0);
}

static const struct signals_case *find(const char *name)
{
	for (size_t i = 0; i < N_ELEMENTS(lists); i++)
		for (const struct signals_case *c = lists[i]; c->name; c++)
			if (!name)
				puts(c->name);
			else if (!strcmp(c->name, name))
				return c;
	return NULL;
}

static void naive(int sig, siginfo_t *info, void *context)
{
	struct kernel_action none = {0};

	raw(SYS_rt_sigaction, sig, (long)&none, 0, 8);
}

/* What a library does that keeps a handler and does not hide it. */
static void be_naive(void)
{
	struct kernel_action ka = {naive, KERNEL_RESTORER | SA_SIGINFO, raw_restore, 0};

	raw(SYS_rt_sigaction, SIGSEGV, (long)&ka, 0, 8);
}

int main(int argc, char **argv)
{
	const struct rlimit no_core = {0, 0};
	const struct signals_case *c;

	if (argc != 3)
		return find(NULL) ? 2 : 0;
	c = find(argv[1]);
	if (!c || setrlimit(RLIMIT_CORE, &no_core))
		return 2;
	alarm(20);
	wanted_after = !strcmp(argv[2], "after");
	if (!strcmp(argv[2], "before"))
		jit_start();
	if (!strcmp(argv[2], "naive"))
		be_naive();
	c->run();
	ready();
	jit_step();
	say("end");
	return 0;
}
