/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The kernel as the one who writes: calls that fill a buffer which lies in a page that has just
 * run. Natively nothing is easier; under flip the page is not writable, and the kernel does not
 * fault, it says EFAULT. Apart from flip.c because these are the calls, one line each.
 *
 * What each prints is how many of its rounds worked, and the first errno of those that did not.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/sys.h"

#define ROUNDS 4

/* Where code comes from: a file and a socket, which hold `code`, at the file's begin. */
static int file, near, far;
static unsigned char code[CODE];

static void prepare(uint32_t value)
{
	flip_emit(code, value);
	if (pwrite(file, code, CODE, 0) != CODE || lseek(file, 0, SEEK_SET) ||
	    send(far, code, CODE, 0) != CODE)
		flip_broken("prepare");
}

static void drain(void)
{
	char rest[64];

	while (recv(near, rest, sizeof(rest), MSG_DONTWAIT) > 0)
		;
}

/* Each fills `at` with `code`, and returns CODE when it did, -1 when it failed. */

static ssize_t by_read(void *at)
{
	return read(file, at, CODE);
}

static ssize_t by_read_socket(void *at)
{
	return read(near, at, CODE);
}

static ssize_t by_pread(void *at)
{
	return pread(file, at, CODE, 0);
}

static ssize_t by_readv(void *at)
{
	struct iovec v[2] = {{at, 2}, {(char *)at + 2, CODE - 2}};

	return readv(file, v, 2);
}

static ssize_t by_preadv(void *at)
{
	struct iovec v[2] = {{at, 2}, {(char *)at + 2, CODE - 2}};

	return preadv(file, v, 2, 0);
}

static ssize_t by_preadv2(void *at)
{
	struct iovec v = {at, CODE};

	return preadv2(file, &v, 1, 0, 0);
}

static ssize_t by_recv(void *at)
{
	return recv(near, at, CODE, 0);
}

static ssize_t by_recv_peek(void *at)
{
	return recv(near, at, CODE, MSG_PEEK);
}

static ssize_t by_recvfrom(void *at)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);

	return recvfrom(near, at, CODE, 0, (struct sockaddr *)&from, &len);
}

static ssize_t by_recvmsg(void *at)
{
	struct iovec v[2] = {{at, 2}, {(char *)at + 2, CODE - 2}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

	return recvmsg(near, &m, 0);
}

static ssize_t by_recvmmsg(void *at)
{
	struct iovec v = {at, CODE};
	struct mmsghdr m = {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}};

	return recvmmsg(near, &m, 1, 0, NULL) == 1 ? (ssize_t)m.msg_len : -1;
}

static ssize_t by_fread(void *at)
{
	FILE *f = fdopen(dup(file), "r");
	size_t n = f ? fread(at, 1, CODE, f) : 0;

	if (f)
		fclose(f);
	return n == CODE ? CODE : -1;
}

static ssize_t by_fread_unbuffered(void *at)
{
	FILE *f = fdopen(dup(file), "r");
	size_t n = 0;

	if (f) {
		setvbuf(f, NULL, _IONBF, 0);
		n = fread(at, 1, CODE, f);
		fclose(f);
	}
	return n == CODE ? CODE : -1;
}

static ssize_t by_getrandom(void *at)
{
	ssize_t n = getrandom(at, 256, 0);

	memcpy(at, code, CODE);
	return n == 256 ? CODE : n;
}

static ssize_t by_getentropy(void *at)
{
	int r = getentropy(at, 256);

	memcpy(at, code, CODE);
	return r ? r : CODE;
}

static ssize_t by_syscall(void *at)
{
	return syscall(SYS_read, file, at, CODE);
}

static ssize_t by_inline(void *at)
{
	long r = sys_read(file, at, CODE);

	if (sys_is_error(r)) {
		errno = (int)-r;
		return -1;
	}
	return r;
}

static ssize_t by_process_vm_readv(void *at)
{
	struct iovec to = {at, CODE}, from = {code, CODE};

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0);
}

static ssize_t by_readlink(void *at)
{
	ssize_t n = readlink("/proc/self/exe", at, 256);

	memcpy(at, code, CODE);
	return n > 0 ? CODE : n;
}

static ssize_t by_getcwd(void *at)
{
	char *s = getcwd(at, 512);

	memcpy(at, code, CODE);
	return s ? CODE : -1;
}

static ssize_t by_stat(void *at)
{
	int r = stat("/", at);

	memcpy(at, code, CODE);
	return r ? r : CODE;
}

static ssize_t by_clock(void *at)
{
	int r = clock_getres(CLOCK_PROCESS_CPUTIME_ID, at);

	memcpy(at, code, CODE);
	return r ? r : CODE;
}

static ssize_t by_pipe(void *at)
{
	int *fds = at, r = pipe(fds);

	if (!r) {
		close(fds[0]);
		close(fds[1]);
	}
	memcpy(at, code, CODE);
	return r ? r : CODE;
}

static ssize_t by_epoll(void *at)
{
	struct epoll_event e = {.events = EPOLLIN};
	int fd = epoll_create1(0), r = epoll_ctl(fd, EPOLL_CTL_ADD, near, &e);

	if (!r)
		r = epoll_wait(fd, at, 1, 0);
	close(fd);
	memcpy(at, code, CODE);
	return r == 1 ? CODE : -1;
}

/* As _FORTIFY_SOURCE has some of them. */

extern size_t __fread_chk(void *buf, size_t room, size_t size, size_t n, FILE *f);
extern size_t __fread_unlocked_chk(void *buf, size_t room, size_t size, size_t n, FILE *f);
extern char *__getcwd_chk(char *buf, size_t n, size_t room);
extern ssize_t __readlink_chk(const char *path, char *buf, size_t n, size_t room);
extern ssize_t __readlinkat_chk(int fd, const char *path, char *buf, size_t n, size_t room);
extern int __poll_chk(struct pollfd *p, nfds_t n, int timeout, size_t room);

static size_t fread_unlocked_too(void *buf, size_t room, size_t size, size_t n, FILE *f)
{
	(void)room;
	return (fread_unlocked)(buf, size, n, f);
}

static ssize_t by_stream(void *at, __typeof__(&__fread_chk) call)
{
	FILE *f = fdopen(dup(file), "r");
	size_t n = 0;

	if (f) {
		setvbuf(f, NULL, _IONBF, 0);
		n = call(at, PAGE, 1, CODE, f);
		fclose(f);
	}
	return n == CODE ? CODE : -1;
}

static ssize_t by_fread_unlocked(void *at)
{
	return by_stream(at, fread_unlocked_too);
}

static ssize_t by_fread_chk(void *at)
{
	return by_stream(at, __fread_chk);
}

static ssize_t by_fread_unlocked_chk(void *at)
{
	return by_stream(at, __fread_unlocked_chk);
}

static ssize_t by_getcwd_chk(void *at)
{
	char *s = __getcwd_chk(at, 512, PAGE);

	memcpy(at, code, CODE);
	return s ? CODE : -1;
}

static ssize_t by_readlink_chk(void *at)
{
	ssize_t n = __readlink_chk("/proc/self/exe", at, 256, PAGE);

	memcpy(at, code, CODE);
	return n > 0 ? CODE : n;
}

static ssize_t by_readlinkat_chk(void *at)
{
	ssize_t n = __readlinkat_chk(AT_FDCWD, "/proc/self/exe", at, 256, PAGE);

	memcpy(at, code, CODE);
	return n > 0 ? CODE : n;
}

/* `poll` stores a result beside code that has run. */
static ssize_t poll_by(void *at, int (*poll_)(struct pollfd *p))
{
	struct pollfd *p = at;
	int r;

	flip_emit((char *)at + 512, 1);
	p->fd = near;
	p->events = POLLIN;
	flip_call((char *)at + 512);
	r = poll_(p);
	memcpy(at, code, CODE);
	return r == 1 ? CODE : -1;
}

static int poll_plain(struct pollfd *p)
{
	return poll(p, 1, 0);
}

static int poll_chk(struct pollfd *p)
{
	return __poll_chk(p, 1, 0, sizeof(*p));
}

static ssize_t by_poll(void *at)
{
	return poll_by(at, poll_plain);
}

static ssize_t by_poll_chk(void *at)
{
	return poll_by(at, poll_chk);
}

static ssize_t by_waitpid(void *at)
{
	pid_t pid = fork(), r;

	if (!pid)
		_exit(3);
	r = waitpid(pid, at, 0);
	if (r != pid)
		waitpid(pid, NULL, 0);
	memcpy(at, code, CODE);
	return r == pid ? CODE : -1;
}

/* Fills by `fill` a page that has just run, a page that was just written, and across two. */
static void fill_all(const char *name, ssize_t (*fill)(void *at))
{
	unsigned char *p = flip_rwx(3);
	int good = 0, error = 0;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		unsigned char *at = i == 2 ? p + PAGE - 3 : p;
		uint32_t value = 0x01010101 * (i + 1);

		flip_check(name, p + 1024, 1);
		flip_check(name, p + PAGE + 1024, 1);
		flip_check(name, at, 1);
		prepare(value);
		errno = 0;
		if (fill(at) != CODE)
			error = error ? error : errno ? errno : -1;
		else if (flip_call(at) == value)
			good++;
		flip_look();
		drain();
	}
	printf("%s: %d of %d%s%s\n", name, good, ROUNDS, error ? ", " : "",
	       error > 0 ? strerrorname_np(error)
	       : error   ? "without errno"
			 : "");
	munmap(p, 3 * PAGE);
}

static void start(void)
{
	char path[] = "/tmp/cookiemap-flip-XXXXXX";
	int fds[2];

	file = mkstemp(path);
	if (file < 0 || unlink(path) || socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		flip_broken("start");
	near = fds[0];
	far = fds[1];
}

#define FILLS(X)              \
	X(read)               \
	X(read_socket)        \
	X(pread)              \
	X(readv)              \
	X(preadv)             \
	X(preadv2)            \
	X(recv)               \
	X(recv_peek)          \
	X(recvfrom)           \
	X(recvmsg)            \
	X(recvmmsg)           \
	X(fread)              \
	X(fread_unbuffered)   \
	X(getrandom)          \
	X(getentropy)         \
	X(syscall)            \
	X(inline)             \
	X(process_vm_readv)   \
	X(readlink)           \
	X(getcwd)             \
	X(stat)               \
	X(clock)              \
	X(pipe)               \
	X(poll)               \
	X(epoll)              \
	X(waitpid)            \
	X(fread_unlocked)     \
	X(fread_chk)          \
	X(fread_unlocked_chk) \
	X(getcwd_chk)         \
	X(readlink_chk)       \
	X(readlinkat_chk)     \
	X(poll_chk)

#define X(name)                             \
	static void case_##name(void)       \
	{                                   \
		start();                    \
		fill_all(#name, by_##name); \
	}
FILLS(X)
#undef X

/* More than a page, of which some have run, at once. */
static void long_read(void)
{
	unsigned char *p = flip_rwx(16), *copy = flip_map(NULL, 16 * PAGE, RW, ANON);
	ssize_t n;

	start();
	for (uint32_t i = 0; i < 16; i++) {
		flip_emit(copy + i * PAGE, 1000 + i);
		if (i % 3)
			flip_check("run", p + i * PAGE, i);
	}
	if (write(file, copy, 16 * PAGE) != 16 * (ssize_t)PAGE)
		flip_broken("write");
	n = pread(file, p, 16 * PAGE, 0);
	printf("%zd bytes, %u and %u\n", n, flip_call(p), flip_call(p + 15 * PAGE));
	n = pread(file, p + 100, 16 * PAGE - 100, 100);
	printf("%zd bytes, %u and %u\n", n, flip_call(p), flip_call(p + 14 * PAGE));
	flip_look();
}

/* Into memory that is not the program's: as natively, and nothing of it is lost. */
static void bad_read(void)
{
	unsigned char *p = flip_rwx(2);
	ssize_t n;

	start();
	prepare(5);
	flip_check("run", p, 1);
	munmap(p + PAGE, PAGE);
	errno = 0;
	n = read(near, p + PAGE, CODE);
	printf("unmapped: %zd, %s\n", n, strerrorname_np(errno));
	mprotect(p, PAGE, RX);
	errno = 0;
	n = read(near, p, CODE);
	printf("read and execute: %zd, %s\n", n, strerrorname_np(errno));
	mprotect(p, PAGE, RWX);
	n = read(near, p, CODE);
	printf("given back: %zd, %u\n", n, flip_call(p));
	errno = 0;
	n = read(-1, p, CODE);
	printf("no descriptor: %zd, %s\n", n, strerrorname_np(errno));
	n = read(far, p, 0);
	printf("nothing: %zd, %u\n", n, flip_call(p));
}

#define SHOW(call)                                        \
	do {                                              \
		errno = 0;                                \
		printf("%s: %ld, ", #call, (long)(call)); \
		printf("%s\n", strerrorname_np(errno));   \
	} while (0)

/* Vectors that lead nowhere, or are said to be longer than they are: the kernel says so. */
static void bad_vectors(void)
{
	unsigned char *end = (unsigned char *)flip_map(NULL, 2 * PAGE, RW, ANON) + PAGE;
	struct iovec *last = (struct iovec *)end - 1;
	struct mmsghdr *message = (struct mmsghdr *)end - 1;
	void *volatile bad = (void *)16, *volatile noncanonical = (void *)(1ul << 63);
	struct msghdr nowhere = {.msg_iov = bad, .msg_iovlen = 1};
	volatile int negative = -1;

	flip_check("flipped", flip_rwx(1), 1);
	flip_protect(end, 1, PROT_NONE);
	start();
	SHOW(readv(near, bad, 1));
	SHOW(readv(near, noncanonical, 1));
	SHOW(readv(near, last, 2));
	SHOW(readv(near, last, negative));
	SHOW(preadv(file, last, 1025, 0));
	SHOW(recvmsg(near, bad, 0));
	SHOW(recvmsg(near, noncanonical, 0));
	SHOW(recvmsg(near, &nowhere, 0));
	SHOW(recvmmsg(near, bad, 1, 0, NULL));
	SHOW(recvmmsg(near, message, UINT_MAX, MSG_DONTWAIT, NULL));
}

#define N_READS 400
#define ENOUGH  20000000l /* ns: a walk over all pages of the buffer takes more */

/* A buffer that is long, of which nothing is used. */
static void roomy_read(void)
{
	const size_t len = 1ul << 30;
	unsigned char *p = flip_map(NULL, len, RW, ANON | MAP_NORESERVE);
	struct timespec from, to;
	long ns;

	flip_check("flipped", flip_rwx(1), 1);
	start();
	if (fcntl(near, F_SETFL, O_NONBLOCK))
		flip_broken("fcntl");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
	for (int i = 0; i < N_READS; i++)
		if (read(near, p, len) >= 0)
			flip_broken("read");
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
	ns = (to.tv_sec - from.tv_sec) * 1000000000l + to.tv_nsec - from.tv_nsec;
	printf("%d reads of nothing: %s\n", N_READS, ns < ENOUGH ? "quick" : "slow");
	printf("# they took %ld us\n", ns / 1000);
}

/* The kernel reads: from pages that have run, and from pages that have not. */
static void write_from(void)
{
	unsigned char *p = flip_rwx(2), got[2 * CODE];
	struct iovec v = {p, CODE};
	ssize_t n;

	start();
	for (int i = 0; i < 3; i++) {
		flip_emit(p, 3);
		if (i)
			flip_call(p);
		n = pwrite(file, p, CODE, 0);
		n += send(far, p, CODE, 0);
		n += writev(far, &v, 1);
		n += recv(near, got, sizeof(got), MSG_WAITALL);
		printf("%zd bytes, equal %d, %u\n", n, !memcmp(got, p, CODE), flip_call(p));
		flip_look();
	}
}

const struct flip_case flip_io[] = {
#define X(name) {"io_" #name, case_##name},
	FILLS(X)
#undef X
		{"io_long_read", long_read},
	{"io_bad_read", bad_read},
	{"io_write_from", write_from},
	{"io_bad_vectors", bad_vectors},
	{"io_roomy_read", roomy_read},
	{NULL, NULL},
};
