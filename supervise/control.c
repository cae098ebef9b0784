/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/control.h"
#include "common/names.h"

/*
 * The supervisor's end of the control channel (common/control.h).
 *
 * Anyone in the tree can send any of these with any arguments, so each is harmless by itself: the
 * gate and the policy are the same for whoever asks, a caller only narrows, a report is a line
 * about the sender, and start-up ends once.
 */

#define MAX_NARROW_BYTES (1u << 20)

bool control_is(const struct call *c)
{
	return c->nr == SYS_munmap && (c->args[0] & CONTROL_MASK) == CONTROL_ADDR &&
	       !decide_is_foreign_arch(c);
}

static bool is_library(struct supervisor *s, struct proc *p, uint64_t ip)
{
	struct vma v;

	return image_module(s, p, ip, &v) && vma_is_library(&v);
}

/* The library of an image speaks, or somebody in its name: that counts for less (image_seal.c). */
static void begin(struct supervisor *s, struct proc *p, uint64_t ip)
{
	bool first =
		!p->hello; /* and nothing else of the image has called before, but its loader */

	p->hello = true;
	if (first && !p->started)
		p->library = is_library(s, p, ip);
}

/* Whether the kernel seals for this process: not where a filter of the tree's own may end it for
 * the call. */
static bool may_seal(struct supervisor *s, const struct proc *p)
{
	return s->kernel_seals && (!s->any_filter || proc_filters(p->via) == s->n_filters);
}

static void hello(struct supervisor *s, struct proc *p, uint64_t version, uint64_t ip)
{
	char text[128];

	if (version != CONTROL_VERSION) {
		snprintf(text, sizeof(text),
			 "the library speaks version %llu, this supervisor %d: use those of one "
			 "installation",
			 (unsigned long long)version, CONTROL_VERSION);
		if (report_once(&s->report, "version", ""))
			report_note(&s->report, &p->rule->policy, text);
		answer_value(s, -EPROTO);
		return;
	}
	begin(s, p, ip);
	answer_value(s, (long)(s->gate | (may_seal(s, p) ? HELLO_SEALS : 0)));
}

static void give_policy(struct supervisor *s, struct proc *p)
{
	int fd = rule_memfd(p->rule);

	if (fd < 0)
		answer_value(s, fd);
	else
		answer_fd(s, fd);
}

static void give_sites(struct supervisor *s, struct proc *p, const struct call *c)
{
	int fd = -EPERM;

	if (s->gate && !p->started && !p->kit &&
	    policy_value(&p->rule->policy, KEY_INTERPOSE_PATCH))
		fd = patch_give(s, p, &c->args[1], c->args[3]);
	if (fd < 0)
		answer_value(s, fd);
	else
		answer_fd(s, fd);
}

static void module(struct supervisor *s, struct proc *p, uint64_t addr, uint64_t what,
		   uint64_t offset)
{
	uint64_t bytes = 0;
	struct vma v;
	size_t n;

	if (!image_module(s, p, addr, &v)) {
		answer_value(s, -ENOENT);
		return;
	}
	switch (what) {
	case MODULE_START:
		answer_value(s, (long)v.range.start);
		return;
	case MODULE_END:
		answer_value(s, (long)v.range.end);
		return;
	case MODULE_ID:
		answer_value(s, (long)(v.ino & INT64_MAX));
		return;
	case MODULE_NAME:
		n = strlen(v.name);
		for (uint64_t i = 0; i < 7 && offset < n && i < n - offset; i++)
			bytes |= (uint64_t)(unsigned char)v.name[offset + i] << 8 * i;
		answer_value(s, (long)bytes);
		return;
	}
	answer_value(s, -EINVAL);
}

/* What was done: a call with its first two arguments, or a store and where to. */
static void describe(const struct call *c, struct violation *w, struct fmt *f)
{
	bool is_store = c->args[3] == REPORT_STORE;

	w->cookie = c->args[3] & REPORT_COOKIE;
	w->call = is_store ? "store" : call_name((int)(c->args[3] & ~(uint64_t)REPORT_COOKIE));
	fmt_str(f, w->call);
	fmt_str(f, is_store ? " to " : "(");
	fmt_hex(f, c->args[4]);
	if (is_store)
		return;
	fmt_str(f, ", ");
	fmt_udec(f, c->args[5]);
	fmt_str(f, w->cookie ? ", ...) on a cookie's region" : ", ...)");
}

/* The file whose memory an address is, also where that is behind what the file itself holds (.bss).
 * NULL: none. */
static const char *owner_of(struct proc *p, uint64_t addr, struct vma *vp)
{
	const unsigned most = 3;

	for (unsigned i = 0; i < most && p->maps >= 0 && !vma_at(p->maps, addr, vp); i++) {
		if (vp->name[0] == '/')
			return vp->name;
		addr = vp->range.start - 1;
	}
	return NULL;
}

static bool is_of_module(enum policy_key key)
{
	return key == KEY_SEAL_TEXT || key == KEY_SEAL_RELRO || key == KEY_SEAL_DATA;
}

/* A violation that the library has decided; the policy says what its verdict can have been. */
static void report(struct supervisor *s, struct task *k, const struct call *c)
{
	struct proc *p = k->proc;
	enum policy_key key = (enum policy_key)(c->args[1] >> 8);
	enum policy_verdict verdict = (enum policy_verdict)(c->args[1] & 0xff);
	struct policy_ruling r = {.verdict = verdict, .rule = key};
	char text[256];
	struct fmt f = FMT_INIT(text);
	struct vma v, of;
	struct violation w = {
		.program = p->exe, .pid = p->pid, .tid = k->tid, .text = text, .ruling = &r};

	if (c->args[1] >> 8 >= KEY_N || verdict < V_LOG || verdict > V_KILL ||
	    (c->args[3] != REPORT_STORE &&
	     !call_name((int)(c->args[3] & ~(uint64_t)REPORT_COOKIE)))) {
		answer_value(s, -EINVAL);
		return;
	}
	r.error = verdict >= V_DENY ? policy_refusal(key) : 0;
	policy_source(&p->rule->policy, key, &r.file, &r.line);
	describe(c, &w, &f);
	if (image_module(s, p, c->args[2], &v)) {
		w.module = v.name[0] ? v.name : "[anonymous code]";
		w.offset = c->args[2] - v.range.start + v.offset_bytes;
	}
	if (is_of_module(key))
		w.sealed = owner_of(p, c->args[4], &of);
	report_violation(&s->report, &p->rule->policy, &w);
	if (verdict == V_KILL)
		proc_kill(p);
	answer_value(s, 0);
}

/* A policy must come in a memory file: opening anything else could wait for whoever serves it. */
static int read_policy(struct supervisor *s, pid_t pid, int fd, struct policy_blob *bp)
{
	char path[48];
	struct policy_blob b;
	struct stat st;
	int in, r = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	r = object_stat(path, &st);
	if (r < 0)
		return r;
	if (st.st_dev != s->objects.memory_dev || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    st.st_size > MAX_NARROW_BYTES)
		return -EINVAL;
	in = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (in < 0)
		return -errno;
	b = (struct policy_blob){malloc((size_t)st.st_size), (size_t)st.st_size};
	if (!b.data || pread(in, b.data, b.size_bytes, 0) != (ssize_t)b.size_bytes)
		r = -EIO;
	close(in);
	if (r < 0)
		policy_blob_deinit(&b);
	else
		*bp = b;
	return r;
}

static void narrow(struct supervisor *s, struct proc *p, int fd)
{
	struct policy_blob b;
	struct rule *asked, *mine, *all, *now;
	int r = read_policy(s, p->via, fd, &b);

	if (r < 0) {
		answer_value(s, r);
		return;
	}
	asked = rules_add(&s->rules, &b);
	if (!asked) {
		answer_value(s, -EINVAL);
		return;
	}
	mine = rules_narrow(&s->rules, p->nested, asked);
	all = rules_narrow(&s->rules, s->rules.nested, asked);
	now = mine ? rules_narrow(&s->rules, mine, p->rule) : NULL;
	if (!all || !now) {
		answer_value(s, -E2BIG);
		return;
	}
	p->nested = mine;
	s->rules.nested = all;
	p->rule = now;
	p->jit = false;
	answer_value(s, 0);
}

/* Something new is mapped: what a seal let go from there has gone. Whatever forbids to take it away
 * is still there. */
static void forget(struct proc *p, struct range r)
{
	static const enum seal ways[] = {SEAL_UNMAP, SEAL_REPLACE, SEAL_MOVE};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		seals_clear(&p->seals, &(struct seal_deed){.range = r, .seal = (uint8_t)ways[i]});
}

/* Whoever asks binds himself, and those who are forked from him. */
static void seal(struct supervisor *s, struct proc *p, const struct call *c)
{
	const uint64_t *a = c->args;
	struct range r;
	bool named = a[4] >= KEY_SEAL_TEXT && a[4] <= KEY_SEAL_DISCARD;
	int e;

	if (!range_init(&r, a[1], a[2]) || a[3] & ~(uint64_t)SEAL_KNOWN ||
	    (!named && a[4] != KEY_NONE) || (!a[3] && !is_library(s, p, c->ip))) {
		answer_value(s, -EINVAL);
		return;
	}
	if (!a[3]) {
		forget(p, r);
		answer_value(s, 0);
		return;
	}
	e = seals_add(&p->seals, r, (unsigned)a[3], (enum policy_key)a[4]);
	s->any_told |= !e;
	answer_value(s, e);
}

/* What is loaded later is sealed when its loader protects it, by a call that the library must see.
 */
static void note_late(struct supervisor *s, struct proc *p, const uint64_t n_done[KIT_OBJECTS])
{
	const struct policy *policy = &p->rule->policy;
	char text[700];
	struct fmt f = FMT_INIT(text);

	if (!s->verbose || policy_value(policy, KEY_SEAL_LATE) == LATE_NEVER || n_done[1] ||
	    !report_once(&s->report, "late", p->exe))
		return;
	fmt_str(&f, p->exe);
	fmt_str(&f, ": seal.late cannot be honoured: its loader (ld.so) is not patched");
	report_note(&s->report, policy, text);
}

static void note_partly(struct supervisor *s, struct proc *p)
{
	char text[700];
	struct fmt f = FMT_INIT(text);

	if (!s->verbose || !report_once(&s->report, "partly", p->exe))
		return;
	fmt_str(&f, p->exe);
	fmt_str(&f, ": not all that was loaded at start-up could be sealed: the program headers of "
		    "an object were not found");
	report_note(&s->report, &p->rule->policy, text);
}

/* Start-up is over: (sites patched of libc, of ld.so, enum control_sealed). */
static void end_start_up(struct supervisor *s, struct task *k, const struct call *c)
{
	struct proc *p = k->proc;

	if (!p->started) {
		check_settle(s, p, k->tid);
		patch_note(s, p, &c->args[1]);
		note_late(s, p, &c->args[1]);
		if (c->args[3] & SEALED_PARTLY)
			note_partly(s, p);
		p->sealed = c->args[3] & SEALED_DONE && p->library && is_library(s, p, c->ip);
	}
	p->started = true;
	answer_value(s, 0);
}

/* Handles one request of the channel and answers it. */
void control_handle(struct supervisor *s, struct task *k, const struct call *c)
{
	struct proc *p = k->proc;

	switch ((enum control_op)(c->args[0] & ~CONTROL_MASK)) {
	case CONTROL_HELLO:
		hello(s, p, c->args[1], c->ip);
		return;
	case CONTROL_GATE:
		if (!s->gate || p->started)
			answer_value(s, -EPERM);
		else
			answer_fds(s, s->gate_memfd, rule_memfd(p->rule));
		return;
	case CONTROL_POLICY:
		give_policy(s, p);
		return;
	case CONTROL_SITES:
		give_sites(s, p, c);
		return;
	case CONTROL_SEALED:
		end_start_up(s, k, c);
		return;
	case CONTROL_SEAL:
		seal(s, p, c);
		return;
	case CONTROL_CALLER:
		k->caller = c->args[1];
		answer_value(s, 0);
		return;
	case CONTROL_REPORT:
		report(s, k, c);
		return;
	case CONTROL_MODULE:
		module(s, p, c->args[1], c->args[2], c->args[3]);
		return;
	case CONTROL_NARROW:
		narrow(s, p, (int)c->args[1]);
		return;
	case CONTROL_CHAIN:
		if (c->args[1] == CHAIN_SHARES) {
			answer_value(s, proc_shares_memory(p->pid));
			return;
		}
		if (c->args[1] == CHAIN_NUMBER) {
			answer_value(s, p->pid);
			return;
		}
		chain_set(s, p, c->args[1]);
		answer_value(s, 0);
		return;
	case CONTROL_FOUND:
		chain_found(s, k, c);
		return;
	}
	answer_value(s, -EINVAL); /* as the kernel would */
}
