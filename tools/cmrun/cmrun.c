/* SPDX-License-Identifier: BSD-2-Clause */
#include "tools/cmrun/cmrun.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/control.h"
#include "config.h"
#include "policy/dirs.h"
#include "supervise/start.h"

/*
 * cmrun: runs a program, and everything that it starts, under a policy.
 *
 * It forks the supervisor off, installs the filter in itself and becomes the program, as env(1) and
 * nice(1) do: there is nothing to forward. Its own failures end with 125, a program that cannot be
 * executed with 126, one that is not found with 127; nothing is started then.
 */

static const char usage[] =
	"usage: cmrun [-v] [-p FILE | --profile=NAME] [--] PROGRAM [ARGUMENT...]\n"
	"  -p, --policy=FILE    this policy for every program of the tree\n"
	"      --profile=NAME   default, strict or audit for every program of the tree\n"
	"  -v, --verbose        say which program runs under which policy\n"
	"      --help, --version\n"
	"Without -p and --profile each program has the policy that names it, or the default\n"
	"(cmpolicy explain PROGRAM). See cmrun(1).\n";

enum { OPT_PROFILE = 256, OPT_SUPERVISE, OPT_HELP, OPT_VERSION };

static const struct option options[] = {
	{"policy", required_argument, NULL, 'p'},
	{"profile", required_argument, NULL, OPT_PROFILE},
	{"verbose", no_argument, NULL, 'v'},
	{"supervise", required_argument, NULL, OPT_SUPERVISE},
	{"help", no_argument, NULL, OPT_HELP},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

static int parse(int argc, char **argv, struct request *rq)
{
	int c, at = 1;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+:p:v", options, NULL)) != -1) {
		switch (c) {
		case 'p':
			rq->file = optarg;
			break;
		case 'v':
			rq->verbose = true;
			break;
		case OPT_PROFILE:
			rq->profile = optarg;
			break;
		case OPT_SUPERVISE:
			rq->supervise = atoi(optarg);
			break;
		case OPT_HELP:
			fputs(usage, stdout);
			exit(0);
		case OPT_VERSION:
			puts("cmrun " CM_VERSION);
			exit(0);
		default:
			return usage_error(argv[at], c == ':', options);
		}
		at = optind;
	}
	if (rq->file && rq->profile) {
		fputs("cmrun: -p and --profile: give one of them\n", stderr);
		return -EINVAL;
	}
	if (optind == argc && !rq->supervise) {
		fputs("cmrun: no program given\n", stderr);
		fputs(usage, stderr);
		return -EINVAL;
	}
	rq->argv = argv + optind;
	return 0;
}

/* A failure whose reason stands on standard error already, with file and line. */
#define TOLD (-ECANCELED)

/* -p and --profile, or what CM_POLICY and CM_PROFILE say. Return: 1 a policy, 0 none, or TOLD. */
static int asked_policy(struct policy_set *set, const struct request *rq, struct policy_blob *bp)
{
	int r;

	if (!rq->file && !rq->profile)
		return 0;
	r = rq->file ? policy_set_file(set, rq->file, bp, stderr)
		     : policy_set_profile(set, rq->profile, bp, stderr);
	return r < 0 ? TOLD : 1;
}

static void fail(const char *what, int error)
{
	if (error == TOLD)
		return;
	fprintf(stderr, "cmrun: %s: %s\n", what, start_problem(-error));
}

/*
 * One more filter, which allows everything: filters are inherited and never shed, so their number
 * tells who is inside the narrower policy, whoever he says his parent is (supervise/image.c).
 */
static int mark_as_inside(void)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog prog = {1, allow};

	if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog))
		return 0;
	if (errno != EACCES || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0 ? -errno : 0;
}

/* A tree inside a tree: one listener is all that Linux gives, so the outer supervisor enforces
 * both. */
static int run_nested(const struct request *rq, struct policy_set *set)
{
	struct policy_blob blob;
	struct policy p;
	int r = asked_policy(set, rq, &blob), fd, ruleset;

	if (r <= 0)
		return r;
	fd = memfd_create("cookiemap-policy", MFD_CLOEXEC);
	if (fd < 0 || write(fd, blob.data, blob.size_bytes) != (ssize_t)blob.size_bytes)
		return -errno;
	r = mark_as_inside();
	if (!r)
		r = (int)control(CONTROL_NARROW, (uint64_t)fd, 0, 0, 0, 0);
	close(fd);
	if (r < 0 || policy_open(&p, blob.data, blob.size_bytes) < 0)
		return r < 0 ? r : -EINVAL;
	ruleset = landlock_make(&p);
	if (ruleset == -1)
		return 0;
	return ruleset < 0 ? ruleset : landlock_enter(ruleset);
}

static int prepare(struct start *st, const struct request *rq, struct policy_set *set,
		   const char *exe)
{
	struct policy_blob blob;
	struct rule *first;
	int r = asked_policy(set, rq, &blob), memfd;
	uint64_t gate;

	if (r < 0)
		return r;
	r = rules_init(&st->supervisor.rules, set, r ? &blob : NULL);
	if (!r)
		r = gate_make(&gate, &memfd);
	if (!r)
		r = supervisor_init(&st->supervisor, gate, memfd);
	if (r < 0)
		return r;
	report_init(&st->supervisor.report, STDERR_FILENO);
	st->supervisor.verbose = rq->verbose;
	first = rules_for(&st->supervisor.rules, exe);
	if (!first)
		return TOLD;
	st->policy = &first->policy;
	return 0;
}

/*
 * The program's limit on the size of files is not meant for the memory files that a tree needs. It
 * is lifted as far as may be while they are made, and the signal that would come of it does not.
 */
static int prepare_unlimited(struct start *st, const struct request *rq, struct policy_set *set,
			     const char *exe)
{
	struct rlimit limit, most;
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	int r;

	getrlimit(RLIMIT_FSIZE, &limit);
	most = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	if (setrlimit(RLIMIT_FSIZE, &most) < 0) {
		most.rlim_cur = most.rlim_max = limit.rlim_max;
		setrlimit(RLIMIT_FSIZE, &most);
	}
	r = prepare(st, rq, set, exe);
	setrlimit(RLIMIT_FSIZE, &limit);
	signal(SIGXFSZ, before);
	return r;
}

static int run_new(const struct request *rq, struct policy_set *set, const char *exe, bool preload)
{
	static struct start st;
	int sock, r = prepare_unlimited(&st, rq, set, exe);

	st.supervisor.preload = preload;
	if (!r)
		r = start_fork(&st, &sock);
	if (!r)
		r = start_take(sock);
	if (r < 0)
		fail("cannot start", r);
	return r;
}

/* `cmrun --supervise FD`: the library has been preloaded without us, and asks for a supervisor. */
static int serve(const struct request *rq, struct policy_set *set)
{
	static struct start st;
	char exe[PATH_MAX];
	int keep[3], r;

	peer_exe(rq->supervise, exe, sizeof(exe));
	r = prepare(&st, rq, set, exe);
	if (r < 0) {
		fail("cannot start", r);
		start_refuse(rq->supervise, -r);
		return 125;
	}
	st.supervisor.preload = true;
	keep[0] = rq->supervise;
	keep[1] = st.supervisor.gate_memfd;
	keep[2] = st.supervisor.epoll;
	start_detach(keep, 3);
	r = start_serve(&st, rq->supervise);
	if (r < 0)
		fail("cannot supervise", r);
	return r < 0 ? 125 : 0;
}

static int become(char **argv)
{
	execvp(argv[0], argv);
	fprintf(stderr, "cmrun: %s: %s\n", argv[0], strerror(errno));
	return errno == ENOENT ? 127 : 126;
}

/* Where the caller closed a standard descriptor nothing of ours may take its number: it is filled,
 * and closed again for the program by execve. */
static void fill_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int main(int argc, char **argv)
{
	struct request rq = {.file = getenv("CM_POLICY"), .profile = getenv("CM_PROFILE")};
	struct policy_dirs dirs;
	struct policy_set *set;
	char exe[PATH_MAX];
	bool preload;
	int r;
	long outer;

	fill_standard_fds();
	if (rq.file)
		rq.profile = NULL;
	if (argc > 1 && strncmp(argv[1], "--supervise", 11))
		rq.file = rq.profile = NULL;
	if (parse(argc, argv, &rq) < 0)
		return 125;
	if (policy_dirs_init(&dirs) < 0 || policy_set_new(&set, &dirs, stderr) < 0) {
		if (rq.supervise)
			start_refuse(rq.supervise, EINVAL);
		return 125;
	}
	if (rq.supervise)
		return serve(&rq, set);
	r = find_program(rq.argv[0], exe, sizeof(exe));
	if (r)
		return r;
	preload = preload_library();
	outer = control(CONTROL_HELLO, CONTROL_VERSION, 0, 0, 0, 0);
	if (outer == -EINVAL)
		r = run_new(&rq, set, exe, preload);
	else if (outer == -ENOSYS)
		r = (int)outer;
	else
		r = run_nested(&rq, set);
	if (r < 0 && outer != -EINVAL)
		fail("cannot narrow the policy of the cmrun around this one", r);
	return r < 0 ? 125 : become(rq.argv);
}
