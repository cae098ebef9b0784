/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/seal.h"

#include <errno.h>
#include <sys/mman.h>
#include "interpose/gate.h"
#include "interpose/procmap.h"
#include "interpose/segment.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * What is sealed once start-up is over: text, constants and RELRO of the program and of what was
 * loaded with it, the rights of their data, the kernel's own pages, and all of the library itself.
 * mseal(2) keeps place and rights, against whatever the process does.
 *
 * What was sealed is also kept as a list, because mseal lets some memory be discarded, and because
 * a kernel before 6.10 has no mseal: the wrappers look it up. It lies in pages that are read-only
 * and sealed themselves, and never changes.
 *
 * Everything is known from ld.so's list and the objects' program headers; ranges that touch are
 * sealed by one call, so the whole costs a system call or two for an object.
 *
 * Context: seal_prepare() and seal_apply() the constructor; seal_find() anywhere.
 */

#define LIST_BELOW (256 * CM_PAGE) /* the gate, if there is room */

/* The list while it is made. It grows downwards: ld.so maps each object below the one before, so
 * most entries come in the order in which they will lie. */
struct making {
	struct sealed *first;
	struct sealed *low; /* the room's beginning */
	const struct policy *policy;
	bool incomplete; /* an object was left out, or a part of one */
};

static void add(struct making *m, struct range r, enum policy_key key)
{
	struct sealed *at;

	if (r.start >= r.end)
		return;
	if (m->first == m->low) {
		m->incomplete = true;
		return;
	}
	for (at = --m->first; at[1].start && at[1].start < r.start; at++)
		at[0] = at[1];
	*at = (struct sealed){r.start, r.end, key};
}

/* The policy key that has a say over a piece of an object. */
enum policy_key seal_key(enum piece_kind kind)
{
	switch (kind) {
	case PIECE_RELRO:
		return KEY_SEAL_RELRO;
	case PIECE_DATA:
		return KEY_SEAL_DATA;
	default:
		return KEY_SEAL_TEXT;
	}
}

static bool is_wanted(const struct making *m, enum policy_key key, const char *path)
{
	return policy_value_for(m->policy, key, path);
}

static void add_object(struct making *m, const struct piece *piece, unsigned n, const char *path,
		       bool own)
{
	struct range run = {0, 0};
	enum policy_key key = KEY_NONE;

	for (unsigned i = 0; i < n; i++) {
		enum policy_key k = seal_key(piece[i].kind);

		if (!own && !is_wanted(m, k, path))
			continue;
		if (k != key || piece[i].range.start != run.end) {
			add(m, run, key);
			run = piece[i].range;
			key = k;
		}
		run.end = piece[i].range.end;
	}
	add(m, run, key);
	m->incomplete |= n == SEGMENT_PIECES;
}

/* What the library has mapped for itself: the kernel seals it where it is made, if it can. */
static void add_own(struct making *m, const struct state *s, struct range list)
{
	uint64_t policy = (uint64_t)s->policy.blob;

	add(m, (struct range){s->gate, s->gate + CM_PAGE}, KEY_SEAL_TEXT);
	add(m, (struct range){policy, policy + page_up(s->policy.size_bytes)}, KEY_SEAL_DATA);
	add(m, list, KEY_SEAL_DATA);
}

static unsigned count(const struct link *l)
{
	unsigned n = 0;

	for (const struct r_debug *d = l->debug; d; d = link_next_space(d))
		for (const struct link_map *m = d->r_map; m; m = m->l_next)
			n++;
	return n;
}

/* The path of the program's file, where a policy has something to say to one file more than to
 * others; ld.so has no name for it, but for one that it was told to run. */
static const char *program_path(const struct policy *p, const char *name, char *room, size_t size)
{
	long n;

	if (!policy_modules(p) || *name)
		return name;
	n = sys_raw6(SYS_readlinkat, -100 /* AT_FDCWD */, (long)"/proc/self/exe", (long)room,
		     (long)size - 1, 0, 0);
	if (n <= 0)
		return NULL;
	room[n] = 0;
	return room;
}

/* One object of ld.so's lists. Audit libraries have a namespace of their own, with ld.so in it once
 * more. */
static void add_loaded(struct making *m, const struct link *l, const struct link_map *o)
{
	static char room[STATE_PATH_MAX];
	struct piece piece[SEGMENT_PIECES];
	struct segments s;
	unsigned n;

	if (o->l_addr == l->vdso)
		return;
	if (!link_segments(l, o, &s)) {
		m->incomplete = true;
		return;
	}
	n = segments_pieces(&s, piece);
	if (!link_by_kernel(l, o))
		segments_close(piece, n, link_is_mapped);
	add_object(m, piece, n,
		   o == l->first ? program_path(m->policy, o->l_name, room, sizeof(room))
				 : o->l_name,
		   o == l->own);
}

/*
 * Makes the list of what seal_apply() will seal, and enters it in the state, which is not published
 * yet. Where there is no memory for it nothing will be sealed but what has been.
 */
void seal_prepare(const struct link *l, struct state *s)
{
	size_t n = (count(l) + 2) * SEGMENT_PIECES + 1, len = page_up(n * sizeof(struct sealed));
	long at = gate_enter(s->gate, SYS_mmap, (long)(s->gate - LIST_BELOW), (long)len,
			     PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct making m = {.policy = &s->policy};

	if (sys_is_error(at))
		return;
	m.low = (struct sealed *)at;
	m.first = m.low + len / sizeof(struct sealed) - 1; /* the last stays zero: the end */
	for (const struct r_debug *d = l->debug; d; d = link_next_space(d))
		for (const struct link_map *o = d->r_map; o; o = o->l_next)
			add_loaded(&m, l, o);
	if (policy_value(&s->policy, KEY_SEAL_VDSO))
		add(&m, procmap_vdso(l->vdso), KEY_SEAL_VDSO);
	if (!s->kernel_seals)
		add_own(&m, s, (struct range){(uint64_t)at, (uint64_t)at + len});
	s->sealed = m.first;
	s->unsealed = m.incomplete;
	s->n_sealed = (unsigned)(m.low + len / sizeof(struct sealed) - 1 - m.first);
	gate_enter(s->gate, SYS_mprotect, at, (long)len, PROT_READ, 0, 0, 0);
	if (s->kernel_seals)
		gate_enter(s->gate, SYS_mseal, at, (long)len, 0, 0, 0, 0);
}

/* mseal(2), where the kernel has it. Context: anywhere. */
void seal_pages(uint64_t addr, uint64_t len)
{
	gate_call6(SYS_mseal, (long)addr, (long)len, 0, 0, 0, 0);
}

/*
 * Whether mseal(2) may be called now. The program may have a seccomp filter since it started, and
 * that may end it for a call that it does not know: the supervisor is asked, which sees filters
 * come.
 *
 * Context: anywhere.
 */
bool seal_is_possible(void)
{
	long r;

	if (!state()->kernel_seals || !state()->supervised)
		return state()->kernel_seals;
	r = gate_control(CONTROL_HELLO, CONTROL_VERSION, 0, 0, 0, 0);
	return r > 0 && r & HELLO_SEALS;
}

/* Seals one run of entries. What the loader has not mapped of them (a hole between segments) makes
 * the call fail as a whole: then one by one. */
static void seal_run(const struct sealed *from, const struct sealed *to)
{
	const struct sealed *last = to - 1;

	if (!gate_call6(SYS_mseal, (long)from->start, (long)(last->end - from->start), 0, 0, 0, 0))
		return;
	for (; from < to; from++)
		seal_pages(from->start, from->end - from->start);
}

/* What a call past the gate may not do, for a supervisor that has to refuse it itself. */
static void tell_all(void)
{
	for (unsigned i = 0; i < state()->n_sealed; i++) {
		const struct sealed *e = &state()->sealed[i];

		gate_control(CONTROL_SEAL, e->start, e->end - e->start, SEAL_ALL, e->key, 0);
	}
}

/*
 * Seals what the list names. Return: whether start-up has ended with everything sealed that policy
 * wants, by the kernel or by those who look the list up.
 */
bool seal_apply(void)
{
	const struct sealed *at = state()->sealed, *end = at + state()->n_sealed, *to;

	if (!at)
		return false;
	for (; state()->kernel_seals && at < end; at = to) {
		for (to = at + 1; to < end && to->start == to[-1].end;)
			to++;
		seal_run(at, to);
	}
	if (!state()->kernel_seals ||
	    policy_value(&state()->policy, KEY_SEAL_DISCARD) == DISCARD_NOTIFY)
		tell_all();
	return true;
}

/*
 * The first entry of the list that a range touches. Context: anywhere; no lock.
 *
 * Return: false: none.
 */
bool seal_find(struct range range, struct sealed *sp)
{
	const struct sealed *list = state()->sealed;
	unsigned low = 0, high = list ? state()->n_sealed : 0;

	while (low < high) {
		unsigned mid = low + (high - low) / 2;

		if (list[mid].end <= range.start)
			low = mid + 1;
		else
			high = mid;
	}
	if (!list || low == state()->n_sealed || list[low].start >= range.end)
		return false;
	*sp = list[low];
	return true;
}
