/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/wrap.h"

#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include "interpose/chain.h"
#include "interpose/fault.h"
#include "interpose/flip.h"
#include "interpose/gate.h"
#include "interpose/pages.h"
#include "interpose/state.h"
#include "interpose/writer.h"
#include "interpose/forbid.h"

/*
 * System calls that store into the program's memory do not fault: they fail with EFAULT where it is
 * not writable. So those that programs read data by make their buffers writable first, where these
 * lie in memory that flip manages; and once more if another thread has run it meanwhile.
 *
 * Those that store a structure are made again when they have failed. What nobody keeps in code,
 * what libc stores by system calls of its own, and raw system calls fail with EFAULT there, if the
 * page has run.
 *
 * In a process without such memory each is a jump to the next definition of its name: libc's, with
 * its cancellation points.
 *
 * Context: as the functions themselves.
 */

#undef fread_unlocked /* a macro of stdio.h's */

#define NEXT(name) ((__typeof__(&name))state()->next[NEXT_##name])
#define CALLER     ((uint64_t)__builtin_return_address(0))

size_t __fread_chk(void *restrict buf, size_t room, size_t size, size_t n, FILE *restrict f);
size_t __fread_unlocked_chk(void *restrict buf, size_t room, size_t size, size_t n,
			    FILE *restrict f);
char *__getcwd_chk(char *buf, size_t n, size_t room);
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t at, size_t room);
ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags);
ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t room, int flags,
		       struct sockaddr *restrict from, socklen_t *restrict len);

static ssize_t missing(void)
{
	*__errno_location() = ENOSYS;
	return -1;
}

/* What the kernel reads or writes at most at a time (fs/read_write.c, MAX_RW_COUNT), and of how
 * many pieces (UIO_MAXIOV). */
#define MAX_BYTES 0x7ffff000ull
#define MAX_PARTS 1024

static void count_x(page_word *word, uint64_t arg)
{
	*(uint64_t *)arg += (page_get(word) & (PAGE_MANAGED | PAGE_X)) == (PAGE_MANAGED | PAGE_X);
}

/* Makes a buffer writable as far as it has run. Return: whether anything had to be done. */
static bool open_pages(uint64_t buf, size_t n, uint64_t caller)
{
	struct range r = {page_down(buf), page_up(buf + (n < MAX_BYTES ? n : MAX_BYTES))};
	uint64_t n_x = 0;
	bool any = false;

	if (!n || r.end <= r.start)
		return false;
	pages_each(r, count_x, (uint64_t)&n_x);
	for (uint64_t page = r.start; n_x && page < r.end; page += CM_PAGE) {
		const page_word *word = pages_find(page);
		page_word now = word ? page_get(word) : 0;

		if ((now & (PAGE_MANAGED | PAGE_X)) == (PAGE_MANAGED | PAGE_X) &&
		    writer_may_call(caller, page, now))
			any |= fault_write((struct range){page, page + CM_PAGE});
	}
	return any;
}

/* The same for the buffers of a vector, wherever that lies. */
static bool open_all(const struct iovec *v, size_t n, uint64_t caller)
{
	struct iovec one;
	bool any = false;

	for (size_t i = 0; n <= MAX_PARTS && i < n && !chain_copy(&one, &v[i], sizeof(one)); i++)
		any |= open_pages((uint64_t)one.iov_base, one.iov_len, caller);
	return any;
}

static bool open_message(const struct msghdr *m, uint64_t caller)
{
	struct msghdr h;

	return !chain_copy(&h, m, sizeof(h)) && open_all(h.msg_iov, h.msg_iovlen, caller);
}

static bool open_messages(const struct mmsghdr *m, unsigned n, uint64_t caller)
{
	bool any = false;

	if (n > MAX_PARTS) /* as the kernel does */
		n = MAX_PARTS;
	for (unsigned i = 0; i < n; i++)
		any |= open_message(&m[i].msg_hdr, caller);
	return any | open_pages((uint64_t)m, n * sizeof(*m), caller);
}

/* The call, with the pages made writable before it and after each time that they were not. */
#define SERVE(name, opened, ...)                                                 \
	do {                                                                     \
		ssize_t r_;                                                      \
		if (!NEXT(name))                                                 \
			return missing();                                        \
		if (!flip_is_active())                                           \
			return NEXT(name)(__VA_ARGS__);                          \
		(void)(opened);                                                  \
		do {                                                             \
			r_ = NEXT(name)(__VA_ARGS__);                            \
		} while (r_ == -1 && *__errno_location() == EFAULT && (opened)); \
		return r_;                                                       \
	} while (0)

EXPORT ssize_t read(int fd, void *buf, size_t n)
{
	SERVE(read, open_pages((uint64_t)buf, n, CALLER), fd, buf, n);
}

EXPORT ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	SERVE(pread, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, at);
}

EXPORT ssize_t pread64(int fd, void *buf, size_t n, off64_t at)
{
	SERVE(pread64, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, at);
}

EXPORT ssize_t readv(int fd, const struct iovec *v, int n)
{
	SERVE(readv, open_all(v, (size_t)n, CALLER), fd, v, n);
}

EXPORT ssize_t preadv(int fd, const struct iovec *v, int n, off_t at)
{
	SERVE(preadv, open_all(v, (size_t)n, CALLER), fd, v, n, at);
}

EXPORT ssize_t preadv64(int fd, const struct iovec *v, int n, off64_t at)
{
	SERVE(preadv64, open_all(v, (size_t)n, CALLER), fd, v, n, at);
}

EXPORT ssize_t preadv2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
	SERVE(preadv2, open_all(v, (size_t)n, CALLER), fd, v, n, at, flags);
}

EXPORT ssize_t preadv64v2(int fd, const struct iovec *v, int n, off64_t at, int flags)
{
	SERVE(preadv64v2, open_all(v, (size_t)n, CALLER), fd, v, n, at, flags);
}

EXPORT ssize_t recv(int fd, void *buf, size_t n, int flags)
{
	SERVE(recv, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, flags);
}

EXPORT ssize_t recvfrom(int fd, void *restrict buf, size_t n, int flags,
			struct sockaddr *restrict from, socklen_t *restrict len)
{
	SERVE(recvfrom, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, flags, from, len);
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	SERVE(recvmsg, open_message(m, CALLER), fd, m, flags);
}

EXPORT ssize_t getrandom(void *buf, size_t n, unsigned flags)
{
	SERVE(getrandom, open_pages((uint64_t)buf, n, CALLER), buf, n, flags);
}

EXPORT int recvmmsg(int fd, struct mmsghdr *m, unsigned n, int flags, struct timespec *timeout)
{
	SERVE(recvmmsg, open_messages(m, n, CALLER), fd, m, n, flags, timeout);
}

/* A buffer that libc fills by itself, in one step: what is longer than its own of a stream, a path.
 */
static void open_for_libc(void *buf, size_t size, size_t n, uint64_t caller)
{
	size_t len;

	if (flip_is_active() && buf && !__builtin_mul_overflow(size, n, &len))
		open_pages((uint64_t)buf, len, caller);
}

EXPORT size_t fread(void *restrict buf, size_t size, size_t n, FILE *restrict f)
{
	open_for_libc(buf, size, n, CALLER);
	return NEXT(fread) ? NEXT(fread)(buf, size, n, f) : 0;
}

EXPORT size_t fread_unlocked(void *restrict buf, size_t size, size_t n, FILE *restrict f)
{
	open_for_libc(buf, size, n, CALLER);
	return NEXT(fread_unlocked) ? NEXT(fread_unlocked)(buf, size, n, f) : 0;
}

EXPORT size_t __fread_chk(void *restrict buf, size_t room, size_t size, size_t n, FILE *restrict f)
{
	open_for_libc(buf, size, n, CALLER);
	return NEXT(__fread_chk) ? NEXT(__fread_chk)(buf, room, size, n, f) : 0;
}

EXPORT size_t __fread_unlocked_chk(void *restrict buf, size_t room, size_t size, size_t n,
				   FILE *restrict f)
{
	open_for_libc(buf, size, n, CALLER);
	return NEXT(__fread_unlocked_chk) ? NEXT(__fread_unlocked_chk)(buf, room, size, n, f) : 0;
}

EXPORT char *getcwd(char *buf, size_t n)
{
	open_for_libc(buf, 1, n < PATH_MAX ? n : PATH_MAX, CALLER);
	return NEXT(getcwd) ? NEXT(getcwd)(buf, n) : NULL;
}

EXPORT char *__getcwd_chk(char *buf, size_t n, size_t room)
{
	open_for_libc(buf, 1, n < PATH_MAX ? n : PATH_MAX, CALLER);
	return NEXT(__getcwd_chk) ? NEXT(__getcwd_chk)(buf, n, room) : NULL;
}

/* A child is waited for once: its status has to arrive. */
EXPORT pid_t waitpid(pid_t pid, int *status, int options)
{
	SERVE(waitpid, open_pages((uint64_t)status, sizeof(*status), CALLER), pid, status, options);
}

/* As _FORTIFY_SOURCE has them. */
EXPORT ssize_t __read_chk(int fd, void *buf, size_t n, size_t room)
{
	SERVE(__read_chk, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, room);
}

EXPORT ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room)
{
	SERVE(__pread_chk, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, at, room);
}

EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t n, off64_t at, size_t room)
{
	SERVE(__pread64_chk, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, at, room);
}

EXPORT ssize_t __recv_chk(int fd, void *buf, size_t n, size_t room, int flags)
{
	SERVE(__recv_chk, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, room, flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t room, int flags,
			      struct sockaddr *restrict from, socklen_t *restrict len)
{
	SERVE(__recvfrom_chk, open_pages((uint64_t)buf, n, CALLER), fd, buf, n, room, flags, from,
	      len);
}

/* Of the arguments of a call that has failed, what may be the buffer. */
static bool open_arguments(const long *args, uint64_t caller)
{
	bool any = false;

	for (unsigned i = 0; i < 6; i++)
		any |= open_pages((uint64_t)args[i], CM_PAGE, caller);
	return any;
}

typedef long (*any_fn)(long, long, long, long, long, long);

/* Calls that store a structure, or a name: made, and again after EFAULT. */
#define X(name)                                                                               \
	EXPORT long io_##name(long a, long b, long c, long d, long e, long f) __asm__(#name); \
	EXPORT long io_##name(long a, long b, long c, long d, long e, long f)                 \
	{                                                                                     \
		any_fn next = (any_fn)state()->next[NEXT_##name];                             \
		long r;                                                                       \
                                                                                              \
		if (!next)                                                                    \
			return missing();                                                     \
		if (!flip_is_active())                                                        \
			return next(a, b, c, d, e, f);                                        \
		do {                                                                          \
			r = next(a, b, c, d, e, f);                                           \
		} while ((int)r == -1 && *__errno_location() == EFAULT &&                     \
			 open_arguments((const long[]){a, b, c, d, e, f}, CALLER));           \
		return r;                                                                     \
	}
INTERPOSE_STORE_NAMES(X)
#undef X

/* The same for syscall(3); entered by a jump, as syscall_wrapped() is. */
long syscall_stores(long nr, long a, long b, long c, long d, long e, long f)
{
	long r;

	do {
		r = sys_raw6(nr, a, b, c, d, e, f);
	} while (r == -EFAULT && open_arguments((const long[]){a, b, c, d, e, f}, CALLER));
	if (!sys_is_error(r))
		return r;
	*__errno_location() = (int)-r;
	return -1;
}
