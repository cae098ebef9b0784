/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What the kernel does with the filter, against what the simulator says: a thread loads the real
 * filter and makes calls through a real gate page and past it, another answers the notifications
 * with "go on" and notes them. A call must be notified exactly when the row and the simulator say
 * so, and what the kernel showed must be what the simulator was given.
 *
 * Everything happens in processes that Check forks and with memory of their own.
 */

#include <check.h>
#include <errno.h>
#include <linux/audit.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>
#include "common/kit.h"
#include "common/sys.h"
#include "policy/filter.h"
#include "tests/unit/unit.h"
#include "tests/verdict/bpf.h"
#include "tests/verdict/gate.h"

#define GATE_ADDR 0x500012345000ull
#define TWIN_ADDR (GATE_ADDR + (1ull << 32)) /* same lower half */
#define X32_BIT   0x40000000

/* SAME_PAGE is where the gate's page has the entry of a stub. */
_Static_assert((GATE_OTHER - KIT_ENTRY_FIRST) % KIT_ENTRY_BYTES == 0, "an entry");
_Static_assert(GATE_OTHER < KIT_ENTRY_FIRST + KIT_SITES * KIT_ENTRY_BYTES, "an entry");

enum verdict { ALLOW, NOTIFY };

/* How a call is made: which `syscall` instruction executes it. */
enum way { GATE, SAME_PAGE, SAME_LOW_HALF, RAW, INT80 };

static long probe_i386(long nr)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(nr), "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
			 : "r8", "r9", "r10", "r11", "memory");
	return (int)r;
}

struct probe {
	const char *text;
	enum verdict verdict;
	enum way way;
	long nr;
	uint64_t args[6];
	long result; /* what the kernel returns after "go on"; ANY where it does not matter */
};

#define ANY     1234567
#define SCRATCH 0x10000000ull /* mapped, and nobody's: the calls' victim */
#define NOTHING 0x20000000ull /* not mapped */
#define RW      (PROT_READ | PROT_WRITE)
#define ANON    (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED), -1
#define PROBE(verdict, way, nr, result, ...) \
	{#way " " #nr " (" #__VA_ARGS__ ") -> " #verdict, verdict, way, nr, {__VA_ARGS__}, result},

static const struct probe probes[] = {
#include "tests/verdict/live.rows"
};

#define N_PROBES (sizeof(probes) / sizeof(*probes))

/* What one thread does and the other sees. A notification is noted before it is answered. */
struct session {
	bool has_i386;
	struct sock_fprog prog;
	atomic_int listener; /* -1: not yet; release in the target, acquire in the supervisor */
	atomic_uint n_notified;
	struct seccomp_data last;
	long result[N_PROBES];
	unsigned notified[N_PROBES];
	struct seccomp_data seen[N_PROBES];
};

static uint64_t site(enum way way)
{
	switch (way) {
	case GATE:
		return GATE_ADDR;
	case SAME_PAGE:
		return GATE_ADDR + GATE_OTHER;
	case SAME_LOW_HALF:
		return TWIN_ADDR;
	default:
		return 0;
	}
}

static long probe_make(const struct probe *p)
{
	const uint64_t *a = p->args;

	if (p->way == INT80)
		return probe_i386(p->nr);
	if (p->way == RAW)
		return sys_raw6(p->nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	return gate_call(site(p->way), p->nr, a);
}

static void *target(void *arg)
{
	struct session *s = arg;
	int fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			 &s->prog);

	atomic_store_explicit(&s->listener, fd < 0 ? -errno : fd, memory_order_release);
	for (unsigned i = 0; fd >= 0 && i < N_PROBES; i++) {
		unsigned before = atomic_load(&s->n_notified);

		if (probes[i].way == INT80 && !s->has_i386)
			continue;
		s->result[i] = probe_make(&probes[i]);
		s->notified[i] = atomic_load(&s->n_notified) - before;
		s->seen[i] = s->last;
	}
	return NULL;
}

static void answer(struct session *s, int listener)
{
	struct seccomp_notif n = {0};
	struct seccomp_notif_resp r = {.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};

	ck_assert_int_eq(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &n), 0);
	s->last = n.data;
	atomic_fetch_add(&s->n_notified, 1);
	r.id = n.id;
	ck_assert_int_eq(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &r), 0);
}

/* Answers until no thread has the filter any more. */
static void supervise(struct session *s)
{
	struct pollfd p = {.events = POLLIN};

	while ((p.fd = atomic_load_explicit(&s->listener, memory_order_acquire)) == -1)
		usleep(100);
	ck_assert_msg(p.fd >= 0, "seccomp: %s", strerror(-p.fd));
	while (poll(&p, 1, -1) >= 0 && !(p.revents & POLLHUP))
		if (p.revents & POLLIN)
			answer(s, p.fd);
	close(p.fd);
}

static void map_gates(void)
{
	int fd = gate_file();

	ck_assert_msg(fd >= 0 && !gate_map(GATE_ADDR, fd) && !gate_map(TWIN_ADDR, fd),
		      "no gate: %s", strerror(errno));
	close(fd);
}

/* A kernel built or started without i386 calls raises SIGSEGV instead: nothing to filter. */
static bool has_i386(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		probe_i386(20);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status);
}

static struct session *session_new(uint64_t gate)
{
	struct session *s = calloc(1, sizeof(*s));
	pthread_t thread;

	s->has_i386 = has_i386();
	s->listener = -1;
	map_gates();
	ck_assert_int_eq(filter_build(gate, 0, &s->prog), 0);
	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, target, s), 0);
	supervise(s);
	pthread_join(thread, NULL);
	return s;
}

static void session_free(struct session *s)
{
	filter_deinit(&s->prog);
	free(s);
}

static struct seccomp_data simulated(const struct probe *p)
{
	struct seccomp_data d = {.nr = p->nr, .arch = AUDIT_ARCH_X86_64};

	if (p->way == INT80) {
		d.arch = AUDIT_ARCH_I386;
		return d;
	}
	memcpy(d.args, p->args, sizeof(d.args));
	d.instruction_pointer = p->way == RAW ? 0x401000 : site(p->way) + FILTER_GATE_RETURN;
	return d;
}

static enum verdict simulate(const struct sock_fprog *prog, const struct seccomp_data *d)
{
	uint32_t ret;

	ck_assert_int_eq(bpf_run(prog, d, &ret), 0);
	return ret == SECCOMP_RET_ALLOW ? ALLOW : NOTIFY;
}

/* The notification shows the call that was made, and the simulator agrees about it as it is. */
static void compare_seen(const struct session *s, const struct probe *p,
			 const struct seccomp_data *seen)
{
	struct seccomp_data d = simulated(p);

	ck_assert_msg(seen->nr == d.nr && seen->arch == d.arch, "%s: nr %d, arch %#x", p->text,
		      seen->nr, seen->arch);
	if (p->way != INT80)
		ck_assert_msg(!memcmp(seen->args, d.args, sizeof(d.args)), "%s: args", p->text);
	if (site(p->way))
		ck_assert_msg(seen->instruction_pointer == d.instruction_pointer, "%s: ip %#llx",
			      p->text, seen->instruction_pointer);
	ck_assert_msg(simulate(&s->prog, seen) == NOTIFY, "%s: simulated otherwise", p->text);
}

static void compare(const struct session *s, unsigned i, enum verdict want)
{
	const struct probe *p = &probes[i];
	struct seccomp_data d = simulated(p);

	ck_assert_msg(simulate(&s->prog, &d) == want, "simulator: %s", p->text);
	if (p->way == INT80 && !s->has_i386)
		return;
	ck_assert_msg(s->notified[i] == (want == NOTIFY), "kernel, %u notifications: %s",
		      s->notified[i], p->text);
	ck_assert_msg(p->result == ANY || s->result[i] == p->result, "%s: the call returned %ld",
		      p->text, s->result[i]);
	if (want == NOTIFY)
		compare_seen(s, p, &s->seen[i]);
}

START_TEST(kernel_and_simulator_agree)
{
	struct session *s = session_new(GATE_ADDR);

	for (unsigned i = 0; i < N_PROBES; i++)
		compare(s, i, probes[i].verdict);
	session_free(s);
}
END_TEST

static bool is_mm_call(long nr)
{
	switch (nr) {
#define X(NAME, name, n_args, how) case SYS_##name:
		CM_MM_CALLS(X)
#undef X
		return true;
	}
	return false;
}

/* The twin: the same calls under a filter without a gate. */
START_TEST(without_a_gate_the_same_calls_are_notified)
{
	struct session *s = session_new(0);

	for (unsigned i = 0; i < N_PROBES; i++)
		compare(s, i, is_mm_call(probes[i].nr) ? NOTIFY : probes[i].verdict);
	session_free(s);
}
END_TEST

/* As in a container that forbids seccomp(2), and as before Linux 5.0. */
START_TEST(kernel_without_notifications_is_told_apart)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_seccomp, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog without = {sizeof(f) / sizeof(*f), f}, prog = {0};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &without), 0);
	ck_assert_int_eq(filter_build(GATE_ADDR, 0, &prog), -EOPNOTSUPP);
	ck_assert_ptr_null(prog.filter);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("live");
	TCase *t = tcase_create("live");

	tcase_add_test(t, kernel_and_simulator_agree);
	tcase_add_test(t, kernel_without_notifications_is_told_apart);
	tcase_add_test(t, without_a_gate_the_same_calls_are_notified);
	suite_add_tcase(s, t);
	return unit_run(s);
}
