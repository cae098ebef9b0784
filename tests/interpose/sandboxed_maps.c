/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The mmap family under a filter that knows nothing else: from libc's functions and from inside of
 * libc, from threads that contend for the region table, from signal handlers that interrupt it, in
 * children. And one module's calls on another's mappings, which must still be refused and reported.
 */

#include "tests/interpose/sandboxed.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/interpose/owner.h"

#define N_THREADS 6
#define ROUNDS    3000
#define LEN       (16 * PAGE)

/*
 * The region table may lose facts where a thread is kept from running for long, and fixed.replace
 * then refuses even what is one's own. That is not what is tested here.
 */
static int crowded;

/* Everything that one would do with a mapping. Return: how much of it went wrong. */
static int use(void)
{
	unsigned char *p = mmap(NULL, LEN, RW, ANON, -1, 0), *q, resident;
	int wrong = 0;

	if (p == MAP_FAILED)
		return 1;
	memset(p, 1, LEN);
	wrong += mprotect(p + PAGE, PAGE, PROT_READ) != 0;
	wrong += madvise(p + 4 * PAGE, PAGE, MADV_DONTNEED) != 0 || p[4 * PAGE];
	wrong += mincore(p, PAGE, &resident) != 0;
	if (!crowded)
		wrong += mmap(p + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) != p + 2 * PAGE;
	wrong += munmap(p, PAGE) != 0;
	q = mremap(p + 8 * PAGE, 8 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);
	wrong += q == MAP_FAILED || q[0] != 1;
	wrong += munmap(q, 32 * PAGE) != 0 || munmap(p + PAGE, 7 * PAGE) != 0;
	return wrong;
}

static int use_often(int n)
{
	int wrong = 0;

	while (n--)
		wrong += use();
	return wrong;
}

static void maps(void)
{
	SANDBOX();
	say("%d", use_often(ROUNDS));
	say("%ld", syscall(SYS_munmap, syscall(SYS_mmap, 0, LEN, RW, ANON, -1, 0), LEN));
}

static void alloc(void)
{
	unsigned char *p = NULL;
	int wrong = 0;

	free(malloc(1)); /* the first of all asks for random numbers */
	SANDBOX();
	for (size_t len = 16; len < 64ul << 20; len += len / 2) {
		p = realloc(p, len);
		wrong += !p;
		p[len - 1] = 1;
		free(malloc(len));
	}
	free(p);
	say("%d", wrong);
}

/* ---- threads -------------------------------------------------------------------------------- */

static volatile int n_ready, go, n_done, n_wrong;

static void *in_thread(void *arg)
{
	int wrong;

	__atomic_fetch_add(&n_ready, 1, __ATOMIC_RELEASE);
	wait_while(&go, 0);
	wrong = use_often(ROUNDS / 3);
	__atomic_fetch_add(&n_wrong, wrong, __ATOMIC_RELEASE);
	__atomic_fetch_add(&n_done, 1, __ATOMIC_RELEASE);
	wait_while(&go, 1); /* libc would end it by calls of its own */
	return arg;
}

static void start_threads(void)
{
	pthread_t t;

	crowded = 1;
	for (int i = 0; i < N_THREADS; i++)
		if (pthread_create(&t, NULL, in_thread, NULL))
			broken("pthread_create");
	while (__atomic_load_n(&n_ready, __ATOMIC_ACQUIRE) < N_THREADS)
		usleep(1000);
}

static void finish_threads(void)
{
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	for (int n = 0; n < N_THREADS; n = __atomic_load_n(&n_done, __ATOMIC_ACQUIRE))
		wait_while(&n_done, n);
	say("%d", n_wrong);
}

static void storm(void)
{
	start_threads();
	SANDBOX();
	finish_threads();
}

/* libc's own calls for a thread, and no more. */
static void *short_thread(void *arg)
{
	free(malloc(200000));
	return use() ? NULL : arg;
}

static void late_threads(void)
{
	int wrong = 0;

	crowded = 1;
	free(malloc(1));
	SANDBOX(SYS_clone, SYS_clone3, SYS_futex, SYS_sched_getaffinity, SYS_set_robust_list,
		SYS_rseq, SYS_rt_sigprocmask, SYS_exit);
	for (int i = 0; i < 50; i++) {
		pthread_t t[4];
		void *r;

		for (int k = 0; k < 4; k++)
			if (pthread_create(&t[k], NULL, short_thread, &wrong))
				broken("pthread_create");
		for (int k = 0; k < 4; k++)
			wrong += pthread_join(t[k], &r) || !r;
	}
	say("%d", wrong);
}

/* ---- signals -------------------------------------------------------------------------------- */

static volatile int n_alarms, wrong_in_handler;

static void on_alarm(int sig)
{
	(void)sig;
	wrong_in_handler += use();
	n_alarms++;
}

static void interrupted(void)
{
	struct itimerval often = {{0, 300}, {0, 300}};
	int wrong = 0;

	signal(SIGVTALRM, on_alarm);
	if (setitimer(ITIMER_VIRTUAL, &often, NULL))
		broken("setitimer");
	SANDBOX();
	while (n_alarms < 50)
		wrong += use_often(50);
	say("%d %d", wrong, wrong_in_handler);
}

static void interrupted_threads(void)
{
	struct itimerval often = {{0, 300}, {0, 300}};

	start_threads();
	signal(SIGVTALRM, on_alarm);
	if (setitimer(ITIMER_VIRTUAL, &often, NULL))
		broken("setitimer");
	SANDBOX();
	finish_threads();
	say("%d", wrong_in_handler);
}

/* ---- children ------------------------------------------------------------------------------- */

/* By the system calls alone: libc's fork(3) makes others. */
static int children(int nr)
{
	int wrong = 0, status;

	for (int i = 0; i < 20; i++) {
		long pid = syscall(nr);

		if (!pid)
			_exit(use_often(20) != 0);
		wrong += use_often(20);
		wrong += pid < 0 || waitpid((pid_t)pid, &status, 0) != pid || status;
	}
	return wrong;
}

static void forks(void)
{
	SANDBOX(SYS_fork, SYS_wait4);
	say("%d", children(SYS_fork));
}

static void forks_in_storm(void)
{
	int wrong;

	start_threads();
	SANDBOX(SYS_fork, SYS_wait4);
	__atomic_store_n(&go, 1, __ATOMIC_RELEASE);
	wrong = children(SYS_fork);
	finish_threads();
	say("%d", wrong);
}

static void vforks(void)
{
	volatile int wrong = 0;
	int status;

	SANDBOX(SYS_vfork, SYS_wait4);
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (!pid) {
			wrong += use();
			_exit(0);
		}
		wrong += waitpid(pid, &status, 0) != pid || status;
	}
	say("%d", wrong);
}

/* ---- segments ------------------------------------------------------------------------------- */

/* A segment that nobody else can see; it goes with its last user. */
static int segment(void)
{
	int id = shmget(IPC_PRIVATE, LEN, 0600);
	void *keep = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

	if (keep == (void *)-1 || shmctl(id, IPC_RMID, NULL))
		broken("segment");
	return id;
}

static void segments(void)
{
	int id = segment();
	char *p, *own;

	SANDBOX();
	p = shmat(id, NULL, 0);
	if (p == (char *)-1)
		broken("shmat");
	p[LEN - 1] = 7;
	own = map(LEN, RW);
	say("onto one's own: %d", shmat(id, own, SHM_REMAP) == own && own[LEN - 1] == 7);
	own = map(2 * LEN, RW);
	memset(own, 1, 2 * LEN);
	say("onto half of it: %d", shmat(id, own, SHM_REMAP) == own && own[LEN] == 1);
	say("read only: %d", ((char *)shmat(id, NULL, SHM_RDONLY))[LEN - 1]);
	say("detached: %d", shmdt(p) | shmdt(own));
	say("detached twice: %s", error_name(shmdt(own) ? errno : 0));
}

/* A segment laid over part of another module's mapping, its first page one's own. */
static void segment_onto_others(void)
{
	char *p = map(LEN, RW), *rest = p + PAGE;
	int id = segment();

	if (munmap(rest, LEN - PAGE) ||
	    owner_map(rest, LEN - PAGE, RW, MAP_FIXED_NOREPLACE) != rest)
		broken("preparation");
	SANDBOX();
	say("%s", error_name(shmat(id, p, SHM_REMAP) == p ? 0 : errno));
}

const struct sandboxed_case sandboxed_maps[] = {
	{"maps", maps},
	{"alloc", alloc},
	{"storm", storm},
	{"late_threads", late_threads},
	{"interrupted", interrupted},
	{"interrupted_threads", interrupted_threads},
	{"forks", forks},
	{"forks_in_storm", forks_in_storm},
	{"vforks", vforks},
	{"segments", segments},
	{NULL, NULL},
};

/* ---- another module's mappings -------------------------------------------------------------- */

static void foreign_unmap(void)
{
	char *p = owner_map(NULL, LEN, RW, 0);

	SANDBOX();
	say("%s", error_name(munmap(p, LEN) ? errno : 0));
	p = owner_map(NULL, LEN, RW, 0);
	say("%s", error_name(munmap(p, LEN) ? errno : 0));
}

static void foreign_protect(void)
{
	char *p = owner_map(NULL, LEN, RW, 0);

	SANDBOX();
	say("%s", error_name(mprotect(p, LEN, PROT_READ) ? errno : 0));
}

static void foreign_attached(void)
{
	int id = segment();
	char *p;

	SANDBOX();
	p = owner_attach(id);
	say("%s", error_name(munmap(p + LEN - PAGE, PAGE) ? errno : 0));
	say("%s", error_name(shmdt(p) ? errno : 0));
}

static void fixed_unknown(void)
{
	SANDBOX();
	/* the stack's first pages are nobody's */
	char *p = (char *)((uintptr_t)&p & -PAGE) - 16 * PAGE;

	*(volatile char *)p = 1;
	say("%s", error_name(mmap(p, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p ? 0 : errno));
}

const struct sandboxed_case sandboxed_foreign[] = {
	{"foreign_unmap", foreign_unmap},       {"foreign_protect", foreign_protect},
	{"foreign_attached", foreign_attached}, {"foreign_segment", segment_onto_others},
	{"fixed_unknown", fixed_unknown},       {NULL, NULL},
};
