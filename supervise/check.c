/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "common/call.h"

/*
 * Checks that come after a call.
 *
 * A call whose verdict depended on a mapping or a descriptor is continued by the kernel some time
 * after we answered, and what it finds then may be something else. So the process's executable
 * mappings are verified once the call was made: at the same thread's next notification, when it is
 * certain, or, where none comes, after 1, 10, 100 and 1000 ms, since nothing tells when a thread
 * that was not scheduled will run. An execve is such a call as well: a static image need never
 * notify.
 */

static const uint64_t rounds_ns[] = {1000000, 10000000, 100000000, 1000000000};

/* Of many mappings a look takes long: no more than this part of the time is spent on them, unless
 * that would be a look in more than a second. */
#define WALK_SHARE   50
#define MAX_DELAY_NS 1000000000u

#define N_ROUNDS (sizeof(rounds_ns) / sizeof(*rounds_ns))

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void drop(struct supervisor *s, unsigned i)
{
	s->checks[i] = s->checks[--s->n_checks];
}

/* The entry of a thread, made if it has none. */
static struct check *entry(struct supervisor *s, pid_t tid)
{
	unsigned i = 0;

	while (i < s->n_checks && s->checks[i].tid != tid)
		i++;
	if (i == MAX_CHECKS) {
		/* More threads at once than places: the oldest is looked at now. */
		struct proc *p = proc_find(&s->table, s->checks[0].pid);

		if (p)
			image_verify(s, p, s->checks[0].tid);
		i = 0;
	} else if (i < s->n_checks) {
		return &s->checks[i];
	} else {
		s->n_checks++;
	}
	s->checks[i] = (struct check){.due_ns = now_ns() + rounds_ns[0]};
	return &s->checks[i];
}

/*
 * A mapping at a fixed place can be looked at there, once a program runs: dlopen(3) makes one of
 * each library. What a thread could move away from there is found when the rest is due; a policy
 * that minds the provenance of code more does not wait for that.
 */
static bool is_narrow(const struct proc *p, const struct call *c)
{
	return c->nr == SYS_mmap && c->args[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE) && p->started &&
	       policy_value(&p->rule->policy, KEY_WX_FILE) < FILE_SETTLED;
}

/*
 * To be called before the answer is sent: the thread may be gone after it. `c` is the call that is
 * going to be made; NULL: one that brings a new image; `own`: it maps what is ours, one of a few in
 * a row before start-up is over, after which check_settle() looks. Who calls all the time is looked
 * at in time all the same: the entry keeps its time.
 */
void check_later(struct supervisor *s, struct task *k, const struct call *c, bool own)
{
	struct check *e = entry(s, k->tid);

	*e = (struct check){.pid = k->proc->pid, .tid = k->tid, .due_ns = e->due_ns};
	if (c && !decide_range(c, &e->at) && is_narrow(k->proc, c))
		range_init(&e->at, c->args[0], c->args[1]);
	e->later = c && (own || decide_is_flip(c, s->gate));
}

/*
 * A thread speaks again: the call before has been made. Where it named a range, that is looked at
 * now, and the rest, where only a race can have put something, when it is due. All of a flip is:
 * what it named was looked at before.
 */
void check_now(struct supervisor *s, pid_t tid)
{
	struct proc *p;

	for (unsigned i = 0; i < s->n_checks; i++) {
		struct check *c = &s->checks[i];

		if (c->tid != tid || c->made)
			continue;
		c->made = true;
		if (c->later)
			return;
		p = proc_find(&s->table, c->pid);
		if (p && range_len(c->at))
			image_verify_range(s, p, tid, c->at);
		else if (p)
			image_verify(s, p, tid);
		if (!p || !range_len(c->at))
			drop(s, i);
		return;
	}
}

/* A process has mapped what it needs for its start-up: all it has is looked at now. */
void check_settle(struct supervisor *s, struct proc *p, pid_t tid)
{
	image_verify(s, p, tid);
	for (unsigned i = 0; i < s->n_checks; i++)
		if (s->checks[i].tid == tid) {
			drop(s, i);
			return;
		}
}

/* Return: a descriptor that becomes readable when a check is due, or -1. */
int check_init(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
}

/*
 * Sets the timer to the first check that is due. A timeout of poll(2) would do, but it is set and
 * taken back for every notification, which costs a virtual machine two exits.
 */
void check_arm(struct supervisor *s)
{
	struct itimerspec t = {{0, 0}, {0, 0}};
	uint64_t first = 0;

	for (unsigned i = 0; i < s->n_checks; i++)
		if (!first || s->checks[i].due_ns < first)
			first = s->checks[i].due_ns;
	if (!first || (s->timer_ns && s->timer_ns <= first))
		return; /* one that rings for nothing does no harm */
	t.it_value.tv_sec = (time_t)(first / 1000000000u);
	t.it_value.tv_nsec = (long)(first % 1000000000u);
	timerfd_settime(s->timer, TFD_TIMER_ABSTIME, &t, NULL);
	s->timer_ns = first;
}

/* Return: whether there is reason to look once more. In the last round what hides does not do so
 * because it is just being executed. */
static bool look(struct supervisor *s, struct proc *p, const struct check *c)
{
	bool made = c->made;
	uint64_t from = now_ns();
	int r;

	p->via = p->pid; /* nobody speaks; after an execve only that number is sure to be borne */
	r = image_know(s, p, c->round == N_ROUNDS - 1 ? c->tid : 0);

	if (r == -EAGAIN)
		return true;
	if (r || !image_verify(s, p, c->tid))
		return false;
	from = WALK_SHARE * (now_ns() - from);
	p->next_walk_ns = now_ns() + (from < MAX_DELAY_NS ? from : MAX_DELAY_NS);
	return !made;
}

/* All of the process is not to be looked at yet; what the call named is. */
static void put_off(struct supervisor *s, struct proc *p, struct check *c)
{
	c->due_ns = p->next_walk_ns;
	if (range_len(c->at))
		image_verify_range(s, p, c->tid, c->at);
}

/* Makes the checks that are due. To be called when the timer rings. */
void check_due(struct supervisor *s)
{
	uint64_t now;
	struct proc *p;

	if (read(s->timer, &now, sizeof(now)) < 0)
		return; /* it has not rung */
	s->timer_ns = 0;
	now = now_ns();
	for (unsigned i = 0; i < s->n_checks;) {
		struct check *c = &s->checks[i];

		if (c->due_ns > now) {
			i++;
			continue;
		}
		p = proc_find(&s->table, c->pid);
		if (p && p->next_walk_ns > now) {
			put_off(s, p, c);
			i++;
			continue;
		}
		if (!p || !look(s, p, c) || ++c->round == N_ROUNDS) {
			drop(s, i);
			continue;
		}
		c->due_ns = now + rounds_ns[c->round];
		i++;
	}
}

/* Looks at everybody who is to be looked at, before something that takes long. */
void check_all(struct supervisor *s)
{
	for (unsigned i = 0; i < s->n_checks; i++) {
		struct proc *p = proc_find(&s->table, s->checks[i].pid);

		if (p && p->known && !p->exec_by)
			image_verify(s, p, s->checks[i].tid);
	}
}
