/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "supervise/program.h"

/*
 * What is sealed of an image, beyond what its library tells.
 *
 * A static program has no library that could seal it, and one whose library is missing has not
 * either. Their own segments are sealed here: found once an image, when it first makes a call that
 * a seal could forbid, from the headers of its file and from where the kernel has put it. Of the
 * file nothing is believed but what is about this process's own memory. Images with the library pay
 * nothing: it seals them, and says when it has.
 *
 * What was found stays for the life of the image, also if a library speaks up later: who has none
 * could otherwise shed his seals by speaking in its name. For the same reason it must speak from
 * code that is mapped from a file of the library's name.
 *
 * A fork has the memory of its parent, so it gets the parent's list, as far as both
 * have the same there when it first speaks, where the kernel names a
 * parent that runs the same image. A daemon's has ended by then: any other of the same image
 * serves, or what one has left behind. They were one process once, so that what differs was sealed
 * since; only of programs that are laid out exactly alike (without address space randomisation) one
 * may be taken for the other's. If there is none, what the library told is lost, and the program's
 * own segments are found as in a static one.
 */

#define RELRO_SEALS (SEAL_DOWNGRADE | SEAL_UNMAP | SEAL_REPLACE | SEAL_MOVE | SEAL_DISCARD)
#define MAX_FOUND   256 /* mappings of a file that could not be read */

/* Whether policy wants a kind of the program's memory sealed. */
static bool is_wanted(const struct proc *p, enum policy_key key)
{
	return policy_value_for(&p->rule->policy, key, p->misplaced ? "?" : p->exe);
}

static ssize_t read_head(struct proc *p, uint8_t *head, size_t size)
{
	char path[40];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)p->via);
	fd = object_open_path(p->via, path);
	if (fd < 0)
		return fd;
	n = pread(fd, head, size, 0);
	close(fd);
	return n;
}

/* From the file. Return: -ENOEXEC where it says nothing. */
static int seal_segments(struct proc *p)
{
	static const struct {
		enum policy_key key;
		unsigned seals;
	} kinds[] = {
		[PROGRAM_TEXT] = {KEY_SEAL_TEXT, SEAL_ALL},
		/* libc makes it read-only itself, and that it may, once and again */
		[PROGRAM_RELRO] = {KEY_SEAL_RELRO, RELRO_SEALS},
		[PROGRAM_DATA] = {KEY_SEAL_DATA, SEAL_ALL},
	};
	static struct program_piece piece[PROGRAM_MAX_PIECES];
	static uint8_t head[PROGRAM_HEAD_BYTES];
	ssize_t size = read_head(p, head, sizeof(head));
	int n = size < 0 ? -ENOEXEC : program_pieces(head, (size_t)size, p->entry, piece), r = 0;

	for (int i = 0; i < n && !r; i++)
		if (is_wanted(p, kinds[piece[i].kind].key))
			r = seals_add(&p->seals, piece[i].range, kinds[piece[i].kind].seals,
				      kinds[piece[i].kind].key);
	return n < 0 ? n : r;
}

/* Where the file cannot be read: it is gone from our sight, or its server may never answer. What is
 * mapped of it and is not writable stays so. */
static int seal_mappings(struct proc *p)
{
	struct vma of, v;
	struct vma_walk w;
	int r = 0;

	if (!is_wanted(p, KEY_SEAL_TEXT) || vma_at(p->maps, p->entry, &of) < 0 || !of.ino)
		return 0;
	vma_walk_begin(&w, p->maps, 0, VMA_ALL);
	for (unsigned i = 0; i < MAX_FOUND && !r && !vma_walk_next(&w, &v);) {
		if (v.dev != of.dev || v.ino != of.ino || v.prot & PROT_WRITE)
			continue;
		r = seals_add(&p->seals, v.range, SEAL_ALL, KEY_SEAL_TEXT);
		i++;
	}
	vma_walk_end(&w);
	return r;
}

/* The kernel's own pages: the vdso, whose place the auxiliary vector tells, and below it vvar and
 * its like. */
static int seal_vdso(struct proc *p)
{
	struct range all;
	struct vma v;

	if (!p->vdso || !policy_value(&p->rule->policy, KEY_SEAL_VDSO) ||
	    vma_at(p->maps, p->vdso, &v) < 0 || v.ino || strcmp(v.name, "[vdso]"))
		return 0;
	all = v.range;
	while (!vma_at(p->maps, all.start - 1, &v) && !v.ino && !strncmp(v.name, "[vvar", 5))
		all.start = v.range.start;
	return seals_add(&p->seals, all, SEAL_ALL, KEY_SEAL_VDSO);
}

/* Whether nobody but us seals this image. `ip`: where it calls from. */
static bool is_ours(struct supervisor *s, struct proc *p, uint64_t ip)
{
	if (!p->loader)
		return true; /* nothing loads a library into it */
	if (p->library)
		return p->started && !p->sealed; /* it could do nothing, and has said so */
	/* the loader loads the library; musl's is libc as well, and goes on calling */
	return p->started || !scene_is_by_loader(s, p, ip) || p->loader_is_libc;
}

/*
 * Brings the list up to date for a call that a seal could forbid; to be called before it is
 * decided. Who cannot be looked at has only what was told.
 */
void image_seal(struct supervisor *s, struct proc *p, const struct call *c)
{
	int r;

	if (p->own_sealed || p->maps < 0 || !decide_can_be_sealed(c) || !is_ours(s, p, c->ip))
		return;
	p->own_sealed = true;
	r = seal_segments(p);
	if (r == -ENOEXEC)
		r = seal_mappings(p);
	if (!r)
		r = seal_vdso(p);
	if (r < 0)
		proc_kill(p); /* there is no memory: it cannot be protected */
}

/* A list whose process is gone, or executes something else: a fork of it may be about that has not
 * spoken yet. */
void image_leave_seals(struct supervisor *s, struct proc *p)
{
	struct seals_left *l = &s->left[s->n_left % SEALS_LEFT];

	if (!s->any_told || !p->seals.n)
		return;
	seals_deinit(&l->seals);
	*l = (struct seals_left){p->identity, p->seals};
	p->seals = (struct seals){NULL, 0, 0};
	s->n_left++;
}

/* Who of the same image has a list: the parent, or anybody where that has ended already, or has
 * executed something else. NULL: nobody. */
static struct proc *relative(struct supervisor *s, const struct proc *p)
{
	struct proc *parent = proc_find(&s->table, proc_parent(p->pid));

	if (!parent || !parent->known || parent->identity != p->identity)
		parent = proc_find_alike(&s->table, p);
	return parent;
}

/* The last list that was left by somebody of the same image; NULL: none was. */
static const struct seals *left(const struct supervisor *s, const struct proc *p)
{
	for (unsigned i = 1; i <= SEALS_LEFT && i <= s->n_left; i++)
		if (s->left[(s->n_left - i) % SEALS_LEFT].identity == p->identity)
			return &s->left[(s->n_left - i) % SEALS_LEFT].seals;
	return NULL;
}

/* How far from an address on both have the same mapped, or both not; up to `end`. */
static bool is_same(const struct proc *p, const struct proc *of, uint64_t at, uint64_t *endp)
{
	struct vma mine, theirs;

	if (vma_at(p->maps, at, &mine) < 0) {
		if (!vma_next(p->maps, at, VMA_ALL, &mine) && mine.range.start < *endp)
			*endp = mine.range.start;
		return false;
	}
	if (mine.range.end < *endp)
		*endp = mine.range.end;
	if (!of || of->maps < 0 || vma_at(of->maps, at, &theirs) < 0)
		return true; /* it has gone there since: nobody can tell */
	if (theirs.range.end < *endp)
		*endp = theirs.range.end;
	if (mine.dev != theirs.dev || mine.ino != theirs.ino)
		return false;
	return !mine.ino ||
	       mine.offset_bytes - mine.range.start == theirs.offset_bytes - theirs.range.start;
}

/*
 * Takes over what is sealed in one process and is what the other has there. The list is that of
 * now, and may hold what was mapped and sealed after the fork.
 */
static int inherit_piece(struct proc *p, const struct proc *of, const struct seal_piece *piece)
{
	struct range r = piece->range;
	int e = 0;

	for (; r.start < piece->range.end && !e; r.start = r.end) {
		r.end = piece->range.end;
		if (p->maps >= 0 && !is_same(p, of, r.start, &r.end))
			continue;
		if (piece->seals)
			e = seals_add(&p->seals, r, piece->seals, (enum policy_key)piece->key);
		if (piece->own && !e)
			e = seals_add(&p->seals, r, piece->own, KEY_NONE);
	}
	return e;
}

/*
 * A fork speaks that executed nothing. Return: 0, or -ENOMEM: it may not go on now.
 */
int image_inherit_seals(struct supervisor *s, struct proc *p)
{
	const struct proc *of = relative(s, p);
	const struct seals *list = of ? &of->seals : left(s, p);

	for (size_t i = 0; list && i < list->n; i++)
		if (inherit_piece(p, of, &list->at[i]) < 0)
			return -ENOMEM;
	p->sealed &= list != NULL; /* what was told is lost: is_ours() */
	p->heir = false;
	return 0;
}
