/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <string.h>

/*
 * The three ways to answer a notification (seccomp_unotify(2)). ENOENT is normal everywhere here:
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
	if (errno == EINVAL) {
		a.flags = 0;
		r = ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ADDFD, &a);
	}
	answer_value(s, r < 0 ? -errno : r);
}

/* Whether the caller still waits for the answer: what was read of it by number was of it. */
bool answer_is_awaited(struct supervisor *s)
{
	return ioctl(s->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &s->notif->id) == 0;
}
