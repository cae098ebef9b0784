/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * watch SECONDS REPORT PROGRAM ARGUMENT...: runs the program, and while anything lives that it
 * started looks every few milliseconds at all of their mappings for one that is both writable and
 * executable. It trusts nobody but the kernel's own list in /proc.
 *
 * It is the subreaper of what it starts, so that a daemon that left its parent is still a
 * descendant, and ends as the program does, by the same status or signal. Descendants that outlive
 * the program are watched for two seconds more. A look never takes more than a third of the time.
 *
 * REPORT is complete when it is there:
 *
 *     looks N           how often all mappings were read
 *     lists N           how many lists of mappings that were
 *     processes N       of how many processes
 *     unreadable N      lists that could not be read
 *     filters N         the most seccomp filters that one of them had
 *     both COMM LINE    each mapping seen with w and x, as /proc/PID/maps has it, once
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	PAUSE_NS = 3000000,
	AFTER_NS = 2000000000,
	PROCESSES_MAX = 4096,
	BOTH_MAX = 64,
	LATE = 124 << 8, /* a wait status */
};

struct process {
	int pid, parent;
	bool ours, seen;
	char comm[64];
};

struct watch {
	struct process now[PROCESSES_MAX];
	int n_now;
	int known[PROCESSES_MAX];
	int n_known;
	char *both[BOTH_MAX];
	int n_both;
	unsigned long n_looks, n_lists, n_unreadable;
	int n_filters;
};

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* The parent and the name of a process, from its stat; false when it has gone or is a zombie. */
static bool process_read(struct process *p, int pid)
{
	char path[64], text[512], *from, *to, state;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = 0;
	from = strchr(text, '(');
	to = strrchr(text, ')');
	if (!from || !to || sscanf(to + 1, " %c %d", &state, &p->parent) != 2)
		return false;
	*to = 0;
	p->pid = pid;
	snprintf(p->comm, sizeof p->comm, "%s", from + 1);
	return state != 'Z' && state != 'X';
}

static void watch_list(struct watch *w)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int pid;

	w->n_now = 0;
	while (proc && (entry = readdir(proc)) && w->n_now < PROCESSES_MAX) {
		pid = atoi(entry->d_name);
		if (pid > 0 && process_read(&w->now[w->n_now], pid))
			w->now[w->n_now++].ours = false;
	}
	if (proc)
		closedir(proc);
}

/* Marks the descendants of this process: children of marked ones, until no more are found. */
static void watch_mark(struct watch *w)
{
	int self = getpid();
	bool more = true;

	while (more) {
		more = false;
		for (int i = 0; i < w->n_now; i++) {
			struct process *p = &w->now[i];
			bool ours = p->parent == self;

			for (int k = 0; !p->ours && !ours && k < w->n_now; k++)
				ours = w->now[k].ours && w->now[k].pid == p->parent;
			if (!p->ours && ours)
				more = p->ours = true;
		}
	}
}

static void watch_note(struct watch *w, const char *comm, const char *line)
{
	char *text = NULL;

	if (w->n_both == BOTH_MAX || asprintf(&text, "%s %s", comm, line) < 0)
		return;
	for (int i = 0; i < w->n_both; i++) {
		if (!strcmp(w->both[i], text)) {
			free(text);
			return;
		}
	}
	w->both[w->n_both++] = text;
}

static void watch_maps(struct watch *w, const struct process *p)
{
	char path[64], line[4352], perms[8];
	int n_lines = 0, i;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/maps", p->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		n_lines++;
		if (sscanf(line, "%*s %7s", perms) == 1 && perms[1] == 'w' && perms[2] == 'x')
			watch_note(w, p->comm, line);
	}
	if (file)
		fclose(file);
	w->n_lists += n_lines > 0;
	w->n_unreadable += !file && errno != ENOENT && errno != ESRCH;
	for (i = 0; i < w->n_known && w->known[i] != p->pid; i++)
		;
	if (n_lines && i == w->n_known && i < PROCESSES_MAX)
		w->known[w->n_known++] = p->pid;
}

static void watch_filters(struct watch *w, const struct process *p)
{
	char path[64], line[256];
	FILE *file;
	int n;

	snprintf(path, sizeof path, "/proc/%d/status", p->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "Seccomp_filters: %d", &n) == 1 && n > w->n_filters)
			w->n_filters = n;
	}
	if (file)
		fclose(file);
}

static void watch_look(struct watch *w)
{
	unsigned long before = w->n_lists;

	watch_list(w);
	watch_mark(w);
	for (int i = 0; i < w->n_now; i++) {
		if (!w->now[i].ours)
			continue;
		watch_maps(w, &w->now[i]);
		watch_filters(w, &w->now[i]);
	}
	w->n_looks += w->n_lists > before;
}

/* The next child that has ended, 0: none has, -1: there is none. */
static int reap(int child, int *statusp)
{
	int status, pid = waitpid(-1, &status, WNOHANG);

	if (pid == child)
		*statusp = status;
	return pid;
}

/* Ends what is left of the descendants, those too that a dying one hands over to us. */
static void watch_end(struct watch *w, int child, int *statusp)
{
	long long end = now_ns() + AFTER_NS;
	int pid;

	while ((pid = reap(child, statusp)) >= 0 && now_ns() < end) {
		if (pid > 0)
			continue;
		watch_list(w);
		watch_mark(w);
		for (int i = 0; i < w->n_now; i++) {
			if (w->now[i].ours)
				kill(w->now[i].pid, SIGKILL);
		}
		nanosleep(&(struct timespec){0, PAUSE_NS}, NULL);
	}
}

/* Looks until there is no child left, or the time is up; the first one's status, LATE without. */
static int watch_run(struct watch *w, int child, long long end)
{
	long long begin, took;
	int status = LATE, pid;

	for (;;) {
		begin = now_ns();
		while ((pid = reap(child, &status)) > 0) {
			if (pid == child && begin + AFTER_NS < end)
				end = begin + AFTER_NS;
		}
		if (pid < 0)
			return status;
		if (begin > end)
			break;
		watch_look(w);
		took = now_ns() - begin;
		took = 2 * took > PAUSE_NS ? 2 * took : PAUSE_NS;
		nanosleep(&(struct timespec){took / 1000000000, took % 1000000000}, NULL);
	}
	pid = status;
	watch_end(w, child, &status);
	return pid;
}

static int watch_report(const struct watch *w, const char *path)
{
	char draft[4096];
	FILE *file;

	snprintf(draft, sizeof draft, "%s.draft", path);
	file = fopen(draft, "we");
	if (!file)
		return -1;
	fprintf(file, "looks %lu\nlists %lu\nprocesses %d\nunreadable %lu\nfilters %d\n",
		w->n_looks, w->n_lists, w->n_known, w->n_unreadable, w->n_filters);
	for (int i = 0; i < w->n_both; i++)
		fprintf(file, "both %s", w->both[i]);
	if (fclose(file))
		return -1;
	return rename(draft, path);
}

/* As a shell ends a program: what waits for us sees what it would have seen. */
static int end_as(int status)
{
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	static struct watch w;
	int child, status;

	if (argc < 4 || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return 125;
	child = fork();
	if (child < 0)
		return 125;
	if (!child) {
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	status = watch_run(&w, child, now_ns() + atoi(argv[1]) * 1000000000LL);
	if (watch_report(&w, argv[2]))
		return 125;
	return end_as(status);
}
