/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "common/fmt.h"

/*
 * Reports: one line, or one JSON object, for everything that a policy denies, logs or kills for.
 *
 * A line names program, pid, call, caller, rule, where the rule was written, and the line that
 * would allow it. The same call site is written the first time and then at its 10th, 100th, …
 * occurrence with the count, so that a loop cannot fill a disk.
 *
 * The standard error that the tree was started with is held as long as its first process lives.
 * Unless it is a file it is let go then: whoever reads a pipe, a socket or the other side of a
 * terminal waits for its end, and a daemon that closed its own would otherwise be kept talking to
 * its caller by us. From there on reports go to the system log.
 */

static const char *const verdict_words[] = {"allow", "log", "flip", "deny", "kill"};

void report_init(struct report *r, int err)
{
	struct stat st;

	*r = (struct report){.err = err, .syslog = -1};
	r->err_is_stream = err >= 0 && !fstat(err, &st) && !S_ISREG(st.st_mode);
	for (int i = 0; i < REPORT_SINKS; i++)
		r->sinks[i].fd = -1;
}

/* The tree's first process has ended. */
void report_release_stderr(struct report *r)
{
	if (!r->err_is_stream || r->err < 0)
		return;
	close(r->err);
	r->err = -1;
}

static uint64_t hash(uint64_t h, const char *s)
{
	for (; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ull;
	return h * 0x100000001b3ull;
}

/*
 * Whether this is the first time that `what` is said of `which`. The memory is bounded: after many
 * other things it may be said again.
 */
bool report_once(struct report *r, const char *what, const char *which)
{
	uint64_t h = hash(hash(0xcbf29ce484222325ull, what), which) | 1;
	uint64_t *slot = &r->said[h / 2 % 64];

	if (*slot == h)
		return false;
	*slot = h;
	return true;
}

static bool is_power_of_ten(uint64_t n)
{
	while (n && n % 10 == 0)
		n /= 10;
	return n == 1;
}

/* How often this site has done this; 0: not to be written now. */
static uint64_t count_site(struct report *r, const struct violation *v)
{
	uint64_t h = hash(0xcbf29ce484222325ull, v->program);
	unsigned i;

	h = hash(hash(h, v->call), v->module);
	h = (h ^ v->offset) * 0x100000001b3ull;
	h = ((h ^ v->ruling->rule) * 0x100000001b3ull) | 1;
	i = (unsigned)(h >> 20) % REPORT_SITES;
	if (r->sites[i].site != h) {
		r->sites[i].site = h;
		r->sites[i].count = 0;
	}
	return is_power_of_ten(++r->sites[i].count) ? r->sites[i].count : 0;
}

static const char *error_name(int e)
{
	switch (e) {
	case 0:
		return "";
	case EACCES:
		return "EACCES";
	case EPERM:
		return "EPERM";
	case ENOSYS:
		return "ENOSYS";
	}
	return strerrorname_np(e);
}

static const char *loosest_word(enum policy_key key)
{
	switch (key) {
	case KEY_RAW:
		return " = \"police\";";
	case KEY_WX_WRITERS:
		return " = \"any\";";
	case KEY_SEAL_TEXT:
	case KEY_SEAL_RELRO:
	case KEY_SEAL_DATA:
	case KEY_SEAL_VDSO:
		return " = false;";
	case KEY_SEAL_LATE:
		return " = \"never\";";
	default:
		return " = \"allow\";";
	}
}

/* "wx.jit" → `wx: { jit = …; };`, the text that a policy file would hold to allow it. */
static void allowing_rule(struct fmt *f, const struct violation *v)
{
	const char *key = policy_key_name(v->ruling->rule), *dot = strchr(key, '.');
	bool is_code = v->ruling->rule == KEY_WX_MAP || v->ruling->rule == KEY_WX_TRANSITION;

	if (v->ruling->rule == KEY_WX_FILE) {
		fmt_str(f, "wx: { file_allow = [ \"");
		fmt_str(f, v->object ? v->object : "PATH");
		fmt_str(f, "\" ]; };");
		return;
	}
	if (v->ruling->rule ==
	    KEY_WX_JIT) { /* both at once, past the library that would serve it */
		fmt_str(f, "wx: { map = \"allow\"; };");
		return;
	}
	if (v->ruling->rule == KEY_SEAL_DISCARD) { /* of memory that is sealed by any of these */
		fmt_str(f, "seal: { text = false; relro = false; data = false; vdso = false; };");
		return;
	}
	if (v->sealed) { /* no more than that one module */
		fmt_str(f, "modules = ( { name = \"");
		fmt_str(f, strrchr(v->sealed, '/') ? strrchr(v->sealed, '/') + 1 : v->sealed);
		fmt_str(f, "\"; seal: { ");
		fmt_str(f, dot + 1);
		fmt_str(f, " = false; }; } );");
		return;
	}
	if (is_code && v->grantee) {
		fmt_str(f, "wx: { jit = [ \"");
		fmt_str(f, v->grantee);
		fmt_str(f, "\" ]; };");
		return;
	}
	if (dot)
		fmt_strn(f, key, (size_t)(dot - key));
	if (dot)
		fmt_str(f, ": { ");
	fmt_str(f, dot ? dot + 1 : key);
	fmt_str(f, v->cookie ? " = \"log\";" : loosest_word(v->ruling->rule));
	if (dot)
		fmt_str(f, " };");
}

/* What the kernel itself forbids, by PR_SET_MDWE, no other line allows. */
static void allowing_line(struct fmt *f, const struct policy *p, const struct violation *v)
{
	enum policy_key rule = v->ruling->rule;
	bool is_code = rule == KEY_WX_MAP || rule == KEY_WX_TRANSITION || rule == KEY_WX_JIT;

	allowing_rule(f, v);
	if (is_code && p && policy_value(p, KEY_K_MDWE))
		fmt_str(f, " kernel: { mdwe = false; };");
}

static void where_written(struct fmt *f, const struct policy_ruling *r)
{
	if (r->line) {
		fmt_str(f, r->file);
		fmt_char(f, ':');
		fmt_udec(f, r->line);
	} else {
		fmt_str(f, "profile ");
		fmt_str(f, r->file ? r->file : "default");
	}
}

static void text_line(struct fmt *f, const struct policy *p, const struct violation *v,
		      uint64_t count)
{
	const char *base = strrchr(v->program, '/');

	fmt_str(f, "cookiemap: ");
	fmt_str(f, verdict_words[v->ruling->verdict]);
	fmt_str(f, ": ");
	fmt_str(f, base ? base + 1 : v->program);
	fmt_char(f, '[');
	fmt_udec(f, (uint64_t)v->pid);
	fmt_str(f, "]: ");
	fmt_str(f, v->text);
	if (strcmp(v->call, "image")) {
		fmt_str(f, " by ");
		fmt_str(f, v->module ? v->module : "unknown code");
	}
	if (v->module) {
		fmt_char(f, '+');
		fmt_hex(f, v->offset);
	}
	fmt_str(f, ": ");
	fmt_str(f, policy_key_name(v->ruling->rule));
	fmt_str(f, " (");
	where_written(f, v->ruling);
	fmt_char(f, ')');
	if (v->ruling->error) {
		fmt_str(f, ", ");
		fmt_str(f, error_name(v->ruling->error));
	}
	if (v->ruling->verdict >= V_DENY) {
		fmt_str(f, "; to allow: ");
		allowing_line(f, p, v);
	}
	if (count > 1) {
		fmt_str(f, " (");
		fmt_udec(f, count);
		fmt_str(f, " times)");
	}
}

static void json_key(struct fmt *f, const char *key)
{
	if (f->buf[f->len - 1] != '{')
		fmt_char(f, ',');
	fmt_json(f, key, strlen(key));
	fmt_char(f, ':');
}

static void json_str(struct fmt *f, const char *key, const char *s)
{
	json_key(f, key);
	if (s)
		fmt_json(f, s, strlen(s));
	else
		fmt_str(f, "null");
}

static void json_num(struct fmt *f, const char *key, uint64_t v)
{
	json_key(f, key);
	fmt_udec(f, v);
}

static void json_line(struct fmt *f, const struct policy *p, const struct violation *v,
		      uint64_t count)
{
	char allow[700];
	struct fmt a = FMT_INIT(allow);
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	allowing_line(&a, p, v);
	fmt_char(f, '{');
	json_num(f, "time_ns", (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
	json_str(f, "verdict", verdict_words[v->ruling->verdict]);
	json_str(f, "program", v->program);
	json_num(f, "pid", (uint64_t)v->pid);
	json_num(f, "tid", (uint64_t)v->tid);
	json_str(f, "call", v->call);
	json_str(f, "text", v->text);
	json_str(f, "module", v->module);
	json_num(f, "offset", v->module ? v->offset : 0);
	json_str(f, "rule", policy_key_name(v->ruling->rule));
	json_str(f, "file", v->ruling->file);
	json_num(f, "line", v->ruling->line);
	json_str(f, "errno", v->ruling->error ? error_name(v->ruling->error) : NULL);
	json_str(f, "allow", v->ruling->verdict >= V_DENY ? allow : NULL);
	json_num(f, "count", count);
	fmt_char(f, '}');
}

static int sink_of_path(struct report *r, const char *path)
{
	int i = 0;

	while (i < REPORT_SINKS - 1 && r->sinks[i].fd >= 0 && strcmp(r->sinks[i].path, path))
		i++;
	if (r->sinks[i].fd >= 0 && !strcmp(r->sinks[i].path, path))
		return r->sinks[i].fd;
	if (r->sinks[i].fd >= 0)
		close(r->sinks[i].fd);
	r->sinks[i].fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	snprintf(r->sinks[i].path, sizeof(r->sinks[i].path), "%s", path);
	return r->sinks[i].fd;
}

/* RFC 3164's local form, which every syslog daemon takes on /dev/log: facility daemon, level
 * warning. */
static void to_syslog(struct report *r, const char *line, size_t len)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX, .sun_path = "/dev/log"};
	char msg[4200];
	int n;

	if (r->syslog < 0) {
		r->syslog = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (r->syslog >= 0 && connect(r->syslog, (struct sockaddr *)&to, sizeof(to)) < 0) {
			close(r->syslog);
			r->syslog = -1;
		}
	}
	n = snprintf(msg, sizeof(msg), "<28>%.*s", (int)len, line);
	if (r->syslog >= 0 && n > 0)
		send(r->syslog, msg, (size_t)n < sizeof(msg) ? (size_t)n : sizeof(msg) - 1,
		     MSG_NOSIGNAL);
}

/* A terminal that is stopped or a pipe that nobody reads must not stop the tree: a pipe that polls
 * as writable takes PIPE_BUF bytes at once (pipe(7)), which no line exceeds. */
static bool would_block(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	return poll(&p, 1, 0) != 1;
}

/* One line with its newline, in one write(2), so that lines of several writers do not mix. */
static void emit(struct report *r, const struct policy *p, struct fmt *f)
{
	const char *to = p ? policy_string(p, KEY_REPORT_TO) : "stderr";
	int fd = -1;

	if (!to || !strcmp(to, "stderr"))
		fd = r->err;
	else if (to[0] == '/')
		fd = sink_of_path(r, to);
	if (fd < 0 || would_block(fd)) {
		to_syslog(r, f->buf, f->len);
		return;
	}
	f->buf[f->len++] = '\n'; /* in the place of the NUL, which write(2) does not need */
	if (write(fd, f->buf, f->len) < 0 && fd == r->err && errno == EPIPE)
		report_release_stderr(r);
}

void report_violation(struct report *r, const struct policy *p, const struct violation *v)
{
	char line[4096];
	struct fmt f = FMT_INIT(line);
	uint64_t count = count_site(r, v);

	if (!count)
		return;
	if (policy_value(p, KEY_REPORT_FORMAT) == REPORT_JSON)
		json_line(&f, p, v, count);
	else
		text_line(&f, p, v, count);
	emit(r, p, &f);
}

/* Something that is worth saying and breaks no rule: "cookiemap: …" or {"note": "…"}. */
void report_note(struct report *r, const struct policy *p, const char *text)
{
	char line[2048];
	struct fmt f = FMT_INIT(line);

	if (p && policy_value(p, KEY_REPORT_FORMAT) == REPORT_JSON) {
		fmt_char(&f, '{');
		json_str(&f, "note", text);
		fmt_char(&f, '}');
	} else {
		fmt_str(&f, "cookiemap: ");
		fmt_str(&f, text);
	}
	emit(r, p, &f);
}
