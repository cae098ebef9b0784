/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * filter [ROUNDS]: what the seccomp filter costs the calls that it does not notify. Three processes
 * do the same calls by turns in one run, so that a slow moment of the machine falls on all: one
 * without a filter, one under a filter of one instruction that allows everything, one under ours.
 *
 * Prints `name value unit`: the median of the rounds, its spread (the middle half of the rounds),
 * and the medians of the differences within a round.
 */

#include <err.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include "common/sys.h"
#include "policy/filter.h"
#include "tests/verdict/gate.h"

#define GATE       0x500012345000ull
#define LENGTH     65536
#define ROUNDS     80
#define MAX_ROUNDS 2000
#define FAILED     -1.0
#define MAP_RW     (PROT_READ | PROT_WRITE), (MAP_PRIVATE | MAP_ANONYMOUS), -1ull, 0

enum kind { NONE, ALLOW_ALL, OURS, N_KINDS };
static const char *const kind_names[] = {"none", "allow-all", "ours"};

static int work_getppid(void)
{
	return sys_raw6(SYS_getppid, 0, 0, 0, 0, 0, 0) < 0;
}

/* Looked at by its arguments, so never cached. */
static int work_ioctl(void)
{
	return sys_raw6(SYS_ioctl, -1, 0x5401, 0, 0, 0, 0) >= 0;
}

static int work_pair(void)
{
	long p = gate_call(GATE, SYS_mmap, (uint64_t[6]){0, LENGTH, MAP_RW});

	if (sys_is_error(p))
		return 1;
	return gate_call(GATE, SYS_munmap, (uint64_t[6]){p, LENGTH}) != 0;
}

static const struct {
	const char *name;
	int (*once)(void);
	unsigned n;
} works[] = {
	{"getppid", work_getppid, 10000},
	{"ioctl", work_ioctl, 10000},
	{"gate-pair", work_pair, 500},
};

#define N_WORKS (sizeof(works) / sizeof(*works))

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return 1e9 * (double)ts.tv_sec + (double)ts.tv_nsec;
}

static double measure(unsigned work)
{
	double start = now_ns();

	for (unsigned i = 0; i < works[work].n; i++)
		if (works[work].once())
			return FAILED;
	return (now_ns() - start) / works[work].n;
}

struct worker {
	pid_t pid;
	int order; /* one byte: which work to do */
	int reply; /* one double: nanoseconds a call */
};

/*
 * The listener is closed at once: what would be a notification fails then, so that a mistake here
 * ends the run instead of hanging it. It makes no difference to what the filter allows.
 */
static int install(struct sock_fprog *prog, unsigned long flags)
{
	long fd;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, prog);
	if (fd > 0)
		sys_close((int)fd);
	return fd < 0 ? -1 : 0;
}

static int install_kind(enum kind kind)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {1, allow};

	if (kind == NONE)
		return 0;
	if (kind == ALLOW_ALL)
		return install(&prog, 0);
	if (filter_build(GATE, 0, &prog) < 0)
		return -1;
	return install(&prog, SECCOMP_FILTER_FLAG_NEW_LISTENER);
}

static _Noreturn void work(enum kind kind, int order, int reply)
{
	unsigned char which;
	double ns;

	if (install_kind(kind)) {
		warn("%s: no filter", kind_names[kind]);
		_exit(1);
	}
	while (read(order, &which, 1) == 1) {
		ns = measure(which);
		if (write(reply, &ns, sizeof(ns)) != sizeof(ns))
			break;
	}
	_exit(0);
}

static void worker_init(struct worker *w, enum kind kind)
{
	int order[2], reply[2];

	if (pipe(order) || pipe(reply))
		err(1, "pipe");
	w->pid = fork();
	if (w->pid < 0)
		err(1, "fork");
	if (w->pid == 0) {
		close(order[1]);
		close(reply[0]);
		work(kind, order[0], reply[1]);
	}
	close(order[0]);
	close(reply[1]);
	w->order = order[1];
	w->reply = reply[0];
}

/* Those started later hold the earlier ones' pipes too: all are closed before any is waited for. */
static void workers_deinit(struct worker workers[N_KINDS])
{
	for (int kind = 0; kind < N_KINDS; kind++) {
		close(workers[kind].order);
		close(workers[kind].reply);
	}
	for (int kind = 0; kind < N_KINDS; kind++)
		waitpid(workers[kind].pid, NULL, 0);
}

static double worker_measure(struct worker *w, unsigned work_index)
{
	unsigned char which = work_index;
	double ns = FAILED;

	if (write(w->order, &which, 1) != 1 || read(w->reply, &ns, sizeof(ns)) != sizeof(ns) ||
	    ns == FAILED)
		errx(1, "%s: a call failed", works[work_index].name);
	return ns;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const char *work_name, const char *what, double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), compare);
	printf("filter.%s.%s %.1f ns\n", work_name, what, v[n / 2]);
	printf("filter.%s.%s.spread %.1f ns\n", work_name, what, v[n * 3 / 4] - v[n / 4]);
}

static void bench(struct worker workers[N_KINDS], unsigned which, unsigned n_rounds)
{
	static double took[N_KINDS][MAX_ROUNDS], over_none[MAX_ROUNDS], over_allow[MAX_ROUNDS];

	for (int kind = 0; kind < N_KINDS; kind++)
		worker_measure(&workers[kind], which); /* faults things in */
	for (unsigned i = 0; i < n_rounds; i++) {
		for (int kind = 0; kind < N_KINDS; kind++)
			took[kind][i] = worker_measure(&workers[kind], which);
		over_none[i] = took[OURS][i] - took[NONE][i];
		over_allow[i] = took[OURS][i] - took[ALLOW_ALL][i];
	}
	for (int kind = 0; kind < N_KINDS; kind++)
		report(works[which].name, kind_names[kind], took[kind], n_rounds);
	report(works[which].name, "ours-over-none", over_none, n_rounds);
	report(works[which].name, "ours-over-allow-all", over_allow, n_rounds);
}

/* All on one processor: they run by turns anyway, and processors differ. */
static void stay_here(void)
{
	cpu_set_t here;
	int cpu = sched_getcpu();

	CPU_ZERO(&here);
	if (cpu < 0)
		return;
	CPU_SET(cpu, &here);
	sched_setaffinity(0, sizeof(here), &here);
}

int main(int argc, char **argv)
{
	unsigned n_rounds = argc > 1 ? (unsigned)atoi(argv[1]) : ROUNDS;
	struct worker workers[N_KINDS];
	int fd = gate_file();

	if (!n_rounds || n_rounds > MAX_ROUNDS)
		errx(2, "usage: filter [ROUNDS], at most %d", MAX_ROUNDS);
	if (fd < 0 || gate_map(GATE, fd))
		err(1, "no gate");
	stay_here();
	for (int kind = 0; kind < N_KINDS; kind++)
		worker_init(&workers[kind], kind);
	for (unsigned which = 0; which < N_WORKS; which++)
		bench(workers, which, n_rounds);
	workers_deinit(workers);
	return 0;
}
