/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/proc.h"

#include <errno.h>
#include <linux/kcmp.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Which process a notification comes from.
 *
 * A notification names a thread by number, and numbers are used again. So every thread that has
 * spoken is held by a pidfd in the supervisor's one epoll set: it becomes readable when the thread
 * ends, and ends are taken before the next notification is, so an entry is never an earlier bearer
 * of its number. A thread group's leader keeps its number while the group lives, so the group's
 * pidfd serves for it; other threads get PIDFD_THREAD (Linux 6.9). Where the kernel has no pidfds
 * of threads, those are looked up each time.
 *
 * Nothing about an image is decided here: a new entry has `known` false.
 */

#define PIDFD_THREAD O_EXCL /* include/uapi/linux/pidfd.h, 6.9 */
#define TAG_TASK     (1ull << 63)

int proc_table_init(struct proc_table *t, int epoll)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	/* Threads can be looked up each time, processes cannot: most descriptors are left to them.
	 */
	*t = (struct proc_table){.epoll = epoll, .max_watched = (unsigned)(files.rlim_cur / 4)};
	return 0;
}

static unsigned bucket(pid_t pid)
{
	return (unsigned)pid & 1023;
}

static int watch(struct proc_table *t, int pidfd, uint64_t tag)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = tag};

	return epoll_ctl(t->epoll, EPOLL_CTL_ADD, pidfd, &e) < 0 ? -errno : 0;
}

struct proc *proc_find(struct proc_table *t, pid_t pid)
{
	struct proc *p = t->procs[bucket(pid)];

	while (p && p->pid != pid)
		p = p->next;
	return p;
}

/* Another that runs the same image. */
struct proc *proc_find_alike(struct proc_table *t, const struct proc *p)
{
	struct proc *o;

	for (size_t i = 0; i < sizeof(t->procs) / sizeof(*t->procs); i++)
		for (o = t->procs[i]; o; o = o->next)
			if (o != p && o->known && !o->heir && o->identity == p->identity)
				return o;
	return NULL;
}

void proc_table_each(struct proc_table *t, void (*fn)(struct supervisor *, struct proc *),
		     struct supervisor *s)
{
	for (size_t i = 0; i < sizeof(t->procs) / sizeof(*t->procs); i++)
		for (struct proc *p = t->procs[i]; p; p = p->next)
			fn(s, p);
}

static void proc_unref(struct proc *p)
{
	if (--p->n_refs)
		return;
	if (p->pidfd >= 0)
		close(p->pidfd);
	if (p->maps >= 0)
		close(p->maps);
	seals_deinit(&p->seals);
	free(p->exe);
	free(p);
}

static struct proc *proc_get(struct proc_table *t, pid_t pid, int pidfd)
{
	struct proc *p = proc_find(t, pid);

	if (p) {
		if (pidfd >= 0)
			close(pidfd);
		return p;
	}
	if (pidfd < 0)
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	p = calloc(1, sizeof(*p));
	if (!p || pidfd < 0 || watch(t, pidfd, (uint64_t)pid) < 0) {
		if (pidfd >= 0)
			close(pidfd);
		free(p);
		return NULL;
	}
	*p = (struct proc){
		.next = t->procs[bucket(pid)], .pid = pid, .pidfd = pidfd, .maps = -1, .n_refs = 1};
	t->procs[bucket(pid)] = p;
	t->n_procs++;
	return p;
}

/* All of /proc/PID/status. */
static bool status_read(pid_t pid, char *buf, size_t size)
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = 0;
	return n > 0;
}

/* One number of it, or -1. */
static long status_number(pid_t pid, const char *name, bool last, int base)
{
	char buf[2048], *at;

	if (!status_read(pid, buf, sizeof(buf)))
		return -1;
	at = strstr(buf, name);
	if (!at)
		return -1;
	at += strlen(name);
	if (last) {
		at[strcspn(at, "\n")] = 0;
		if (strrchr(at, '\t'))
			at = strrchr(at, '\t');
	}
	return (long)strtoul(at, NULL, base);
}

static long status_field(pid_t pid, const char *name, bool last)
{
	return status_number(pid, name, last, 10);
}

/*
 * Whether a signal that is sent to a thread now is delivered at once, and with what was sent: it is
 * not blocked, and the user has not as many signals pending as he may have; else the kernel drops
 * the siginfo (kernel/signal.c, __send_signal_locked()).
 */
bool proc_takes(pid_t tid, int sig)
{
	char buf[2048], *queue, *blocked;
	unsigned long pending, most, mask;

	if (!status_read(tid, buf, sizeof(buf)))
		return false;
	queue = strstr(buf, "\nSigQ:");
	blocked = strstr(buf, "\nSigBlk:");
	return queue && blocked && sscanf(queue, " SigQ: %lu/%lu", &pending, &most) == 2 &&
	       sscanf(blocked, " SigBlk: %lx", &mask) == 1 && pending < most &&
	       !(mask & 1ul << (sig - 1));
}

/* Whether a process has a handler for a signal. */
bool proc_catches(pid_t pid, int sig)
{
	return status_number(pid, "\nSigCgt:", false, 16) & 1l << (sig - 1);
}

/* The parent's process id as it is now, 0 for none that we can see, or -1. */
pid_t proc_parent(pid_t pid)
{
	return (pid_t)status_field(pid, "\nPPid:", false);
}

/* Whether a process has its parent's memory, as a vfork child has; false where nobody can tell. */
bool proc_shares_memory(pid_t pid)
{
	return syscall(SYS_kcmp, pid, proc_parent(pid), KCMP_VM, 0, 0) == 0;
}

/* Whether it is process 1 of a pid namespace, which inherits orphans. */
bool proc_is_namespace_init(pid_t pid)
{
	return status_field(pid, "\nNSpid:", true) == 1;
}

/* How many seccomp filters the process has; they only ever grow. -1: cannot be told. */
long proc_filters(pid_t pid)
{
	return status_field(pid, "\nSeccomp_filters:", false);
}

/*
 * Whether a thread runs what it ran when it was made: PF_FORKNOEXEC, which copy_process() sets and
 * a successful execve clears; anyone may read it (fs/proc/array.c, do_task_stat()).
 */
bool proc_never_executed(pid_t tid)
{
	char path[32], buf[512], *at;
	unsigned long flags = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n < 0 ? 0 : n] = 0;
	at = strrchr(buf, ')');
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %lu", &flags) != 1)
		return false;
	return flags & 0x40;
}

static struct task *task_new(struct proc_table *t, pid_t tid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, tid, 0), thread_fd = -1;
	pid_t pid = pidfd >= 0 ? tid : (pid_t)status_field(tid, "\nTgid:", false);
	struct proc *p = pid > 0 ? proc_get(t, pid, pidfd) : NULL;
	struct task *k;

	if (!p)
		return NULL;
	if (pid != tid && t->n_watched < t->max_watched) {
		thread_fd = (int)syscall(SYS_pidfd_open, tid, PIDFD_THREAD);
		if (thread_fd >= 0 && watch(t, thread_fd, TAG_TASK | (uint64_t)tid) < 0) {
			close(thread_fd);
			thread_fd = -1;
		}
	}
	k = calloc(1, sizeof(*k));
	if (!k) {
		if (thread_fd >= 0)
			close(thread_fd);
		return NULL;
	}
	*k = (struct task){
		.next = t->tasks[bucket(tid)], .tid = tid, .pidfd = thread_fd, .proc = p};
	p->n_refs++;
	t->tasks[bucket(tid)] = k;
	t->n_tasks++;
	t->n_watched += thread_fd >= 0;
	return k;
}

static void task_drop(struct proc_table *t, struct task **at)
{
	struct task *k = *at;

	*at = k->next;
	if (k->pidfd >= 0) {
		close(k->pidfd);
		t->n_watched--;
	}
	proc_unref(k->proc);
	free(k);
	t->n_tasks--;
}

/* Of a thread that has no pidfd nobody hears that it has ended. Return: whether it lives, and is of
 * the process that it was of. */
static bool is_alive(const struct task *k)
{
	return k->pidfd >= 0 || k->proc->pid == k->tid ||
	       status_field(k->tid, "\nTgid:", false) == k->proc->pid;
}

/* A bucket each time that a thread comes, so that no more than live and 1024 are remembered. */
static void sweep_bucket(struct proc_table *t)
{
	struct task **at = &t->tasks[t->sweep++ & 1023];

	while (*at) {
		if (is_alive(*at))
			at = &(*at)->next;
		else
			task_drop(t, at);
	}
}

/*
 * The thread of that number, as it lives now. Return: the table's, or NULL where it has gone, is
 * outside our pid namespace, or memory or descriptors ran out; the call is then refused.
 */
struct task *task_get(struct proc_table *t, pid_t tid)
{
	struct task **at = &t->tasks[bucket(tid)];

	if (tid <= 0)
		return NULL;
	while (*at && (*at)->tid != tid)
		at = &(*at)->next;
	if (*at && is_alive(*at))
		return *at;
	if (*at)
		task_drop(t, at);
	sweep_bucket(t);
	return task_new(t, tid);
}

static void proc_gone(struct proc_table *t, pid_t pid)
{
	struct proc **at = &t->procs[bucket(pid)];
	struct proc *p;

	while (*at && (*at)->pid != pid)
		at = &(*at)->next;
	if (!*at)
		return;
	p = *at;
	*at = p->next;
	t->n_procs--;
	for (unsigned b = 0; b < 1024 && p->n_refs > 1; b++)
		for (struct task **k = &t->tasks[b]; *k;) {
			if ((*k)->proc == p)
				task_drop(t, k);
			else
				k = &(*k)->next;
		}
	proc_unref(p);
}

/* An end, as the epoll set reports it: the tag of a thread or of a process. */
void proc_table_event(struct proc_table *t, uint64_t tag)
{
	pid_t id = (pid_t)(tag & ~TAG_TASK);
	struct task **at = &t->tasks[bucket(id)];

	if (!(tag & TAG_TASK)) {
		proc_gone(t, id);
		return;
	}
	while (*at && (*at)->tid != id)
		at = &(*at)->next;
	if (*at && (*at)->pidfd >= 0)
		task_drop(t, at);
}

/* Ends the process by the descriptor that cannot mean another. */
void proc_kill(struct proc *p)
{
	p->killed = true;
	syscall(SYS_pidfd_send_signal, p->pidfd, SIGKILL, NULL, 0);
}
