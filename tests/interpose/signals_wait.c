/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Calls that wait with a mask of their own, calls that are interrupted, and signals at any moment.
 */

static void on_usr1(int sig)
{
	say("SIGUSR1, inside %#lx", mask_now());
	jit_step();
}

/* SIGUSR1 is pending and blocked, and comes with the mask that a call waits with. */
static void wait_with(int (*wait)(const sigset_t *))
{
	struct sigaction sa = {.sa_handler = on_usr1};
	sigset_t mask;

	sigaction(SIGUSR1, &sa, NULL);
	mask_set(SIG_BLOCK, SIGUSR1);
	ready();
	mask_fill(&mask);
	sigdelset(&mask, SIGUSR1);
	for (int i = 0; i < 3; i++) {
		raise(SIGUSR1);
		say_result("waited", wait(&mask));
		say("after %#lx", mask_now());
		jit_step();
		if (i == 1)
			mask_set(SIG_BLOCK, SIGSEGV);
	}
}

static int wait_sigsuspend(const sigset_t *mask)
{
	return sigsuspend(mask);
}

static int wait_ppoll(const sigset_t *mask)
{
	const struct timespec t = {.tv_sec = 5};

	return ppoll(NULL, 0, &t, mask);
}

extern int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *t, const sigset_t *mask,
		       size_t room);

/* As _FORTIFY_SOURCE has it. */
static int wait_ppoll_chk(const sigset_t *mask)
{
	const struct timespec t = {.tv_sec = 5};
	struct pollfd none = {.fd = -1};

	return __ppoll_chk(&none, 1, &t, mask, sizeof(none));
}

static int wait_pselect(const sigset_t *mask)
{
	const struct timespec t = {.tv_sec = 5};

	return pselect(0, NULL, NULL, NULL, &t, mask);
}

static int wait_epoll(const sigset_t *mask)
{
	struct epoll_event event;
	int fd = epoll_create1(EPOLL_CLOEXEC), r = epoll_pwait(fd, &event, 1, 5000, mask),
	    saved = errno;

	close(fd);
	errno = saved;
	return r;
}

static int wait_sigpause(const sigset_t *mask)
{
	return sigpause(SIGUSR1);
}

static void by_sigsuspend(void)
{
	wait_with(wait_sigsuspend);
}

static void by_ppoll(void)
{
	wait_with(wait_ppoll);
}

static void by_ppoll_chk(void)
{
	wait_with(wait_ppoll_chk);
}

static void by_pselect(void)
{
	wait_with(wait_pselect);
}

static void by_epoll(void)
{
	wait_with(wait_epoll);
}

static void by_sigpause(void)
{
	mask_set(SIG_BLOCK, SIGSEGV);
	wait_with(wait_sigpause);
}

/* Taken without a handler: others as ever. */
static void taken(int sig)
{
	const struct timespec t = {.tv_sec = 2};
	sigset_t set;
	siginfo_t info;
	int got = 0, fd;
	struct signalfd_siginfo from;

	sigemptyset(&set);
	sigaddset(&set, sig);
	seen_install(sig, 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), sig);
	jit_step();
	say("sigwait %d", sigtimedwait(&set, &info, &t));
	kill(getpid(), sig);
	if (sigpending(&set) || !sigismember(&set, sig))
		say("not pending");
	else
		say_result("sigwait", sigwait(&set, &got)), say("got %d", got);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	kill(getpid(), sig);
	say("read %zd, runs %d", read(fd, &from, sizeof(from)), seen.n);
	close(fd);
}

static void taken_others(void)
{
	taken(SIGUSR1);
	taken(SIGBUS);
}

static void taken_segv(void)
{
	taken(SIGSEGV);
}

/* A thread waits in a call; SIGSEGV is sent to it, and later what it waits for. */
static int pipe_ends[2];
static pthread_t waiting;

static pid_t waiting_tid;
static bool handled = true;

/* Whether the other thread sleeps; it has nothing to sleep in but the call. */
static bool sleeps(void)
{
	char path[64], stat[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", waiting_tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, stat, sizeof(stat) - 1) < 0)
		say("stat: %s", strerrorname_np(errno));
	close(fd);
	return strstr(stat, ") S ") != NULL;
}

static void *sender(void *arg)
{
	const struct timespec t = {.tv_nsec = 20000000};

	for (int asleep = 0; asleep < 3; asleep = sleeps() ? asleep + 1 : 0)
		nanosleep(&t, NULL);
	pthread_kill(waiting, SIGSEGV);
	for (int i = 0; handled && !((volatile struct seen *)&seen)->n && i < 100; i++)
		nanosleep(&t, NULL);
	nanosleep(&t, NULL);
	if (write(pipe_ends[1], "x", 1) != 1)
		say("write failed");
	return NULL;
}

static int in_read(void)
{
	char c;

	return (int)read(pipe_ends[0], &c, 1);
}

static int in_poll(void)
{
	struct pollfd p = {.fd = pipe_ends[0], .events = POLLIN};
	char c;
	int r = poll(&p, 1, 3000), saved = errno;

	if (read(pipe_ends[0], &c, 1) != 1)
		say("read failed");
	errno = saved;
	return r;
}

static int in_nanosleep(void)
{
	const struct timespec t = {.tv_sec = 1};
	char c;
	int r = nanosleep(&t, NULL), saved = errno;

	if (read(pipe_ends[0], &c, 1) != 1)
		say("read failed");
	errno = saved;
	return r;
}

static void interrupted_in(const char *what, size_t from, size_t to)
{
	static int (*const calls[])(void) = {in_read, in_poll, in_nanosleep};
	pthread_t thread;

	waiting = pthread_self();
	waiting_tid = gettid();
	for (size_t i = from; i < to; i++) {
		if (pipe(pipe_ends) || pthread_create(&thread, NULL, sender, NULL))
			say("nothing to wait for");
		say("%s, call %zu", what, i);
		say_result("call", calls[i]());
		pthread_join(thread, NULL);
		say("handler ran %d times", seen.n);
		seen.n = 0;
		close(pipe_ends[0]);
		close(pipe_ends[1]);
		jit_step();
	}
}

static void interrupted(const char *what)
{
	interrupted_in(what, 0, 3);
}

static void interrupts(void)
{
	seen_install(SIGSEGV, 0);
	interrupted("interrupted");
	siginterrupt(SIGSEGV, 0);
	interrupted("siginterrupt");
}

static void restarts(void)
{
	seen_install(SIGSEGV, SA_RESTART);
	interrupted("restarted");
}

static void ignored(size_t from, size_t to)
{
	handled = false;
	signal(SIGSEGV, SIG_IGN);
	ready();
	interrupted_in("ignored", from, to);
}

static void ignored_in_read(void)
{
	ignored(0, 1);
}

static void ignored_in_others(void)
{
	ignored(1, 3);
}

/* SIGALRM at any moment, its mask full, with code that it writes and runs. */
static volatile int n_ticks;
static sigjmp_buf back;

static void tick(int sig)
{
	n_ticks++;
	jit_step();
}

static void timer(long us)
{
	const struct itimerval t = {{0, us}, {0, us}};

	setitimer(ITIMER_REAL, &t, NULL);
}

static void flip_until(int ticks)
{
	for (long i = 0; n_ticks < ticks && i < 20000000; i++)
		if (jit_page) {
			((volatile unsigned char *)jit_page)[64] = 0xc3;
			((void (*)(void))(jit_page + 64))();
		}
}

static void storm(void)
{
	struct sigaction sa = {.sa_handler = tick};

	sigfillset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, NULL);
	ready();
	timer(1000);
	flip_until(300);
	timer(0);
	say("enough %d, mask %#lx", n_ticks >= 300 || !jit_page, mask_now());
}

static void tick_out(int sig)
{
	n_ticks++;
	siglongjmp(back, 1);
}

/* The handler never returns to where it interrupted the program. */
static void storm_jumps(void)
{
	struct sigaction sa = {.sa_handler = tick_out};

	sigaction(SIGALRM, &sa, NULL);
	ready();
	timer(1000);
	sigsetjmp(back, 1);
	flip_until(300);
	timer(0);
	say("enough %d, mask %#lx", n_ticks >= 300 || !jit_page, mask_now());
}

/* Genuine faults among them, each of which is to be handled once. */
static void storm_faults(void)
{
	struct sigaction sa = {.sa_handler = tick, .sa_flags = SA_RESTART};
	int wrong = 0;

	sigaction(SIGALRM, &sa, NULL);
	seen_install(SIGSEGV, 0);
	seen_resume = fault_load_end;
	timer(1000);
	for (int i = 0; i < 3000; i++) {
		int before = seen.n;

		fault_load(NULL);
		wrong += seen.n != before + 1 || seen.code != SEGV_MAPERR;
		if (jit_page) {
			((volatile unsigned char *)jit_page)[64] = 0xc3;
			((void (*)(void))(jit_page + 64))();
		}
	}
	timer(0);
	say("wrong %d, mask %#lx", wrong, mask_now());
}

static volatile int n_sent;

static void count_sent(int sig)
{
	n_sent++;
}

static void count_sent_out(int sig)
{
	n_sent++;
	siglongjmp(back, 1);
}

static timer_t sending;

static void send_every(long ns)
{
	const struct itimerspec t = {{0, ns}, {0, ns}};

	timer_settime(sending, 0, &t, NULL);
}

static void prepare_sending(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGSEGV};

	if (timer_create(CLOCK_MONOTONIC, &event, &sending))
		say("timer_create: %s", strerrorname_np(errno));
}

/* SIGSEGV itself is sent at any moment, those in which flip handles one included. */
static void flip_while_sent(void)
{
	for (long i = 0; n_sent < 300 && i < 20000000; i++)
		if (jit_page) {
			((volatile unsigned char *)jit_page)[64] = 0xc3;
			((void (*)(void))(jit_page + 64))();
		}
	send_every(0);
	say("enough %d, mask %#lx", n_sent >= 300 || !jit_page, mask_now());
}

static void storm_sent(void)
{
	signal(SIGSEGV, count_sent);
	ready();
	prepare_sending();
	send_every(500000);
	flip_while_sent();
}

static void storm_sent_jumps(void)
{
	signal(SIGSEGV, count_sent_out);
	ready();
	prepare_sending();
	sigsetjmp(back, 1);
	send_every(500000);
	flip_while_sent();
}

const struct signals_case signals_wait_cases[] = {
	{"wait_sigsuspend", by_sigsuspend},
	{"wait_ppoll", by_ppoll},
	{"wait_ppoll_chk", by_ppoll_chk},
	{"wait_pselect", by_pselect},
	{"wait_epoll_pwait", by_epoll},
	{"wait_sigpause", by_sigpause},
	{"wait_taken_others", taken_others},
	{"wait_taken_segv", taken_segv},
	{"wait_interrupts", interrupts},
	{"wait_restarts", restarts},
	{"wait_ignored", ignored_in_read},
	{"wait_ignored_others", ignored_in_others},
	{"wait_storm", storm},
	{"wait_storm_jumps", storm_jumps},
	{"wait_storm_faults", storm_faults},
	{"wait_storm_sent", storm_sent},
	{"wait_storm_sent_jumps", storm_sent_jumps},
	{NULL, NULL},
};
