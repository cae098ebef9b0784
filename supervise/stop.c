/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * exec.verify = "stop": a new image is looked at before its first instruction.
 *
 * A static image need not make any call that notifies, so the first notification may never come.
 * While a thread waits for the answer to its execve it is seized; the kernel then stops it when the
 * new image is in place and before it runs (ptrace(2), PTRACE_O_TRACEEXEC). It is verified and let
 * go. After the answer the thread is also interrupted: where the execve fails it stops on its way
 * out, and is let go as well. So nobody is traced for longer than an execve takes.
 *
 * Not possible where the process is traced already (a debugger has it) or Yama forbids it
 * (ptrace_scope 1 and no CAP_SYS_PTRACE): said once, and the image is verified at its first
 * notification.
 */

/* Ends of waits arrive as SIGCHLD in the epoll set. Return: the descriptor, or -errno. */
int stop_init(void)
{
	sigset_t chld;
	int fd;

	sigemptyset(&chld);
	sigaddset(&chld, SIGCHLD);
	if (sigprocmask(SIG_BLOCK, &chld, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &chld, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/*
 * A thread in execve holds a lock that seizing another of its process waits for, and waits itself
 * for the other to be reaped by us (kernel/ptrace.c, ptrace_attach(): cred_guard_mutex). So one
 * thread of a process is seized at a time, and the execve of another is answered when that one is
 * over.
 */
static enum stop hold(struct supervisor *s, struct proc *p)
{
	if (s->n_held == MAX_HELD) {
		answer_value(s, -EAGAIN);
		return STOP_HELD;
	}
	s->held[s->n_held].notif = *s->notif;
	s->held[s->n_held++].pid = p->pid;
	return STOP_HELD;
}

/* The next one of the process, if any waits. */
static void release(struct supervisor *s, pid_t pid)
{
	unsigned i = 0;

	while (i < s->n_held && s->held[i].pid != pid)
		i++;
	if (i == s->n_held)
		return;
	*s->notif = s->held[i].notif;
	s->held[i] = s->held[--s->n_held];
	supervisor_handle(s); /* who was killed meanwhile does not hear the answer */
}

/* Before an execve is answered. */
enum stop stop_seize(struct supervisor *s, struct task *k)
{
	struct proc *p = k->proc;

	if (policy_value(&p->rule->policy, KEY_EXEC_VERIFY) != VERIFY_STOP)
		return STOP_NOT;
	if (p->seizer == k->tid) /* it tries path after path, faster than it was interrupted */
		return STOP_SEIZED;
	if (p->seizer)
		return hold(s, p);
	if (!ptrace(PTRACE_SEIZE, k->tid, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)) {
		p->seizer = k->tid;
		return STOP_SEIZED;
	}
	if (errno != ESRCH && report_once(&s->report, "seize", ""))
		report_note(
			&s->report, &p->rule->policy,
			"exec.verify = \"stop\" needs ptrace(2), which is refused here (a debugger "
			"has the process, or Yama's ptrace_scope): images are verified at their "
			"first notification instead");
	return STOP_NOT;
}

/* After the answer: an execve that fails ends in a stop, too. */
void stop_interrupt(struct task *k)
{
	ptrace(PTRACE_INTERRUPT, k->tid, NULL, NULL);
}

static void verify_image(struct supervisor *s, struct task *k)
{
	k->proc->via = k->tid;
	if (k->proc->maps >= 0) /* of the image before: this one is new beyond doubt */
		close(k->proc->maps);
	k->proc->maps = -1;
	k->proc->exec_by = k->tid; /* whoever made the execve bears the leader's number now */
	if (!image_know(s, k->proc, k->tid))
		image_verify(s, k->proc, k->tid);
}

static void stopped(struct supervisor *s, pid_t tid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	struct task *k = task_get(&s->table, tid);

	if (!event) { /* a signal for the program on its way */
		ptrace(PTRACE_CONT, tid, NULL, (void *)(long)sig);
		return;
	}
	if (event == PTRACE_EVENT_EXEC && k)
		verify_image(s, k);
	ptrace(PTRACE_DETACH, tid, NULL, NULL); /* the new image, or the stop we asked for */
	if (!k)
		return;
	k->proc->seizer = 0;
	release(s, k->proc->pid);
}

/* A seized thread has ended otherwise. */
static void ended(struct supervisor *s, pid_t tid)
{
	for (unsigned b = 0; b < 1024; b++)
		for (struct proc *p = s->table.procs[b]; p; p = p->next)
			if (p->seizer == tid) {
				p->seizer = 0;
				release(s, p->pid);
				return;
			}
}

/* Something has happened to a thread that was seized. */
void stop_event(struct supervisor *s, int fd)
{
	struct signalfd_siginfo info;
	int status;
	pid_t tid;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		;
	while ((tid = waitpid(-1, &status, WNOHANG | __WALL)) > 0) {
		if (WIFSTOPPED(status))
			stopped(s, tid, status);
		else
			ended(s, tid);
	}
}
