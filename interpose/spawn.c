/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/socket.h>
#include "common/fmt.h"
#include "common/start.h"
#include "common/sys.h"
#include "interpose/state.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * LD_PRELOAD without cmrun: the library starts the supervisor itself, by the steps of
 * common/start.h.
 *
 * cmrun belongs to the same installation and is found from the library's own path. It is executed
 * by a grandchild: its parent, a child without exit signal, ends at once and is waited for here, so
 * that the program's wait(2) sees neither. The library's name is taken out of the grandchild's
 * LD_PRELOAD; the rest of the environment (CM_POLICY, CM_PROFILE) is cmrun's to read.
 *
 * Whatever goes wrong ends the program with status 125 and one line: it was asked to run with
 * protection, and must not run without it unawares.
 *
 * Context: the constructor, one thread. From seccomp(2) to the supervisor's answer nothing is
 * called that the filter could hold up.
 */

#define SUPERVISOR_FD 3
#define FAILED        125 /* as env(1) and nice(1): a failure of their own */

#define FILTER_WAIT_KILLABLE (1ul << 5) /* SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19 */
#define WAIT_ALL             0x40000000 /* __WALL */
#define GET_CHILD_SUBREAPER  37         /* PR_GET_CHILD_SUBREAPER */
#define SET_CHILD_SUBREAPER  36         /* PR_SET_CHILD_SUBREAPER */
#define SET_NO_NEW_PRIVS     38         /* PR_SET_NO_NEW_PRIVS */

#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif

/* Room for one descriptor beside a packet. */
union control_room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* One line on standard error. */
static void complain(const char *what, const char *which, long error)
{
	char line[STATE_PATH_MAX + 256];
	struct fmt f = FMT_INIT(line);

	fmt_str(&f, "cookiemap: ");
	fmt_str(&f, what);
	fmt_str(&f, which);
	if (error) {
		fmt_str(&f, " (errno ");
		fmt_dec(&f, -error);
		fmt_char(&f, ')');
	}
	fmt_char(&f, '\n');
	sys_write(2, line, f.len);
}

static _Noreturn void fail(const char *what, const char *which, long error)
{
	complain(what, which, error);
	sys_exit_group(FAILED);
}

/* The cmrun of the library's own installation or build folder. */
static void cmrun_find(char to[STATE_PATH_MAX], const char *library)
{
	static const char places[][28] = {
		"../bin/cmrun",         /* PREFIX/lib */
		"../../bin/cmrun",      /* PREFIX/lib/x86_64-linux-gnu */
		"../tools/cmrun/cmrun", /* a build folder */
	};
	size_t folder = (size_t)(text_base(library) - library);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct fmt f = {to, STATE_PATH_MAX, 0, false};

		fmt_strn(&f, library, folder);
		fmt_str(&f, places[i]);
		if (!f.cut && !sys_raw6(SYS_faccessat, AT_FDCWD, (long)to, 1 /* X_OK */, 0, 0, 0))
			return;
	}
	fail("no cmrun belongs to this library; reinstall cookiemap, or use cmrun: ", library, 0);
}

/* Takes the components named like the library out of an LD_PRELOAD value, in place. */
static void preload_strip(char *value, const char *library)
{
	const char *base = text_base(library);
	size_t len = text_len(base), n, to = 0;

	for (size_t from = 0; value[from]; from += n + (value[from + n] != 0)) {
		for (n = 0; value[from + n] && value[from + n] != ' ' && value[from + n] != ':';)
			n++;
		if (n >= len && !memcmp(value + from + n - len, base, len) &&
		    (n == len || value[from + n - len - 1] == '/'))
			continue;
		if (to)
			value[to++] = ':';
		memmove(value + to, value + from, n);
		to += n;
	}
	value[to] = 0;
}

static long packet_send(int sock, const void *from, size_t len, int fd)
{
	union control_room room = {.align = {.cmsg_len = CMSG_LEN(sizeof(fd)),
					     .cmsg_level = SOL_SOCKET,
					     .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {(void *)from, len};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	long r;

	if (fd >= 0) {
		memcpy(CMSG_DATA(&room.align), &fd, sizeof(fd));
		m.msg_control = &room;
		m.msg_controllen = CMSG_LEN(sizeof(fd));
	}
	do {
		r = sys_raw6(SYS_sendmsg, sock, (long)&m, MSG_NOSIGNAL, 0, 0, 0);
	} while (r == -EINTR);
	return r;
}

/*
 * The grandchild: a copy of the process, so the environment may be written over. Where it cannot
 * become the supervisor it says why, and answers as a supervisor does that cannot start.
 */
static _Noreturn void supervisor_exec(int sock, const char *library, char **envp)
{
	static const char preload[] = "LD_PRELOAD=";
	struct start_offer refusal = {.version = START_VERSION, .error = ENOEXEC};
	char path[STATE_PATH_MAX];
	const char *argv[] = {path, "--supervise", "3", NULL};
	long r;

	cmrun_find(path, library);
	for (char **e = envp; *e; e++)
		if (text_begins(*e, preload))
			preload_strip(*e + sizeof(preload) - 1, library);
	if (sock == SUPERVISOR_FD)
		r = sys_raw6(SYS_fcntl, sock, F_SETFD, 0, 0, 0, 0);
	else
		r = sys_raw6(SYS_dup3, sock, SUPERVISOR_FD, 0, 0, 0, 0);
	if (r >= 0)
		r = sys_raw6(SYS_execve, (long)path, (long)argv, (long)envp, 0, 0, 0);
	complain("cannot execute the supervisor: ", path, r);
	packet_send(sock, &refusal, sizeof(refusal), -1);
	sys_exit_group(FAILED);
}

/* A child without exit signal: only a wait for it alone, or with __WALL, sees it end. */
static long child_new(void)
{
	return sys_raw6(SYS_clone, 0, 0, 0, 0, 0, 0);
}

/*
 * Forks the grandchild and waits for the child between. A process that is a subreaper, by an
 * execve(2) from one, would become the supervisor's parent and see it in wait(2) after all: it is
 * none for as long as that takes.
 */
static long grandchild_new(int sock, const char *library, char **envp)
{
	int reaper = 0;
	long pid, r;

	sys_raw6(SYS_prctl, GET_CHILD_SUBREAPER, (long)&reaper, 0, 0, 0, 0);
	if (reaper)
		sys_raw6(SYS_prctl, SET_CHILD_SUBREAPER, 0, 0, 0, 0, 0);
	pid = child_new();
	if (!pid) {
		pid = child_new();
		if (!pid)
			supervisor_exec(sock, library, envp);
		sys_exit_group(pid < 0 ? FAILED : 0);
	}
	do {
		r = pid < 0 ? pid : sys_raw6(SYS_wait4, pid, 0, WAIT_ALL, 0, 0, 0);
	} while (r == -EINTR);
	if (reaper)
		sys_raw6(SYS_prctl, SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0);
	return r;
}

/* Leaves a supervisor at the other end of the returned socket. */
static int supervisor_start(const char *library, char **envp)
{
	int pair[2];
	long r;

	r = sys_raw6(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, (long)pair, 0, 0);
	if (r)
		fail("cannot start a supervisor: ", "socketpair", r);
	r = grandchild_new(pair[1], library, envp);
	sys_close(pair[1]);
	if (r < 0)
		fail("cannot start a supervisor: ", "clone", r);
	return pair[0];
}

/* One packet and, where the sender added one, its descriptor; *fdp is -1 without. */
static long packet_receive(int sock, void *to, size_t size, int *fdp)
{
	union control_room room;
	struct iovec part = {to, size};
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = &room,
			   .msg_controllen = sizeof(room)};
	struct cmsghdr *c;
	long n;

	do {
		n = sys_raw6(SYS_recvmsg, sock, (long)&m, MSG_CMSG_CLOEXEC, 0, 0, 0);
	} while (n == -EINTR);
	*fdp = -1;
	c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(fdp, CMSG_DATA(c), sizeof(*fdp));
	return m.msg_flags & (MSG_TRUNC | MSG_CTRUNC) ? -EMSGSIZE : n;
}

static long filter_install(const struct start_offer *offer)
{
	struct sock_fprog prog = {(unsigned short)offer->n_filter, (void *)offer->filter};
	unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
	long r;

	r = sys_raw6(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (long)(flags | FILTER_WAIT_KILLABLE),
		     (long)&prog, 0, 0, 0);
	if (r == -EINVAL)
		r = sys_raw6(SYS_seccomp, SECCOMP_SET_MODE_FILTER, (long)flags, (long)&prog, 0, 0,
			     0);
	return r;
}

static long no_new_privs(void)
{
	return sys_raw6(SYS_prctl, SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0);
}

/* Without CAP_SYS_ADMIN the kernel takes a filter only from who has renounced new privileges. */
static long listener_new(const struct start_offer *offer)
{
	long r = filter_install(offer);

	if (r == -EACCES && !no_new_privs())
		r = filter_install(offer);
	return r;
}

static void domain_enter(int ruleset)
{
	long r = sys_raw6(SYS_landlock_restrict_self, ruleset, 0, 0, 0, 0, 0);

	if (r == -EPERM && !no_new_privs())
		r = sys_raw6(SYS_landlock_restrict_self, ruleset, 0, 0, 0, 0, 0);
	if (r)
		fail("cannot apply what the policy asks for: ", "Landlock", r);
	sys_close(ruleset);
}

static void listener_hand_over(int sock, const struct start_offer *offer)
{
	struct start_taken taken = {.version = START_VERSION};
	long listener = listener_new(offer), r;
	char go;
	int none;

	taken.pid = (int32_t)sys_raw6(SYS_getpid, 0, 0, 0, 0, 0, 0);
	taken.error = listener < 0 ? (int32_t)-listener : 0;
	packet_send(sock, &taken, sizeof(taken), (int)listener);
	if (listener < 0)
		sys_exit_group(FAILED); /* the supervisor says what that means */
	r = packet_receive(sock, &go, 1, &none);
	sys_close((int)listener);
	if (r != 1)
		fail("the supervisor ended before it began", "", r);
}

/*
 * Gives the process a supervisor. `library` is the library's own path, absolute; `envp` the
 * constructor's. Afterwards HELLO is answered.
 *
 * Context: as the file. Does not return where that fails.
 */
void spawn_supervisor(const char *library, char **envp)
{
	/* not on the stack: 32 KiB; touched only here */
	static union {
		struct start_offer offer;
		char bytes[sizeof(struct start_offer) +
			   START_MAX_FILTER * sizeof(struct sock_filter)];
	} room;
	char cmrun[STATE_PATH_MAX];
	int sock, ruleset;
	long n;

	cmrun_find(cmrun, library);
	sock = supervisor_start(library, envp);
	n = packet_receive(sock, &room, sizeof(room), &ruleset);
	if (n >= (long)sizeof(room.offer) && room.offer.error)
		sys_exit_group(FAILED); /* it has said why */
	if (n < (long)sizeof(room.offer) || room.offer.version != START_VERSION ||
	    (size_t)n != sizeof(room.offer) + room.offer.n_filter * sizeof(struct sock_filter))
		fail("the supervisor did not start: ", cmrun, n < 0 ? n : 0);
	listener_hand_over(sock, &room.offer);
	sys_close(sock);
	if (room.offer.flags & START_LANDLOCK)
		domain_enter(ruleset);
}
