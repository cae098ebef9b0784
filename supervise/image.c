/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/fmt.h"

/*
 * Facts about the program that a process runs now: its path, its policy, whether its library has
 * spoken, and whether what it has mapped executable may be so.
 *
 * execve changes all of it and reports nothing but its own beginning, so an image is told from the
 * one before by what the kernel draws anew for each: the executable's inode and the auxiliary
 * vector, which holds the addresses of its random bytes, vdso and interpreter. Nothing is carried
 * over a fork by guess either: a fork has its parent's policy only where the kernel names a parent
 * of the tree that runs the same image.
 */

struct identity {
	uint64_t hash;
	bool in_the_making; /* execve fills the vector last, when the segments are mapped */
	bool hidden;        /* we may not look */
	uint64_t loader, entry, vdso;
	dev_t dev; /* of the executable; ino 0: not looked at */
	uint64_t ino;
};

static void proc_path(char *buf, size_t size, pid_t pid, const char *file)
{
	struct fmt f = {buf, size, 0, false};

	fmt_str(&f, "/proc/");
	fmt_udec(&f, (uint64_t)pid);
	fmt_char(&f, '/');
	fmt_str(&f, file);
}

/* Return: bytes read, at most `size`; 0 or less where there is none, or we may not look. */
static ssize_t read_auxv(pid_t pid, Elf64_auxv_t *aux, size_t size)
{
	char path[40];
	ssize_t n;
	int fd;

	proc_path(path, sizeof(path), pid, "auxv");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) /* ESRCH: between two address spaces, as is reading nothing */
		return errno == EACCES || errno == EPERM ? -errno : 0;
	n = read(fd, aux, size);
	close(fd);
	return n < 0 ? 0 : n;
}

/*
 * What tells this image from any other. Where we may not look the answer is never the same twice.
 * An execve changes the file and the vector one after the other, so the vector is read on both
 * sides of the file: it belongs to one address space, and if both are the same, so does what lies
 * between.
 */
static struct identity identify(pid_t pid)
{
	static uint64_t unlike;
	char path[40];
	Elf64_auxv_t aux[64], again[64];
	struct identity id = {.hash = 0xcbf29ce484222325ull};
	struct stat st;
	ssize_t n = read_auxv(pid, aux, sizeof(aux)), m;

	proc_path(path, sizeof(path), pid, "exe");
	if (n < 0)
		return (struct identity){.hash = ++unlike, .hidden = true};
	if (!n || object_stat(path, &st) < 0)
		return (struct identity){.in_the_making = true};
	id.dev = st.st_dev;
	id.ino = st.st_ino;
	m = read_auxv(pid, again, sizeof(again));
	id.in_the_making = aux[0].a_type == AT_NULL || m != n || memcmp(aux, again, (size_t)n);
	for (size_t i = 0; i < (size_t)n / sizeof(*aux) && aux[i].a_type != AT_NULL; i++) {
		id.hash = (id.hash ^ aux[i].a_type ^ aux[i].a_un.a_val) * 0x100000001b3ull;
		if (aux[i].a_type == AT_BASE)
			id.loader = aux[i].a_un.a_val;
		else if (aux[i].a_type == AT_ENTRY)
			id.entry = aux[i].a_un.a_val;
		else if (aux[i].a_type == AT_SYSINFO_EHDR)
			id.vdso = aux[i].a_un.a_val;
	}
	id.hash = (id.hash ^ st.st_dev ^ st.st_ino) * 0x100000001b3ull;
	return id;
}

static int read_exe(struct proc *p, const struct identity *id)
{
	char path[40], exe[PATH_MAX];
	ssize_t n;

	proc_path(path, sizeof(path), p->via, "exe");
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = 0;
	p->misplaced = n < 0 || !id->ino || !object_is_at(exe, id->dev, id->ino);
	free(p->exe);
	p->exe = strdup(n < 0 ? "?" : exe);
	return p->exe ? 0 : -ENOMEM;
}

/* The library keeps its gate over a fork: that it is mapped says that start-up was over. */
static void look_for_gate(struct supervisor *s, struct proc *p)
{
	struct vma v;

	if (!s->gate || p->maps < 0 || vma_at(p->maps, s->gate, &v) < 0)
		return;
	if (v.dev == s->objects.gate_dev && v.ino == s->objects.gate_ino)
		p->hello = p->started = p->library = p->sealed = true;
}

/*
 * The parent in the tree, where it is certain that it forked this process itself. A process may
 * name its own parent as its child's (CLONE_PARENT), but not shed a filter: a nested cmrun adds
 * one, so nobody inside it is taken for a child of somebody outside.
 */
static struct proc *certain_parent(struct supervisor *s, struct proc *p)
{
	struct proc *parent = proc_find(&s->table, proc_parent(p->pid));

	if (!parent || !parent->known || parent->reaper || proc_is_namespace_init(parent->pid) ||
	    !parent->exe || strcmp(parent->exe, p->exe) ||
	    proc_filters(parent->pid) != proc_filters(p->pid))
		return NULL;
	return parent;
}

/* The path by which a policy is looked for. A file that only the process itself sees at its path
 * gets none of its own. */
static const char *policy_path(const struct proc *p)
{
	return p->misplaced ? "?" : p->exe;
}

/* A process that was never seen to execute anything: it runs what its parent ran. */
static struct rule *parents_policy(struct supervisor *s, struct proc *p)
{
	struct rule *own = rules_for(&s->rules, policy_path(p));
	struct proc *parent;

	if (!own || (!s->rules.lineage_counts && !s->rules.nested))
		return own;
	parent = certain_parent(s, p);
	if (!parent)
		return rules_tightest(&s->rules, own);
	p->nested = parent->nested;
	return parent->rule;
}

/* An image that an execve of this process brought: policy.md, exec.policy. */
static struct rule *new_policy(struct supervisor *s, struct proc *p)
{
	struct rule *before = p->rule;
	struct rule *own = rules_for(&s->rules, policy_path(p));
	uint64_t how = before ? policy_value(&before->policy, KEY_EXEC_POLICY) : EXEC_OWN;

	if (how == EXEC_INHERIT)
		own = before;
	else if (how == EXEC_NARROW && own)
		own = rules_narrow(&s->rules, before, own);
	return own ? rules_narrow(&s->rules, p->nested, own) : NULL;
}

static void note_new_image(struct supervisor *s, struct proc *p)
{
	char text[700];
	struct fmt f = FMT_INIT(text);

	if (!s->verbose || !report_once(&s->report, "policy", p->exe))
		return;
	fmt_str(&f, p->exe);
	fmt_str(&f, ": policy ");
	fmt_str(&f, policy_name(&p->rule->policy));
	if (!p->loader)
		fmt_str(&f, ", static: policed by notification");
	report_note(&s->report, &p->rule->policy, text);
}

static void forget_seals(struct proc *p)
{
	seals_deinit(&p->seals);
	p->own_sealed = false;
}

static int learn(struct supervisor *s, struct proc *p, struct identity id, bool by_exec)
{
	struct rule *rule;
	int r;

	chain_count(s, p);
	r = read_exe(p, &id);
	if (r < 0)
		return r;
	rule = by_exec ? new_policy(s, p) : parents_policy(s, p);
	if (!rule)
		return -E2BIG;
	image_leave_seals(s, p);
	p->rule = rule;
	if (p->maps >= 0)
		close(p->maps);
	p->maps = vma_open(p->via);
	p->by_exec = by_exec;
	p->identity = id.hash;
	p->loader = id.loader;
	p->entry = id.entry;
	p->vdso = id.vdso;
	p->loader_text = (struct range){0};
	p->hello = p->started = p->verified = false;
	p->library = p->sealed = false;
	forget_seals(p);
	p->heir = s->any_told && !by_exec;
	p->jit = false;
	p->exec_by = 0;
	p->chain = false;
	p->kit = 0;
	look_for_gate(s, p);
	if (!by_exec)
		chain_inherit(s, p);
	p->known = true;
	note_new_image(s, p);
	return 0;
}

/* Whether it still has the address space in which it was looked at last: an execve brings a new
 * one. */
static bool has_same_memory(const struct proc *p)
{
	struct vma v;

	return p->maps >= 0 && !vma_next(p->maps, 0, VMA_ALL, &v);
}

/*
 * The same image as before an execve, or one that the kernel has laid out exactly alike (the same
 * file, without address space randomisation): what was seen of its mappings is seen again.
 */
static void look_again(struct supervisor *s, struct proc *p)
{
	bool was_sealed = p->sealed, same = has_same_memory(p);

	if (p->maps >= 0)
		close(p->maps);
	p->maps = vma_open(p->via);
	p->loader_text = (struct range){0};
	p->verified = p->started = p->library = p->sealed = false;
	look_for_gate(s, p);
	if (!same || (was_sealed && !p->sealed))
		forget_seals(p);
}

/*
 * Of a process that hides (PR_SET_DUMPABLE), whether it still runs what it ran before its execve:
 * it tries one folder of PATH after the other. A thread or fork that executed nothing says so
 * itself; another has the address space that was looked at while that was possible.
 */
static bool has_failed_execve(const struct proc *p)
{
	return proc_never_executed(p->via) || has_same_memory(p);
}

/*
 * Brings the facts of a process up to date; to be called before they are used. `tid` is the thread
 * that speaks now, so that its own execve is over; 0: nobody does.
 * Return: 0, or -errno: the process cannot be known, and gets nothing. -EAGAIN: not now.
 */
int image_know(struct supervisor *s, struct proc *p, pid_t tid)
{
	struct identity id;
	pid_t by = p->exec_by;

	if (p->known && !by)
		return 0;
	id = identify(p->via);
	if (!p->known)
		return learn(s, p, id, false);
	if (id.in_the_making || (id.hidden && !tid)) /* hidden as it is while an execve goes on */
		return -EAGAIN;
	if (id.hidden && has_failed_execve(p)) {
		p->exec_by = tid == by ? 0 : by;
		return 0;
	}
	if (id.hash != p->identity)
		return learn(s, p, id, true);
	if (tid == by)
		p->exec_by = 0; /* it has failed, or it looks like one that has */
	look_again(s, p);
	return 0;
}

/* An execve begins: from here on the image may be another at any notification. Of several at once
 * nobody can say which one is over; then only a new image ends the waiting. */
void image_exec(struct supervisor *s, struct task *k)
{
	struct proc *p = k->proc;

	p->exec_by = p->exec_by && p->exec_by != k->tid ? EXEC_SEVERAL : k->tid;
}

/* What cannot be refused any more is ended: a denial is a kill here. */
static void violation(struct supervisor *s, struct proc *p, pid_t tid, const struct vma *v,
		      const struct object *o, const struct policy_ruling *ruling)
{
	char text[700];
	struct fmt f = FMT_INIT(text);
	struct policy_ruling r = *ruling;
	struct violation w = {.program = p->exe,
			      .pid = p->pid,
			      .tid = tid,
			      .call = "image",
			      .text = text,
			      .ruling = &r,
			      .grantee = v->prot & PROT_WRITE ? NULL : p->exe};

	if (r.verdict == V_DENY)
		r.verdict = V_KILL;
	r.error = 0;
	fmt_str(&f, v->prot & PROT_WRITE ? "has writable and executable " : "has executable ");
	fmt_str(&f, v->name[0] ? v->name : "anonymous memory");
	if (r.rule == KEY_WX_FILE) {
		w.object = o->name;
		fmt_str(&f, " (");
		fmt_str(&f, object_fault(o));
		fmt_char(&f, ')');
	}
	report_violation(&s->report, &p->rule->policy, &w);
}

/* Code of a module that the policy trusts more than others may have asked for it: nobody remembers
 * who did, so any such module that is mapped will do. */
static bool has_grantor(struct supervisor *s, struct proc *p, const struct vma *v,
			const struct object *o)
{
	const struct policy *policy = &p->rule->policy;
	bool jit = image_has_jit(s, p);
	struct policy_ruling r;
	bool found = false;
	struct vma_walk w;
	struct vma m;

	vma_walk_begin(&w, p->maps, 0, VMA_EXEC);
	while (!found && !vma_walk_next(&w, &m)) {
		if (!m.ino)
			continue;
		decide_vma(policy, v, o, jit, m.name, &r);
		found = r.verdict < V_DENY;
	}
	vma_walk_end(&w);
	return found;
}

static void note_false_gate(struct supervisor *s, struct proc *p)
{
	char text[700];
	struct fmt f = FMT_INIT(text);

	fmt_str(&f, "kill: ");
	fmt_str(&f, p->exe);
	fmt_char(&f, '[');
	fmt_udec(&f, (uint64_t)p->pid);
	fmt_str(&f, "]: the image has code of its own at the gate's address");
	report_note(&s->report, &p->rule->policy, text);
}

static bool may_be_mapped(struct supervisor *s, struct proc *p, pid_t tid, const struct vma *v)
{
	struct policy_ruling r = {0};
	struct object o;
	bool deep = policy_value(&p->rule->policy, KEY_WX_FILE) >= FILE_SETTLED;
	bool is_file = !object_is_anonymous(&s->objects, v);
	struct range page = {s->gate, s->gate + CM_PAGE};

	if (vma_is_kernel_code(v))
		return true;
	if (is_file)
		object_of_vma(&s->objects, p->via, v, deep, &o);
	if (s->gate && range_overlaps(v->range, page)) {
		if (is_file && o.is_gate && v->range.start == s->gate)
			return true;
		note_false_gate(s, p);
		return false;
	}
	if (is_file && o.is_kit && patch_is_in_place(&s->patches, p->maps, v))
		return true;
	decide_vma(&p->rule->policy, v, is_file ? &o : NULL, p->jit, NULL, &r);
	if (r.verdict >= V_DENY && has_grantor(s, p, v, is_file ? &o : NULL))
		return true;
	if (r.verdict >= V_DENY || (r.verdict == V_LOG && !p->verified))
		violation(s, p, tid, v, &o, &r);
	return r.verdict < V_DENY;
}

/* Whether the policy has no word against anything that could be mapped executable. */
static bool is_lenient(const struct policy *p)
{
	return policy_value(p, KEY_WX_MAP) < V_DENY && policy_value(p, KEY_WX_FILE) == FILE_ANY;
}

/*
 * An image that was executed and may not be looked at (its file is not readable for its user): what
 * it brought with it is unknown, so it ends. A fork of a process that was looked at goes on:
 * everything that it asks for is refused where looking would be needed.
 */
static bool may_stay_hidden(struct supervisor *s, struct proc *p)
{
	char text[700];
	struct fmt f = FMT_INIT(text);

	if (!p->by_exec || is_lenient(&p->rule->policy))
		return true;
	fmt_str(&f, "kill: ");
	fmt_str(&f, p->exe);
	fmt_char(&f, '[');
	fmt_udec(&f, (uint64_t)p->pid);
	fmt_str(&f, "]: the image cannot be looked at, for its user may not read its file: make "
		    "the file "
		    "readable, or run cmrun as root");
	report_note(&s->report, &p->rule->policy, text);
	proc_kill(p);
	return false;
}

/* Return: 0 all of them may be there; -EPERM one may not; or the errno of looking, negative. */
static int look_at_all(struct supervisor *s, struct proc *p, pid_t tid, struct range range)
{
	struct vma_walk w;
	struct vma v;
	int r = 0;

	vma_walk_begin(&w, p->maps, range.start, VMA_EXEC);
	while (!r && w.at < range.end) {
		r = vma_walk_next(&w, &v);
		if (r || v.range.start >= range.end)
			break;
		if (!may_be_mapped(s, p, tid, &v))
			r = -EPERM;
	}
	vma_walk_end(&w);
	return r;
}

static bool verify(struct supervisor *s, struct proc *p, pid_t tid, struct range range)
{
	int r;

	if (p->killed)
		return false;
	if (p->maps < 0)
		return may_stay_hidden(s, p);
	r = look_at_all(s, p, tid, range);
	if (!r || r == -ENOENT || r == -ESRCH) /* the end, or no process any more */
		return true;
	proc_kill(p);
	return false;
}

/* Looks at the executable mappings in a range, and ends the process where one is not allowed.
 * Return: whether the process lives on. */
bool image_verify_range(struct supervisor *s, struct proc *p, pid_t tid, struct range range)
{
	return verify(s, p, tid, range);
}

/* The same for all it has. */
bool image_verify(struct supervisor *s, struct proc *p, pid_t tid)
{
	if (!verify(s, p, tid, (struct range){0, UINT64_MAX}))
		return false;
	if (p->maps >= 0)
		p->verified = true;
	return true;
}

/* By its name, and by being what stands there in our own eyes: in a mount namespace of one's own
 * any file can be given any path. */
static bool is_jit(const struct policy *policy, const char *name, dev_t dev, uint64_t ino)
{
	return ino && policy_listed(policy, KEY_WX_JIT, name) && object_is_at(name, dev, ino);
}

/*
 * Whether a module that the image's policy lists as a JIT is really mapped, executable, from a
 * file, or has been since the image began: who could map it could have kept it.
 */
bool image_has_jit(struct supervisor *s, struct proc *p)
{
	const struct policy *policy = &p->rule->policy;
	struct vma_walk w;
	struct vma v;

	if (p->jit || !policy_value(policy, KEY_WX_JIT))
		return p->jit;
	vma_walk_begin(&w, p->maps, 0, VMA_EXEC);
	while (!p->jit && !vma_walk_next(&w, &v))
		p->jit = v.prot & PROT_EXEC && is_jit(policy, v.name, v.dev, v.ino);
	vma_walk_end(&w);
	s->any_jit |= p->jit;
	return p->jit;
}

/* A file is going to be mapped executable: where it is such a module, that counts from now on, also
 * if it is gone again by the time that somebody asks. */
void image_maps(struct supervisor *s, struct proc *p, const struct object *o)
{
	if (p->jit || !is_jit(&p->rule->policy, o->name, o->dev, o->ino))
		return;
	p->jit = s->any_jit = true;
}

/* The executable mapping that holds an address. Return: false: there is none, or we may not look.
 */
bool image_module(struct supervisor *s, struct proc *p, uint64_t addr, struct vma *vp)
{
	struct vma v;

	if (p->maps < 0 || vma_at(p->maps, addr, &v) < 0 || !(v.prot & PROT_EXEC))
		return false;
	patch_origin(&s->patches, &v); /* a copy of libc's text is libc */
	*vp = v;
	return true;
}
