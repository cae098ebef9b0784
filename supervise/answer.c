/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <string.h>

/*
 * The ways to answer a notification (seccomp_unotify(2)). ENOENT is normal everywhere here:
 * the caller was killed, or a signal took it out of its wait, and the call was never made.
 */

static void send_resp(struct supervisor *s)
{
	s->resp->id = s->notif->id;
	while (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, s->resp) < 0 && errno == EINTR)
		;
}

/* The kernel makes the call, with the registers as they are. */
void answer_continue(struct supervisor *s)
{
	*s->resp = (struct seccomp_notif_resp){.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
	send_resp(s);
}

/* The call is not made and returns this: a result, or -errno. */
void answer_value(struct supervisor *s, long value)
{
	*s->resp = (struct seccomp_notif_resp){0};
	if (value < 0 && value >= -4095)
		s->resp->error = (int)value;
	else
		s->resp->val = value;
	send_resp(s);
}

static void answer_raw(struct supervisor *s, int64_t value)
{
	*s->resp = (struct seccomp_notif_resp){.val = value};
	send_resp(s);
}

/* A new descriptor of the caller's for this file of ours. Return: its number, or -errno. */
static int fd_give(struct supervisor *s, int fd)
{
	struct seccomp_notif_addfd a = {
		.id = s->notif->id, .srcfd = (uint32_t)fd, .newfd_flags = O_CLOEXEC};
	int r = ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a);

	return r < 0 ? -errno : r;
}

/* The call returns a new descriptor of the caller's for this file of ours. Linux 5.14; before it
 * the two steps are made one after the other. */
void answer_fd(struct supervisor *s, int fd)
{
	struct seccomp_notif_addfd a = {.id = s->notif->id,
					.srcfd = (uint32_t)fd,
					.newfd_flags = O_CLOEXEC,
					.flags = SECCOMP_ADDFD_FLAG_SEND};
	int r = ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a);

	if (r >= 0 || errno == ENOENT)
		return;
	answer_value(s, errno == EINVAL ? fd_give(s, fd) : -errno);
}

/* The call returns two: the second, or -errno for it, in the upper 32 bits. `second` may be -errno
 * already. */
void answer_fds(struct supervisor *s, int first, int second)
{
	int a = fd_give(s, first), b = a < 0 || second < 0 ? second : fd_give(s, second);

	if (a < 0)
		answer_value(s, a);
	else
		answer_raw(s, (int64_t)((uint64_t)(uint32_t)b << 32 | (uint32_t)a));
}

/* Whether the caller still waits for the answer: what was read of it by number was of it. */
bool answer_is_awaited(struct supervisor *s)
{
	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &s->notif->id) == 0;
}
