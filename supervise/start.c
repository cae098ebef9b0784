/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/start.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/call.h"
#include "common/start.h"
#include "policy/filter.h"

/*
 * The hand-over of a tree to its supervisor: the steps of common/start.h, both ends.
 *
 * The supervisor is a grandchild, so that wait(2) in the program never sees it, in a process group
 * of its own, so that the terminal's signals do not reach it. Not in a session of its own: the
 * scheduler groups tasks by session (sched(7), autogroup), and a switch from one group to another
 * makes each notification a fifth dearer (measured on Linux 6.18: 8.0 against 6.7 µs for two). The
 * process that is to become the program changes nothing of itself but its filter: same pid, parent,
 * group, terminal, descriptors.
 */

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1ul << 5) /* 5.19 */
#endif

#define OFFER_BYTES (sizeof(struct start_offer) + START_MAX_FILTER * sizeof(struct sock_filter))

static int send_with_fd(int sock, const void *data, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec io = {(void *)data, len};
	struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};

	if (fd >= 0) {
		m.msg_control = control.buf;
		m.msg_controllen = sizeof(control.buf);
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	}
	return sendmsg(sock, &m, MSG_NOSIGNAL) == (ssize_t)len ? 0 : -EPIPE;
}

/* Return: bytes received, 0 at the other's end, or -errno; *fdp is -1 where none came along. */
static ssize_t receive_with_fd(int sock, void *data, size_t size, int *fdp)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec io = {data, size};
	struct msghdr m = {.msg_iov = &io,
			   .msg_iovlen = 1,
			   .msg_control = control.buf,
			   .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *h;
	ssize_t n;

	*fdp = -1;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
	    h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(fdp, CMSG_DATA(h), sizeof(int));
	return n;
}

/*
 * Whether the kernel seals memory, for the tree that is to come. An empty range is sealed where
 * anything is (mm/mseal.c). A sandbox around us may answer in the kernel's place, or kill whoever
 * makes a call that it does not know: so a child asks.
 */
static bool has_mseal(void)
{
	int status = -1;
	pid_t pid = vfork();

	if (!pid)
		_exit(syscall(SYS_mseal, 0, 0, 0) ? 1 : 0);
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	return !status;
}

static unsigned filter_flags(const struct start *st)
{
	bool notify = policy_value(st->policy, KEY_SEAL_DISCARD) == DISCARD_NOTIFY;

	return (notify ? FILTER_NOTIFY_DISCARDS : 0) |
	       (st->supervisor.kernel_seals ? 0 : FILTER_NO_MSEAL);
}

static int send_offer(struct start *st, int sock)
{
	struct start_offer *o = calloc(1, OFFER_BYTES);
	struct sock_fprog prog;
	int ruleset, r;

	if (!o)
		return -ENOMEM;
	r = filter_build(st->supervisor.gate, filter_flags(st), &prog);
	if (r < 0) {
		free(o);
		return r;
	}
	o->version = START_VERSION;
	o->n_filter = prog.len;
	memcpy(o->filter, prog.filter, prog.len * sizeof(*prog.filter));
	filter_deinit(&prog);
	ruleset = landlock_make(st->policy);
	if (ruleset >= 0)
		o->flags |= START_LANDLOCK;
	if (ruleset < -1)
		r = ruleset;
	else
		r = send_with_fd(sock, o, sizeof(*o) + o->n_filter * sizeof(*o->filter), ruleset);
	if (ruleset >= 0)
		close(ruleset);
	free(o);
	return r;
}

/* To be sent in the place of an offer, where there can be none; the reason has been said. */
void start_refuse(int sock, int error)
{
	struct start_offer o = {.version = START_VERSION, .error = error};

	send_with_fd(sock, &o, sizeof(o), -1);
}

static int compare_ints(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/*
 * It lives as long as the tree does, and not longer: what others end by a signal to everything of
 * one user's, or at a terminal, or by a limit on the program, is not meant for it. What is left are
 * faults of its own, SIGKILL and SIGSTOP.
 */
static void ignore_signals(void)
{
	static const int faults[] = {SIGCHLD, SIGSEGV, SIGBUS,  SIGILL,
				     SIGFPE,  SIGABRT, SIGTRAP, SIGSYS};

	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_IGN);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		signal(faults[i], SIG_DFL);
}

/* One descriptor goes to each thread that has spoken, two to a process: as many as are to be had.
 * The program's limit on the size of files is lifted too, as far as may be: it is not meant for
 * memfds. */
static void raise_limits(void)
{
	struct rlimit size = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit files = {1 << 20, 1 << 20}; /* the kernel's own default for nr_open */

	setrlimit(RLIMIT_FSIZE, &size);
	if (!setrlimit(RLIMIT_NOFILE, &files) || getrlimit(RLIMIT_NOFILE, &files) < 0)
		return;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
}

/*
 * Makes this process a supervisor and nothing else: own process group, deaf to the terminal, no
 * descriptor but standard error and those to keep (ascending order not needed), not to be traced by
 * its user.
 */
void start_detach(const int *keep, unsigned n_keep)
{
	int fds[8], null = open("/dev/null", O_RDWR | O_CLOEXEC);
	unsigned from = 3;
	sigset_t none;

	setpgid(0, 0);
	ignore_signals();
	if (null >= 0) {
		dup2(null, 0);
		dup2(null, 1);
	}
	memcpy(fds, keep, n_keep * sizeof(*keep));
	qsort(fds, n_keep, sizeof(*fds), compare_ints);
	for (unsigned i = 0; i < n_keep; i++) {
		if (fds[i] > (int)from)
			syscall(SYS_close_range, from, fds[i] - 1, 0);
		from = (unsigned)fds[i] + 1;
	}
	syscall(SYS_close_range, from, ~0u, 0);
	if (chdir("/") < 0)
		_exit(125);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	raise_limits();
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static void note_kernel(struct start *st)
{
	if (st->supervisor.verbose && !st->supervisor.kernel_seals)
		report_note(&st->supervisor.report, st->policy,
			    "this kernel has no mseal(2) (Linux 6.10), or a sandbox hides it: what "
			    "is sealed is kept by the library and the supervisor alone; code reuse "
			    "can change what lies where shared libraries do, and calls near "
			    "programs are slower");
}

/*
 * The supervisor's end, to the end of the tree. Return: 0, or -errno where the tree never started;
 * the process at the other end has been told, and the reason is the caller's to print.
 */
int start_serve(struct start *st, int sock)
{
	struct start_taken taken = {0};
	int listener = -1, r;
	ssize_t n;

	st->supervisor.kernel_seals = has_mseal();
	r = send_offer(st, sock);
	if (r < 0) {
		start_refuse(sock, -r);
		return r;
	}
	n = receive_with_fd(sock, &taken, sizeof(taken), &listener);
	if (n != sizeof(taken) || taken.version != START_VERSION || taken.error || listener < 0)
		return taken.error ? -taken.error : -EPIPE;
	st->supervisor.root = taken.pid;
	if (send_with_fd(sock, "k", 1, -1) < 0)
		return -EPIPE;
	close(sock);
	note_kernel(st);
	return supervisor_run(&st->supervisor, listener);
}

static int install(const struct start_offer *o)
{
	struct sock_fprog prog = {(unsigned short)o->n_filter, (struct sock_filter *)o->filter};
	unsigned long flags =
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

	for (int i = 0; i < 3; i++) {
		long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);

		if (fd >= 0)
			return (int)fd;
		if (errno == EACCES && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			continue; /* no CAP_SYS_ADMIN: seccomp(2) wants it */
		if (errno != EINVAL || !(flags & SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV))
			return -errno;
		flags &= ~SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	}
	return -EACCES;
}

static int take_offer(int sock, struct start_offer *o, int *rulesetp)
{
	ssize_t n = receive_with_fd(sock, o, OFFER_BYTES, rulesetp);

	if (n < (ssize_t)sizeof(*o) || o->version != START_VERSION)
		return -EPROTO;
	if (o->error)
		return -o->error;
	if (!o->n_filter || o->n_filter > START_MAX_FILTER ||
	    (size_t)n != sizeof(*o) + o->n_filter * sizeof(*o->filter))
		return -EPROTO;
	return 0;
}

static int hand_over(int sock, const struct start_offer *o)
{
	int listener = install(o);
	struct start_taken taken = {.version = START_VERSION,
				    .error = listener < 0 ? -listener : 0,
				    .pid = (int)getpid()};
	char ack;
	int r = send_with_fd(sock, &taken, sizeof(taken), listener);

	if (listener >= 0)
		close(listener);
	if (listener < 0 || r < 0)
		return listener < 0 ? listener : r;
	while ((r = (int)recv(sock, &ack, 1, 0)) < 0 && errno == EINTR)
		;
	return r == 1 ? 0 : -EPIPE;
}

/*
 * The process's end: from its return on, this process and all that it starts are supervised.
 * Return: 0, or -errno: nothing was started (start_problem() says what to do).
 */
int start_take(int sock)
{
	struct start_offer *o = malloc(OFFER_BYTES);
	int ruleset = -1, r;

	if (!o)
		return -ENOMEM;
	r = take_offer(sock, o, &ruleset);
	if (!r)
		r = hand_over(sock, o);
	if (!r && o->flags & START_LANDLOCK)
		r = landlock_enter(ruleset);
	if (ruleset >= 0)
		close(ruleset);
	close(sock);
	free(o);
	return r;
}

/* A sentence on why a tree cannot be started, and what to do. */
const char *start_problem(int error)
{
	switch (error) {
	case EBUSY:
		return "this process already has a seccomp listener (a container's or another "
		       "supervisor's), and Linux allows one: start cmrun outside of it";
	case EINVAL:
	case EOPNOTSUPP:
		return "this kernel has no seccomp user notification: Linux 5.9 or newer is needed";
	case ENOSYS:
		return "this kernel lacks seccomp or Landlock, which the policy asks for: Linux "
		       "5.9, or "
		       "6.12 under strict, is needed (kernel.supervisor, kernel.proc_mem)";
	case EPERM:
	case EACCES:
		return "seccomp(2) is refused here (a container's profile?): allow seccomp in it";
	case EPIPE:
	case EPROTO:
		return "the supervisor ended before the program started";
	}
	return strerror(error);
}

/* A child that tells nobody when it ends: the program must not find a SIGCHLD pending. */
static pid_t quiet_fork(void)
{
	return (pid_t)syscall(SYS_clone, 0, NULL, NULL, NULL, NULL);
}

/* Return: whether this process is a subreaper, as it may be from before an execve. It must not be
 * one when the supervisor's parent ends: it would inherit the supervisor, and wait(2) see it. */
static bool set_reaper(bool on)
{
	int was = 0;

	prctl(PR_GET_CHILD_SUBREAPER, &was, 0, 0, 0);
	if (was != on)
		prctl(PR_SET_CHILD_SUBREAPER, on, 0, 0, 0);
	return was;
}

/*
 * Forks the supervisor off: `*sockp` is this process's end of the pair, for start_take().
 * Return: 0, or -errno.
 */
int start_fork(struct start *st, int *sockp)
{
	int pair[2], keep[4];
	bool reaper;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	reaper = set_reaper(false);
	pid = quiet_fork();
	if (!pid) {
		if (quiet_fork())
			_exit(0);
		keep[0] = pair[1];
		keep[1] = st->supervisor.gate_memfd;
		keep[2] = st->supervisor.epoll;
		start_detach(keep, 3);
		_exit(start_serve(st, pair[1]) < 0 ? 125 : 0);
	}
	close(pair[1]);
	while (pid > 0 && waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	set_reaper(reaper);
	if (pid < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	*sockp = pair[0];
	return 0;
}
