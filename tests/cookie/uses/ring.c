/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Two processes and a ring: one copies its standard input into memory that both have, the other
 * that memory to its standard output. The child is there before the memory is: it gets a descriptor
 * through a socket, and makes a region of its own of it.
 *
 *     ring MODE <in >out
 *
 * The ring's memory is mapped twice in a row, so that what runs over its end goes on at its
 * beginning, and every piece of data is in one place for memcpy(3), read(2) and write(2). Modes:
 * `ring`, and two that show what a copy needs: `private`, in which the consumer's mapping is
 * private, and `once`, in which something else is mapped behind the ring. Neither makes a copy.
 */

#include <cookiemap.h>
#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE_BYTES ((size_t)4096)
#define RING_BYTES (4 * PAGE_BYTES)
#define READ_BYTES ((size_t)5003) /* so that one in a few runs over the end */
#define RW         (PROT_READ | PROT_WRITE)

/* The first page of the object; the rest is the ring. */
struct state {
	sem_t data, room;
	_Atomic size_t written, read;
	atomic_bool end;
};

struct ring {
	cm_t cookie;
	struct state *state;
	char *bytes;
};

static bool private, once;

static void need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "ring: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void ring_open(struct ring *r, int fd, bool mine)
{
	int flags = private && !mine ? MAP_PRIVATE : MAP_SHARED | CM_SHARE;
	const size_t len = PAGE_BYTES + RING_BYTES;
	void *start = NULL;

	need(!cmmmap(0, len + RING_BYTES, PROT_MAX(RW), CM_RESERVE, -1, 0, &r->cookie), "a region");
	need(!cmgetptr(r->cookie, &start), "its address");
	need(!cmsubmap(r->cookie, 0, len, RW, flags, fd, 0), "the ring");
	if (once)
		need(!cmsubmap(r->cookie, len, RING_BYTES, RW, 0, -1, 0), "what is no ring");
	else
		need(!cmsubmap(r->cookie, len, RING_BYTES, RW, flags, fd, PAGE_BYTES), "its twin");
	need(!cmrestrict(r->cookie, CM_OP_CLOSE, NULL), "cmrestrict");
	r->state = start;
	r->bytes = (char *)start + PAGE_BYTES;
}

static void ring_close(const struct ring *r)
{
	need(!cmclose(r->cookie, CM_CLOSE_UNMAP), "cmclose");
}

/* In: whatever fits. */
static void produce(struct ring *r)
{
	struct state *s = r->state;
	ssize_t n;

	do {
		size_t used, room;

		while ((used = s->written - s->read) == RING_BYTES)
			sem_wait(&s->room);
		room = RING_BYTES - used;
		n = read(STDIN_FILENO, r->bytes + s->written % RING_BYTES,
			 room < READ_BYTES ? room : READ_BYTES);
		need(n >= 0, "read");
		s->written += (size_t)n;
		s->end = !n;
		sem_post(&s->data);
	} while (n);
}

/* Out: whatever is there. */
static void consume(struct ring *r)
{
	struct state *s = r->state;

	for (;;) {
		bool end = s->end; /* nothing is written after it */
		size_t used = s->written - s->read;
		ssize_t n;

		if (!used && end)
			return;
		if (!used) {
			sem_wait(&s->data);
			continue;
		}
		n = write(STDOUT_FILENO, r->bytes + s->read % RING_BYTES, used);
		need(n >= 0, "write");
		s->read += (size_t)n;
		sem_post(&s->room);
	}
}

/* ---- the descriptor on its way --------------------------------------------------------------- */

union message {
	char bytes[CMSG_SPACE(sizeof(int))];
	struct cmsghdr head;
};

static void send_fd(int to, int fd)
{
	char byte = 0;
	struct iovec one = {&byte, 1};
	union message m = {.head = {.cmsg_len = CMSG_LEN(sizeof(fd)),
				    .cmsg_level = SOL_SOCKET,
				    .cmsg_type = SCM_RIGHTS}};
	struct msghdr h = {
		.msg_iov = &one, .msg_iovlen = 1, .msg_control = &m, .msg_controllen = sizeof(m)};

	memcpy(CMSG_DATA(&m.head), &fd, sizeof(fd));
	need(sendmsg(to, &h, 0) == 1, "sendmsg");
}

static int receive_fd(int from)
{
	char byte;
	struct iovec one = {&byte, 1};
	union message m;
	struct msghdr h = {
		.msg_iov = &one, .msg_iovlen = 1, .msg_control = &m, .msg_controllen = sizeof(m)};
	int fd;

	need(recvmsg(from, &h, MSG_CMSG_CLOEXEC) == 1 && h.msg_controllen >= CMSG_LEN(sizeof(fd)),
	     "recvmsg");
	memcpy(&fd, CMSG_DATA(&m.head), sizeof(fd));
	return fd;
}

static int consumer(int from)
{
	int fd = receive_fd(from);
	struct ring r;

	ring_open(&r, fd, false);
	need(write(from, "", 1) == 1, "the socket");
	close(fd);
	consume(&r);
	ring_close(&r);
	return 0;
}

static void producer(int to)
{
	int fd = cmmemfd("ring", MFD_CLOEXEC | CM_SHARE);
	struct ring r;
	char byte;

	need(fd >= 0 && !ftruncate(fd, (off_t)(PAGE_BYTES + RING_BYTES)), "cmmemfd");
	ring_open(&r, fd, true);
	need(!sem_init(&r.state->data, 1, 0) && !sem_init(&r.state->room, 1, 0), "sem_init");
	send_fd(to, fd);
	close(fd);
	need(read(to, &byte, 1) == 1, "the socket"); /* both have it now */
	produce(&r);
	ring_close(&r);
}

int main(int argc, char **argv)
{
	int pair[2], status;
	pid_t child;

	need(argc == 2, "usage: ring ring | private | once");
	private = !strcmp(argv[1], "private");
	once = !strcmp(argv[1], "once");
	alarm(private ? 2 : 20); /* one that has its own copy waits for ever */
	need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), "socketpair");
	child = fork();
	need(child >= 0, "fork");
	if (!child) {
		alarm(private ? 2 : 20); /* it is not inherited */
		return consumer(pair[1]);
	}
	close(pair[1]);
	producer(pair[0]);
	need(waitpid(child, &status, 0) == child, "waitpid");
	return !WIFEXITED(status) || WEXITSTATUS(status);
}
