/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/control.h"
#include "common/fmt.h"
#include "common/names.h"

/*
 * The supervisor's loop: wait, receive one notification, find out what its verdict needs (scene.c),
 * decide, answer.
 *
 * An epoll set holds a pidfd for everyone who has spoken. Ends of processes are taken between a
 * notification's receipt and its handling, and nobody is woken for them: a supervisor that is would
 * take the processor from whoever waits for the process. RECV is only called when poll(2) says that
 * one waits: it ignores O_NONBLOCK. When the last process of the tree is gone the listener hangs
 * up, and that is the end. Any failure here ends the supervisor, and with it every call of the tree
 * that needs one: the kernel answers ENOSYS.
 */

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS _IOW('!', 4, __u64) /* 6.6 */
#endif
#define NOTIF_FD_SYNC_WAKE_UP 1ull

#define TAG_ROOT     UINT64_MAX
#define TAG_CHILDREN (UINT64_MAX - 1)
#define TAG_TIMER    (UINT64_MAX - 2)

static int alloc_notif(struct supervisor *s)
{
	struct seccomp_notif_sizes sizes = {0};

	if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) < 0)
		return -errno;
	s->notif_bytes =
		sizes.seccomp_notif > sizeof(*s->notif) ? sizes.seccomp_notif : sizeof(*s->notif);
	s->resp_bytes = sizes.seccomp_notif_resp > sizeof(*s->resp) ? sizes.seccomp_notif_resp
								    : sizeof(*s->resp);
	s->notif = calloc(1, s->notif_bytes);
	s->resp = calloc(1, s->resp_bytes);
	return s->notif && s->resp ? 0 : -ENOMEM;
}

/* TASK_SIZE_MAX: 47 bits less a page, or 56 where the kernel runs with five levels of page tables
 * and gives the upper part to whoever asks for it (arch/x86/include/asm/page_64.h). */
static uint64_t user_end(void)
{
	const uint64_t four = (1ull << 47) - CM_PAGE, five = (1ull << 56) - CM_PAGE;
	void *high = mmap((void *)(1ull << 50), CM_PAGE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (high == MAP_FAILED)
		return four;
	munmap(high, CM_PAGE);
	return (uintptr_t)high == 1ull << 50 ? five : four;
}

/* Everything that can fail before the tree starts. `s->rules` and `s->report` are set up by then.
 */
int supervisor_init(struct supervisor *s, uint64_t gate, int gate_memfd)
{
	int r;

	s->gate = gate;
	s->gate_memfd = gate_memfd;
	s->user_end = user_end();
	s->root_pidfd = -1;
	s->n_filters = proc_filters(getpid()) + 1; /* the tree begins with what is around us */
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0)
		return -errno;
	r = proc_table_init(&s->table, s->epoll);
	if (!r)
		r = object_rules_init(&s->objects, gate_memfd);
	s->objects.patches = &s->patches;
	return r ? r : alloc_notif(s);
}

static void describe(const struct call *c, const struct scene *e, const struct policy_ruling *r,
		     struct fmt *f)
{
	if (decide_is_foreign_arch(c)) {
		fmt_str(f, c->nr & 0x40000000 ? "x32 call " : "i386 call ");
		fmt_udec(f, (uint64_t)(c->nr & 0x3fffffff));
	} else if (r->rule == KEY_WX_FILE && e->facts.file) {
		fmt_str(f, "executable mapping of ");
		fmt_str(f, e->file.name[0] ? e->file.name : "a file without a name");
		fmt_str(f, " (");
		fmt_str(f, object_fault(&e->file));
		fmt_char(f, ')');
	} else {
		name_call(f, c->nr, c->args);
	}
}

static void report_decision(struct supervisor *s, struct task *k, const struct call *c,
			    struct scene *e, const struct decision *d)
{
	char text[700];
	struct fmt f = FMT_INIT(text);
	const char *name = decide_is_foreign_arch(c) ? "compat" : call_name(c->nr);
	struct violation v = {.program = k->proc->exe,
			      .pid = k->proc->pid,
			      .tid = k->tid,
			      .call = name ? name : "?",
			      .text = text,
			      .ruling = &d->ruling};

	if (!e->caller_known)
		scene_find_caller(s, k, c, e);
	if (e->caller_known) {
		v.module = e->caller.name[0] ? e->caller.name : "[anonymous code]";
		v.offset = e->caller_addr - e->caller.range.start + e->caller.offset_bytes;
	}
	if (e->facts.file && e->file.name[0])
		v.object = e->file.name;
	if (decide_can_flip(c, s->gate))
		v.grantee = e->facts.caller ? e->facts.caller : k->proc->exe;
	describe(c, e, &d->ruling, &f);
	report_violation(&s->report, &k->proc->rule->policy, &v);
}

/* A second listener is the kernel's EBUSY; that it is because of us is worth saying once. */
static void refuse_listener(struct supervisor *s, struct proc *p)
{
	char text[700];
	struct fmt f = FMT_INIT(text);

	fmt_str(&f, p->exe);
	fmt_str(&f,
		": asks for a seccomp listener of its own; Linux allows one in a process tree, and "
		"cookiemap's supervisor has it: EBUSY. Run this program without cmrun if it needs "
		"one");
	if (report_once(&s->report, "listener", p->exe))
		report_note(&s->report, &p->rule->policy, text);
	answer_value(s, -EBUSY);
}

/* A dynamic image calls from elsewhere than its loader, and our library has not spoken. */
static void note_missing_library(struct supervisor *s, struct proc *p, const struct call *c)
{
	char text[700];
	struct fmt f = FMT_INIT(text);

	if (!s->preload || p->hello || !p->loader || scene_is_by_loader(s, p, c->ip))
		return;
	p->hello = true;
	if (!report_once(&s->report, "library", p->exe))
		return;
	fmt_str(&f, p->exe);
	fmt_str(&f, " runs without libcminterpose.so (missing, unreadable, or taken out of "
		    "LD_PRELOAD): "
		    "policed by notification, slower");
	report_note(&s->report, &p->rule->policy, text);
}

static void handle_call(struct supervisor *s, struct task *k, const struct call *c)
{
	static struct scene e; /* large, and one call is handled at a time */
	struct decision d;

	scene_look(s, k, c, &e);
	decide(c, &e.facts, &d);
	if (d.flips && chain_hand_over(s, k, c))
		return;
	if (d.report)
		report_decision(s, k, c, &e, &d);
	k->caller = 0;
	if (d.action == DECIDE_KILL) {
		proc_kill(k->proc);
		answer_value(s, -EPERM);
	} else if (d.action == DECIDE_ANSWER) {
		answer_value(s, d.value);
	} else {
		if (decide_is_flip(c, s->gate))
			chain_flip(k->proc, c);
		if (d.check)
			check_later(s, k, c, d.own);
		if (d.check && c->nr == SYS_mmap && e.facts.file)
			image_maps(s, k->proc, &e.file);
		image_unseal(s, k->proc, c);
		answer_continue(s);
	}
}

static void handle_exec(struct supervisor *s, struct task *k)
{
	enum stop how = stop_seize(s, k);

	if (how == STOP_HELD)
		return; /* answered when the execve before it is over */
	image_exec(s, k);
	check_later(s, k, NULL, false);
	answer_continue(s);
	if (how == STOP_SEIZED)
		stop_interrupt(k);
}

static bool is_exec(const struct call *c)
{
	return (c->nr == SYS_execve || c->nr == SYS_execveat) && !decide_is_foreign_arch(c);
}

/*
 * A fork that executes something else makes no use of what its parent had mapped. Where it fails
 * to, it stays unverified: its next call, or the check that comes after an execve, looks at it.
 */
static bool leaves_all(const struct proc *p, const struct call *c)
{
	return is_exec(c) && !p->by_exec && !p->killed;
}

static bool is_filter(const struct call *c)
{
	return !decide_is_foreign_arch(c) &&
	       (c->nr == SYS_seccomp || (c->nr == SYS_prctl && (int)c->args[0] == PR_SET_SECCOMP));
}

/* A filter of the program's own: what it forbids from then on, nobody here knows. */
static void handle_filter(struct supervisor *s, struct task *k, const struct call *c)
{
	if (c->nr == SYS_seccomp && c->args[1] & SECCOMP_FILTER_FLAG_NEW_LISTENER) {
		refuse_listener(s, k->proc);
		return;
	}
	s->any_filter = true;
	answer_continue(s);
}

/* Decides and answers the notification in s->notif. */
void supervisor_handle(struct supervisor *s)
{
	const struct seccomp_data *n = &s->notif->data;
	struct call c = {.nr = n->nr, .arch = n->arch, .ip = n->instruction_pointer};
	struct task *k = task_get(&s->table, (pid_t)s->notif->pid);

	memcpy(c.args, n->args, sizeof(c.args));
	if (k)
		k->proc->via = k->tid;
	if (!k || image_know(s, k->proc, k->tid) < 0) {
		answer_value(s, -EPERM);
		return;
	}
	if (k->proc->heir && !is_exec(&c) && image_inherit_seals(s, k->proc) < 0) {
		answer_value(s, -ENOMEM);
		return;
	}
	if (s->n_checks)
		check_now(s, k->tid);
	if (!k->proc->verified && !leaves_all(k->proc, &c) && !image_verify(s, k->proc, k->tid)) {
		answer_value(s, -EPERM);
		return;
	}
	if (control_is(&c)) {
		control_handle(s, k, &c);
	} else if (is_exec(&c)) {
		handle_exec(s, k);
	} else if (c.nr == SYS_prctl && (int)c.args[0] == PR_SET_CHILD_SUBREAPER &&
		   !decide_is_foreign_arch(&c)) {
		k->proc->reaper = true; /* see certain_parent() in image.c */
		answer_continue(s);
	} else if (is_filter(&c)) {
		handle_filter(s, k, &c);
	} else if (c.nr == SYS_rt_sigaction && !decide_is_foreign_arch(&c)) {
		chain_sigaction(s, k, &c);
	} else {
		if (!k->proc->hello)
			note_missing_library(s, k->proc, &c);
		handle_call(s, k, &c);
	}
}

/*
 * The kernel wants the structure zeroed. By hand: libc's memset leaves vector registers in use, and
 * every switch between target and supervisor would then save and restore them.
 */
static void clear_notif(struct supervisor *s)
{
	volatile uint64_t *word = (uint64_t *)s->notif;

	for (size_t i = 0; i < s->notif_bytes / sizeof(*word); i++)
		word[i] = 0;
}

static void proc_event(struct supervisor *s, uint64_t tag)
{
	struct proc *p = tag <= INT32_MAX ? proc_find(&s->table, (pid_t)tag) : NULL;

	if (p) {
		chain_count(s, p);
		image_leave_seals(s, p);
	}
	proc_table_event(&s->table, tag);
}

/* Ends of those who have spoken. All of them: a number that is free may be borne again. */
static int take_ends(struct supervisor *s)
{
	struct epoll_event e[64];
	int n;

	do {
		n = epoll_wait(s->epoll, e, 64, 0);
		for (int i = 0; i < n; i++)
			proc_event(s, e[i].data.u64);
	} while (n == 64);
	return n < 0 && errno != EINTR ? -errno : 0;
}

static int receive(struct supervisor *s)
{
	int r;

	clear_notif(s);
	if (ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, s->notif) < 0)
		return errno == ENOENT || errno == EINTR ? 0 : -errno;
	r = take_ends(s); /* who bore the sender's number before it has ended by now */
	if (!r)
		supervisor_handle(s);
	return r;
}

static int watch(struct supervisor *s, int fd, uint64_t tag)
{
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = tag};

	if (fd < 0)
		return -EBADF;
	return epoll_ctl(s->wakes, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void root_is_gone(struct supervisor *s)
{
	close(s->root_pidfd);
	s->root_pidfd = -1;
	report_release_stderr(&s->report);
}

/* What cannot wait for the next notification. */
static int take_events(struct supervisor *s)
{
	struct epoll_event e[3];
	int n = epoll_wait(s->wakes, e, 3, 0), r = take_ends(s);

	if (n < 0 || r < 0)
		return r < 0 || errno == EINTR ? r : -errno;
	for (int i = 0; i < n; i++) {
		if (e[i].data.u64 == TAG_ROOT)
			root_is_gone(s);
		else if (e[i].data.u64 == TAG_CHILDREN)
			stop_event(s, s->children);
		else
			check_due(s);
	}
	return 0;
}

/*
 * The listener is polled itself, beside the set that holds the rest: SYNC_WAKE_UP wakes a poll(2)
 * on the CPU of the caller, which an epoll set in between would forget (kernel/seccomp.c,
 * wake_up_poll_on_current_cpu()).
 *
 * Return: 1 a notification waits, 0 none does, -EPIPE the tree has ended, or -errno.
 */
static int wait_for_work(struct supervisor *s)
{
	struct pollfd p[2] = {{.fd = s->listener, .events = POLLIN},
			      {.fd = s->wakes, .events = POLLIN}};
	int r;

	check_arm(s);
	if (poll(p, 2, -1) < 0)
		return errno == EINTR ? 0 : -errno;
	if (p[1].revents) {
		r = take_events(s);
		if (r < 0)
			return r;
	}
	if (p[0].revents & POLLIN)
		return 1;
	return p[0].revents ? -EPIPE : 0;
}

/*
 * Serves the tree until its last process is gone. `listener` becomes the supervisor's.
 * Return: 0 when the tree has ended, or -errno; the caller exits either way.
 */
int supervisor_run(struct supervisor *s, int listener)
{
	struct rlimit files;
	int r;

	s->listener = listener;
	ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, NOTIF_FD_SYNC_WAKE_UP); /* slower without */
	if (!getrlimit(RLIMIT_NOFILE, &files))
		s->table.max_watched = (unsigned)(files.rlim_cur / 4); /* processes need the rest */
	s->wakes = epoll_create1(EPOLL_CLOEXEC);
	s->root_pidfd = (int)syscall(SYS_pidfd_open, s->root, 0);
	s->children = stop_init();
	s->timer = check_init();
	if (watch(s, s->children, TAG_CHILDREN) < 0 || watch(s, s->timer, TAG_TIMER) < 0)
		return -EIO;
	watch(s, s->root_pidfd, TAG_ROOT); /* fails only for a process that is gone already */
	for (;;) {
		r = wait_for_work(s);
		if (r == -EPIPE) {
			proc_table_each(&s->table, chain_count, s);
			return 0;
		}
		if (r > 0)
			r = receive(s);
		if (r < 0)
			return r;
	}
}
