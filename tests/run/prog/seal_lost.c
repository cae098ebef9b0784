/* SPDX-License-Identifier: BSD-2-Clause */
#include <dlfcn.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "include/cookiemap.h"

/*
 * What could make the bookkeeping of seals lose one, or take one for another's.
 *
 *   seal_lost jumps      a handler leaves calls of the family by siglongjmp(3), a hundred times
 *   seal_lost fork A B   the parent loads A after it has forked, then the child B
 *   seal_lost gaps       mimmutable(2) over a terabyte with one page in it
 *   seal_lost exec P...  a seccomp filter that kills for mseal(2), then P
 *   seal_lost late A     the same filter, then dlopen(3) of A
 *   seal_lost mseal      calls mseal(2)
 */

#define JUMPS 100
#define MSEAL 462 /* Linux 6.10 */

static sigjmp_buf back;
static volatile sig_atomic_t inside, n_jumps;

static void leave(int sig)
{
	(void)sig;
	if (inside)
		siglongjmp(back, 1);
}

static int (*function(const char *name))(void *, size_t, int)
{
	return (int (*)(void *, size_t, int))dlsym(RTLD_DEFAULT, name);
}

static char *page_of(int prot)
{
	return mmap(NULL, 4096, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Calls that change the table of seals, one after the other, and leaves them at any point. */
static void call(int (*seal)(void *, size_t, int))
{
	char *p = page_of(PROT_READ | PROT_WRITE);

	if (seal)
		seal(p, 4096, CM_SEAL_PROT);
	munmap(p, 4096);
}

static int jumps(void)
{
	int (*seal)(void *, size_t, int) = function("cmsealrange");
	struct itimerval every = {{0, 150}, {0, 150}}, never = {{0, 0}, {0, 0}};
	char *p = page_of(PROT_READ);
	time_t end = time(NULL) + 20;

	if (seal && seal(p, 4096, CM_SEAL_PROT | CM_SEAL_UNMAP | CM_SEAL_REPLACE))
		return 1;
	signal(SIGALRM, leave);
	setitimer(ITIMER_REAL, &every, NULL);
	while (n_jumps < JUMPS && time(NULL) < end) {
		if (sigsetjmp(back, 1))
			n_jumps++;
		inside = 1;
		for (int i = 0; i < 8; i++)
			call(seal);
		inside = 0;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	printf("%s, %s\n", n_jumps < JUMPS ? "few" : "enough",
	       mprotect(p, 4096, PROT_READ | PROT_WRITE) ? strerror(errno) : "lost");
	return 0;
}

static const char *loaded(const char *path)
{
	return dlopen(path, RTLD_NOW) ? "loaded" : dlerror();
}

static int forks(const char *a, const char *b)
{
	int go[2];
	char c;

	if (pipe(go))
		return 1;
	fflush(stdout);
	if (!fork()) {
		c = read(go[0], &c, 1) == 1 ? 0 : 1;
		printf("child: %s\n", loaded(b));
		fflush(stdout);
		_exit(c);
	}
	printf("parent: %s\n", loaded(a));
	fflush(stdout);
	if (write(go[1], "x", 1) != 1)
		return 1;
	wait(NULL);
	return 0;
}

static int gaps(void)
{
	int (*immutable)(void *, size_t) =
		(int (*)(void *, size_t))dlsym(RTLD_DEFAULT, "mimmutable");
	size_t len = 1ull << 40;
	char *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at = p + len / 3 / 4096 * 4096;

	if (p == MAP_FAILED || munmap(p, at - p) || munmap(at + 4096, p + len - at - 4096))
		return 1;
	printf("%d, ", immutable ? immutable(p, len) : 0);
	printf("%d\n", munmap(at, 4096));
	return 0;
}

/* As a sandbox does that does not know the call. */
static int confine(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MSEAL, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {4, code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &filter);
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "exec"))
		return confine() || execv(argv[2], argv + 2);
	if (argc == 3 && !strcmp(argv[1], "late"))
		return confine() || puts(loaded(argv[2])) < 0;
	if (argc == 2 && !strcmp(argv[1], "mseal"))
		return printf("%ld\n", syscall(MSEAL, 0, 0, 0)) < 0;
	if (argc == 2 && !strcmp(argv[1], "jumps"))
		return jumps();
	if (argc == 4 && !strcmp(argv[1], "fork"))
		return forks(argv[2], argv[3]);
	if (argc == 2 && !strcmp(argv[1], "gaps"))
		return gaps();
	fprintf(stderr, "usage: seal_lost jumps | fork A B | gaps | exec P... | late A | mseal\n");
	return 2;
}
