/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/control.h"
#include "common/kit.h"
#include "supervise/shm.h"

/*
 * What is to be known of a call before it is decided: who makes it, which mappings and which file
 * it is about. decide_needs() names what of it; the rest costs time and is left.
 */

/* The image's own interpreter, which runs before the library can. */
bool scene_is_loader(struct proc *p, const struct vma *v)
{
	struct vma base;

	return !vma_at(p->maps, p->loader, &base) && base.dev == v->dev && base.ino == v->ino;
}

/*
 * Whether a call comes from the image's loader, or nobody can tell. Nothing is granted by it, so
 * it may be remembered: a loader makes a dozen calls in a row.
 */
bool scene_is_by_loader(struct supervisor *s, struct proc *p, uint64_t ip)
{
	struct vma v;

	if (ip >= p->loader_text.start && ip < p->loader_text.end)
		return true;
	if (!image_module(s, p, ip, &v))
		return true; /* nobody knows */
	if (!scene_is_loader(p, &v))
		return false;
	p->loader_text = v.range;
	p->loader_is_libc = vma_is_musl(&v);
	return true;
}

/*
 * Who makes the call: what the library has said of a call through the gate, and otherwise the
 * module that holds the instruction. libc calls for others, so it is nobody in particular.
 */
void scene_find_caller(struct supervisor *s, struct task *k, const struct call *c, struct scene *e)
{
	bool at_gate = kit_is_gate(s->gate, c->ip);
	int stub = kit_stub_of(s->gate, c->ip);
	uint64_t told = decide_is_told(c, s->gate) ? c->args[4] : k->caller;

	e->caller_addr = at_gate && told ? told : c->ip;
	if (stub >= 0 &&
	    patch_caller(&s->patches, patch_find(s, k->proc), (unsigned)stub, &e->caller)) {
		e->caller.range.start = c->ip; /* libc's own call: as if made at its site */
		e->caller_known = true;
		return;
	}
	e->caller_known = image_module(s, k->proc, e->caller_addr, &e->caller);
	if (!e->caller_known)
		return;
	e->facts.by_libc = !at_gate && vma_is_libc(&e->caller);
	if (!vma_is_libc(&e->caller) && e->caller.name[0] && !kit_is_gate(s->gate, e->caller_addr))
		e->facts.caller =
			e->caller.name; /* the gate itself speaks for whoever is unknown */
}

/* The file behind a mapping that is to gain X; of several one that policy is likelier to refuse. */
static void find_file(struct supervisor *s, struct task *k, const struct vma *v, bool is_exec,
		      struct scene *e)
{
	const struct policy *p = &k->proc->rule->policy;
	struct object o;

	if (v->prot & PROT_EXEC || !is_exec || object_is_anonymous(&s->objects, v))
		return;
	object_of_vma(&s->objects, k->proc->via, v, policy_value(p, KEY_WX_FILE) >= FILE_SETTLED,
		      &o);
	if (e->facts.file && (o.file.settled || e->file.file.memfd))
		return;
	e->file = o;
	e->file.file.name = e->file.name[0] ? e->file.name : NULL;
	e->facts.file = &e->file;
}

static void find_vmas(struct supervisor *s, struct task *k, const struct call *c, struct scene *e)
{
	struct range r;
	uint64_t at;

	if (!decide_range(c, &r))
		return;
	for (at = r.start; at < r.end; at = e->vmas[e->facts.n_vmas++].range.end) {
		if (e->facts.n_vmas == FACTS_MAX_VMAS) {
			e->facts.vmas_cut = true;
			return;
		}
		if (vma_next(k->proc->maps, at, VMA_ALL, &e->vmas[e->facts.n_vmas]) < 0 ||
		    e->vmas[e->facts.n_vmas].range.start >= r.end) {
			e->facts.has_gap = true;
			return;
		}
		e->facts.has_gap |= e->vmas[e->facts.n_vmas].range.start > at;
		find_file(s, k, &e->vmas[e->facts.n_vmas], c->args[2] & PROT_EXEC, e);
	}
}

/* Nobody may tell a descriptor of a process that is not dumpable. Its loader may map what it opened
 * itself: it makes further calls before anything of it runs, and the next one is looked at. */
static void look_at_file(struct supervisor *s, struct proc *p, int fd, struct scene *e)
{
	bool deep = policy_value(&p->rule->policy, KEY_WX_FILE) >= FILE_SETTLED;
	int r = object_of_fd(&s->objects, p->via, fd, deep, &e->file);

	e->file.is_kit &= e->file.ino == p->kit; /* one's own */
	if (!r)
		e->facts.file = &e->file;
	else if (r == -EBADF)
		e->facts.no_file = true;
	else
		e->facts.blind |= !e->caller_known || !scene_is_loader(p, &e->caller) ||
				  e->caller_addr != e->call_ip;
}

/* A kit: nothing more is asked of it. Before start-up is over the gate speaks for the library. */
static bool is_mapped_by_library(struct supervisor *s, struct task *k, const struct call *c,
				 struct scene *e, unsigned needs)
{
	if (!(needs & NEED_FILE) || k->proc->started || !kit_is_gate(s->gate, c->ip))
		return false;
	look_at_file(s, k->proc, (int)c->args[4], e);
	return decide_is_own(c, &e->facts);
}

/* Fills in what decide_needs() asks for. What we are not allowed to look at stays unknown. */
void scene_look(struct supervisor *s, struct task *k, const struct call *c, struct scene *e)
{
	struct proc *p = k->proc;
	unsigned needs;

	e->facts = (struct facts){.policy = &p->rule->policy,
				  .blind = p->maps < 0,
				  .user_end = s->user_end,
				  .gate = s->gate,
				  .started = p->started,
				  .seals = &p->seals,
				  .sealed = p->sealed,
				  .vmas = e->vmas};
	e->caller_known = false;
	e->call_ip = c->ip;
	image_seal(s, p, c);
	if (decide_is_flip(c, s->gate) &&
	    policy_value(e->facts.policy, KEY_WX_TRANSITION) >= V_DENY)
		e->facts.jit_image = image_has_jit(s, p); /* granted to the image, whoever asks */
	needs = decide_needs(c, &e->facts);
	if (is_mapped_by_library(s, k, c, e, needs))
		return;
	if (needs & NEED_CALLER)
		scene_find_caller(s, k, c, e);
	if (needs & NEED_VMAS) {
		if (p->maps < 0)
			e->facts.vmas_cut = true;
		else
			find_vmas(s, k, c, e);
	}
	if (needs & NEED_FILE)
		look_at_file(s, p, (int)c->args[4], e);
	if (needs & NEED_SEGMENT)
		e->facts.segment_bytes = shm_bytes(p->via, (int)c->args[0]);
	if (needs & NEED_JIT && decide_is_code(c, &e->facts))
		e->facts.jit_image = image_has_jit(s, p);
}
