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

/* Before an execve is answered. Return: whether its end will be seen by stop_event(). */
bool stop_seize(struct supervisor *s, struct task *k)
{
	const struct policy *p = &k->proc->rule->policy;

	if (policy_value(p, KEY_EXEC_VERIFY) != VERIFY_STOP)
		return false;
	if (k->seized) /* it tries path after path, faster than it was interrupted */
		return true;
	if (!ptrace(PTRACE_SEIZE, k->tid, NULL, PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL))
		return k->seized = true;
	if (errno != ESRCH && report_once(&s->report, "seize", ""))
		report_note(
			&s->report, p,
			"exec.verify = \"stop\" needs ptrace(2), which is refused here (a debugger "
			"has the process, or Yama's ptrace_scope): images are verified at their "
			"first notification instead");
	return false;
}

/* After the answer: an execve that fails ends in a stop, too. */
void stop_interrupt(struct task *k)
{
	ptrace(PTRACE_INTERRUPT, k->tid, NULL, NULL);
}

static void verify_image(struct supervisor *s, pid_t pid)
{
	struct task *k = task_get(&s->table, pid);

	if (!k)
		return;
	k->proc->exec_by = pid;
	s->notif->pid = (uint32_t)pid; /* image_know(): this thread is past its execve */
	if (!image_know(s, k->proc))
		image_verify(s, k->proc, pid);
}

static void stopped(struct supervisor *s, pid_t pid, int status)
{
	int sig = WSTOPSIG(status), event = status >> 16;
	struct task *k = task_get(&s->table, pid);

	if (!event) { /* a signal for the program on its way */
		ptrace(PTRACE_CONT, pid, NULL, (void *)(long)sig);
		return;
	}
	if (event == PTRACE_EVENT_EXEC)
		verify_image(s, pid);
	if (k)
		k->seized = false;
	ptrace(PTRACE_DETACH, pid, NULL, NULL); /* the new image, or the stop we asked for */
}

/* Something has happened to a thread that was seized. */
void stop_event(struct supervisor *s, int fd)
{
	struct signalfd_siginfo info;
	int status;
	pid_t pid;

	while (read(fd, &info, sizeof(info)) == sizeof(info))
		;
	while ((pid = waitpid(-1, &status, WNOHANG | __WALL)) > 0)
		if (WIFSTOPPED(status))
			stopped(s, pid, status);
}
