/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/seal.h"

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include "tests/escape/attacks/gate.h"

/*
 * How an attack on sealed memory makes its calls:
 *
 *   libc      by libc's functions, which the library wraps
 *   syscall   by syscall(3)
 *   inline    by an instruction of its own
 *   gate      by a jump to the gate; where there is none, to the program's own
 *   site      by libc's functions past the wrappers: their own instructions, patched or not
 *
 * and from where: main thread fork vfork signal · clone_vm, by a process that shares the memory and
 * not the number · orphan, by a child whose parent is gone · unpreloaded: this program executed
 * again without the library.
 */

typedef long call_fn(long nr, long a, long b, long c, long d, long e);

static uintptr_t gate; /* of the instruction */
static call_fn *call;

static struct {
	__typeof__(mmap) *map;
	__typeof__(munmap) *unmap;
	__typeof__(mprotect) *protect;
	__typeof__(mremap) *remap;
	__typeof__(madvise) *advise;
} site;

static long errno_of(long r)
{
	if (!sys_is_error(r))
		return r;
	errno = (int)-r;
	return -1;
}

static long by_inline(long nr, long a, long b, long c, long d, long e)
{
	return errno_of(sys_raw6(nr, a, b, c, d, e, 0));
}

static long by_syscall(long nr, long a, long b, long c, long d, long e)
{
	return syscall(nr, a, b, c, d, e, 0L);
}

/* Less usual calls, which each have their function too. */
static long by_libc_rare(long nr, long a, long b, long c, long d, long e)
{
	switch (nr) {
	case SYS_pkey_mprotect:
		return pkey_mprotect((void *)a, (size_t)b, (int)c, (int)d);
	case SYS_remap_file_pages:
		return remap_file_pages((void *)a, (size_t)b, (int)c, (size_t)d, (int)e);
	case SYS_shmat:
		return (long)shmat((int)a, (void *)b, (int)c);
	case SYS_shmdt:
		return shmdt((void *)a);
	case SYS_process_madvise:
		return process_madvise((int)a, (void *)b, (size_t)c, (int)d, (unsigned)e);
	case SYS_brk:
		return brk((void *)a);
	default:
		attack_broken("libc");
	}
}

static long by_libc(long nr, long a, long b, long c, long d, long e)
{
	switch (nr) {
	case SYS_mmap:
		return (long)mmap((void *)a, (size_t)b, (int)c, (int)d, (int)e, 0);
	case SYS_munmap:
		return munmap((void *)a, (size_t)b);
	case SYS_mprotect:
		return mprotect((void *)a, (size_t)b, (int)c);
	case SYS_mremap:
		return (long)mremap((void *)a, (size_t)b, (size_t)c, (int)d, (void *)e);
	case SYS_madvise:
		return madvise((void *)a, (size_t)b, (int)c);
	default:
		return by_libc_rare(nr, a, b, c, d, e);
	}
}

static long by_site(long nr, long a, long b, long c, long d, long e)
{
	switch (nr) {
	case SYS_mmap:
		return (long)site.map((void *)a, (size_t)b, (int)c, (int)d, (int)e, 0);
	case SYS_munmap:
		return site.unmap((void *)a, (size_t)b);
	case SYS_mprotect:
		return site.protect((void *)a, (size_t)b, (int)c);
	case SYS_mremap:
		return (long)site.remap((void *)a, (size_t)b, (size_t)c, (int)d, (void *)e);
	case SYS_madvise:
		return site.advise((void *)a, (size_t)b, (int)c);
	default:
		attack_broken("site");
	}
}

__asm__(".text\n"
	"seal_own_gate: syscall\n"
	"ret\n");
extern const char seal_own_gate[];

static long by_gate(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("sub $128, %%rsp\n\t"
			 "call *%[gate]\n\t"
			 "add $128, %%rsp"
			 : "=a"(r), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), [gate] "r"(gate)
			 : "rcx", "r11", "memory");
	return errno_of(r);
}

static void find_sites(void)
{
	static const char libc[] = "libc.so.6";

	site.map = (__typeof__(mmap) *)seal_load(libc, RTLD_NOLOAD, "mmap");
	site.unmap = (__typeof__(munmap) *)seal_load(libc, RTLD_NOLOAD, "munmap");
	site.protect = (__typeof__(mprotect) *)seal_load(libc, RTLD_NOLOAD, "mprotect");
	site.remap = (__typeof__(mremap) *)seal_load(libc, RTLD_NOLOAD, "mremap");
	site.advise = (__typeof__(madvise) *)seal_load(libc, RTLD_NOLOAD, "madvise");
}

/* Chooses how seal_call() calls. Before anything is attacked: it may need libc. */
void seal_by(const char *name)
{
	static const struct {
		const char *name;
		call_fn *fn;
	} calls[] = {
		{"libc", by_libc}, {"syscall", by_syscall}, {"inline", by_inline},
		{"gate", by_gate}, {"site", by_site},
	};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (attack_is(name, calls[i].name))
			call = calls[i].fn;
	if (!call)
		attack_broken("usage");
	if (call == by_gate)
		gate = gate_find() ? gate_find() + 4 : (uintptr_t)seal_own_gate;
	if (call == by_site)
		find_sites();
}

/* Return: as syscall(2): -1 with errno. */
long seal_call(long nr, long a, long b, long c, long d, long e)
{
	return call(nr, a, b, c, d, e);
}

static void (*attack)(void);

static void on_signal(int nr)
{
	attack();
}

static void *in_thread(void *arg)
{
	attack();
	return NULL;
}

static int in_clone(void *arg)
{
	attack();
	return 2;
}

static void attack_in_child(int flags)
{
	static char stack[65536] __attribute__((aligned(16)));
	pid_t pid = flags ? clone(in_clone, stack + sizeof(stack), flags | SIGCHLD, NULL) : fork();

	if (pid < 0)
		attack_broken("child");
	if (!pid)
		attack();
	attack_end_as(pid);
}

/* The child's word, since nobody can wait for it. */
static _Noreturn void end_as_said(int from)
{
	char said[64];
	ssize_t n, len = 0;

	while ((n = read(from, said + len, sizeof(said) - (size_t)len)) > 0)
		len += n;
	if (write(STDOUT_FILENO, said, (size_t)len) != len || len < 8)
		attack_broken("orphan");
	_exit(said[0] == 'E' ? 0 : said[0] == 'R' ? 1 : 2);
}

static void attack_as_orphan(void)
{
	pid_t pid, parent;
	int line[2];

	if (pipe(line))
		attack_broken("pipe");
	pid = fork();
	if (pid > 0) {
		close(line[1]);
		end_as_said(line[0]);
	}
	parent = getpid();
	if (pid || fork())
		_exit(0);
	dup2(line[1], STDOUT_FILENO);
	close(line[1]);
	while (getppid() == parent)
		usleep(1000);
	attack();
}

static void attack_in_thread(void)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, in_thread, NULL);
	if (errno)
		attack_broken("pthread_create");
	pthread_join(t, NULL);
}

static void execute_unpreloaded(char **argv)
{
	static char from[] = "main";

	unsetenv("LD_PRELOAD");
	argv[1] = from;
	execve("/proc/self/exe", argv, environ);
}

/* Calls `fn`, which ends the program, there. */
_Noreturn void seal_from(const char *place, char **argv, void (*fn)(void))
{
	attack = fn;
	if (attack_is(place, "main"))
		attack();
	if (attack_is(place, "thread"))
		attack_in_thread();
	if (attack_is(place, "fork"))
		attack_in_child(0);
	if (attack_is(place, "vfork"))
		attack_in_child(CLONE_VFORK | CLONE_VM);
	if (attack_is(place, "clone_vm"))
		attack_in_child(CLONE_VM);
	if (attack_is(place, "orphan"))
		attack_as_orphan();
	if (attack_is(place, "signal")) {
		signal(SIGUSR1, on_signal);
		raise(SIGUSR1);
	}
	if (attack_is(place, "unpreloaded"))
		execute_unpreloaded(argv);
	attack_broken("place");
}
