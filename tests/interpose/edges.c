/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Prints what every function of the family returns and leaves in errno, for good and for odd
 * arguments. The output must be the same with and without the library; edges.py compares. No
 * address is printed, only what is true of it.
 */

#define PAGE 4096ul
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

#define SHOW(expr)                                                        \
	do {                                                              \
		long shown;                                               \
                                                                          \
		errno = 77; /* what success must leave alone */           \
		shown = (long)(expr);                                     \
		printf("%s = %s, errno %d\n", #expr, text(shown), errno); \
	} while (0)

static char *text(long v)
{
	static char buf[32];

	snprintf(buf, sizeof(buf), v > 4096 || v < -4096 ? "an address" : "%ld", v);
	return buf;
}

static char *pages(size_t n)
{
	char *p = mmap(NULL, n * PAGE, RW, ANON, -1, 0);

	if (p == MAP_FAILED)
		exit(2);
	memset(p, 'x', n * PAGE);
	return p;
}

static void maps(void)
{
	char *p = pages(4);
	int fd = open("/proc/self/exe", O_RDONLY);

	SHOW(mmap(NULL, PAGE, RW, ANON, -1, 0));
	SHOW(mmap64(NULL, PAGE, RW, ANON, -1, 0));
	SHOW(mmap(NULL, 0, RW, ANON, -1, 0));
	SHOW(mmap(NULL, SIZE_MAX, RW, ANON, -1, 0));
	SHOW(mmap(NULL, (size_t)PTRDIFF_MAX + 1, RW, ANON, -1, 0));
	SHOW(mmap(NULL, PAGE, RW, 0, -1, 0));
	SHOW(mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
	SHOW(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, -1, 0));
	SHOW(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	SHOW(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 1));
	SHOW(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, -(long)PAGE));
	SHOW(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
	SHOW(mmap(p + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	SHOW(mmap(p, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p);
	SHOW(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	SHOW(mmap(p, SIZE_MAX - PAGE, RW, ANON | MAP_FIXED, -1, 0));
	SHOW(mmap((void *)(1ul << 60), PAGE, RW, ANON | MAP_FIXED, -1, 0));
	SHOW(mmap(NULL, PAGE, RW | 1 << 20, ANON, -1, 0));
	SHOW(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS | 1 << 30, -1, 0));
	SHOW(p[PAGE]);
	SHOW(p[0]);
	close(fd);
}

static void unmaps(void)
{
	char *p = pages(8);

	SHOW(munmap(p + 1, PAGE));
	SHOW(munmap(p, 0));
	SHOW(munmap(p, SIZE_MAX));
	SHOW(munmap((void *)(1ul << 60), PAGE));
	SHOW(munmap(p, 1));
	SHOW(munmap(p, PAGE));
	SHOW(munmap(p + 2 * PAGE, PAGE));
	SHOW(munmap(p, 8 * PAGE));
}

static void protects(void)
{
	char *p = pages(4);

	SHOW(mprotect(p, PAGE, PROT_READ));
	SHOW(mprotect(p + 1, PAGE, PROT_READ));
	SHOW(mprotect(p, 0, PROT_READ));
	SHOW(mprotect(p, SIZE_MAX, PROT_READ));
	SHOW(mprotect(p, PAGE, 1 << 20));
	SHOW(mprotect(p, PAGE, -1 & ~PROT_EXEC));
	SHOW(mprotect(p, PAGE, RW | PROT_GROWSDOWN));
	SHOW(mprotect((void *)PAGE, PAGE, PROT_READ));
	SHOW(pkey_mprotect(p, PAGE, RW, -1));
	SHOW(pkey_mprotect(p, PAGE, RW, 9));
	SHOW(pkey_mprotect(p, PAGE, RW, 99));
	munmap(p + PAGE, PAGE);
	SHOW(mprotect(p, 4 * PAGE, PROT_READ));
}

static void remaps(void)
{
	char *p = pages(4), *q = pages(4), *s;

	SHOW(mremap(p, PAGE, 0, 0));
	SHOW(mremap(p + 1, PAGE, PAGE, 0));
	SHOW(mremap(p, 4 * PAGE, 2 * PAGE, 0) == p);
	SHOW(mremap(p, 2 * PAGE, PAGE, MREMAP_FIXED, q));
	SHOW(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q + 1));
	SHOW(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p));
	SHOW(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	SHOW(mremap(q, 4 * PAGE, 1ul << 47, MREMAP_MAYMOVE));
	SHOW(mremap(q, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE));
	SHOW(mremap((void *)PAGE, PAGE, PAGE, MREMAP_MAYMOVE));
	SHOW(mremap(p, PAGE, PAGE, 1 << 20));
	s = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	q = mremap(s, 0, PAGE, MREMAP_MAYMOVE);
	*s = 'y';
	SHOW(*q);
	p = pages(1);
	q = mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	SHOW(*q);
	SHOW(*p);
}

static void advises(void)
{
	char *p = pages(2);

	SHOW(madvise(p, PAGE, MADV_DONTNEED));
	SHOW(p[0]);
	SHOW(madvise(p + 1, PAGE, MADV_DONTNEED));
	SHOW(madvise(p, PAGE, 12345));
	SHOW(madvise(p, 0, MADV_DONTNEED));
	SHOW(madvise((void *)PAGE, PAGE, MADV_DONTNEED));
	SHOW(posix_madvise(p + PAGE, PAGE, POSIX_MADV_DONTNEED));
	SHOW(p[PAGE]);
	SHOW(posix_madvise(p + 1, PAGE, POSIX_MADV_WILLNEED));
	SHOW(posix_madvise(p, PAGE, 12345));
	SHOW(posix_madvise(p, PAGE, POSIX_MADV_SEQUENTIAL));
	SHOW(posix_madvise((void *)PAGE, PAGE, POSIX_MADV_WILLNEED));
}

static void segments(void)
{
	int id = shmget(IPC_PRIVATE, 3 * PAGE, 0600);
	char *p, *q = pages(3);

	SHOW(shmat(-1, NULL, 0));
	SHOW(shmat(id, q + 1, 0));
	SHOW(shmat(id, q, 0));
	SHOW(shmat(id, NULL, SHM_REMAP));
	SHOW(shmat(id, q + 1, SHM_REMAP | SHM_RND) == q);
	SHOW(q[0]);
	p = shmat(id, NULL, SHM_RDONLY);
	q[PAGE] = 'z';
	SHOW(p[PAGE]);
	SHOW(shmdt(p + PAGE));
	SHOW(mprotect(q + PAGE, PAGE, PROT_READ));
	SHOW(shmdt(p));
	SHOW(shmdt(p));
	SHOW(shmdt(q));
	SHOW(shmctl(id, IPC_RMID, NULL));
	SHOW(shmdt(NULL));
}

static void by_syscall(void)
{
	char *p = pages(4);

	SHOW(syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 0));
	SHOW(syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 1));
	SHOW(syscall(SYS_mmap, NULL, PAGE, RW | 1l << 40, ANON, -1, 0));
	SHOW(syscall(SYS_mmap | 1l << 32, NULL, PAGE, RW, ANON, -1, 0));
	SHOW(syscall(SYS_munmap, p, PAGE));
	SHOW(syscall(SYS_munmap, p + 1, PAGE));
	SHOW(syscall(SYS_mprotect, p + PAGE, PAGE, PROT_READ));
	SHOW(syscall(SYS_pkey_mprotect, p + PAGE, PAGE, PROT_READ, -1));
	SHOW(syscall(SYS_madvise, p + PAGE, PAGE, MADV_DONTNEED));
	SHOW(syscall(SYS_madvise, p + PAGE, PAGE, 12345));
	SHOW(syscall(SYS_mremap, p + PAGE, PAGE, PAGE, 0, 0));
	SHOW(syscall(SYS_shmdt, p));
	SHOW(syscall(SYS_shmat, -1, 0, 0));
	SHOW(syscall(SYS_getpid) == getpid());
	SHOW(syscall(SYS_close, -1));
	SHOW(syscall(100000));
	SHOW(syscall(-1));
	SHOW(syscall(SYS_execve, "/nonexistent", NULL, NULL));
	SHOW(syscall(SYS_execveat, -1, "nonexistent", NULL, NULL, 0));
	/* six arguments, of which libc takes the last from the stack */
	SHOW(syscall(SYS_pselect6, 0, NULL, NULL, NULL, (struct timespec[]){{0, 1}}, NULL));
}

/* A clone that returns twice through syscall(3), with and without memory in common. */
static void by_clone(void)
{
	int status = 0;
	long pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (!pid)
		_exit(41);
	SHOW(waitpid((pid_t)pid, &status, 0) == pid);
	SHOW(WEXITSTATUS(status));
	pid = syscall(SYS_fork);
	if (!pid) {
		char *p = mmap(NULL, PAGE, RW, ANON, -1, 0);

		_exit(p != MAP_FAILED && !munmap(p, PAGE) ? 42 : 1);
	}
	SHOW(waitpid((pid_t)pid, &status, 0) == pid);
	SHOW(WEXITSTATUS(status));
	pid = vfork();
	if (!pid) {
		char *p = mmap(NULL, PAGE, RW, ANON, -1, 0);

		_exit(p != MAP_FAILED && !munmap(p, PAGE) ? 43 : 1);
	}
	SHOW(waitpid(pid, &status, 0) == pid);
	SHOW(WEXITSTATUS(status));
}

int main(void)
{
	maps();
	unmaps();
	protects();
	remaps();
	advises();
	segments();
	by_syscall();
	by_clone();
	return 0;
}
