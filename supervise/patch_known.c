/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Kits that were given out. They are remembered for ever, by inode, since they may be mapped for
 * ever: such a mapping may be executable where the file's own code is around it, and counts for
 * that file.
 */

#define KNOWN_MOST (1u << 20)

/* Where a kit is, or is to be put. There is always a free place: patch_known_room(). */
struct patch_known *patch_known_place(const struct patches *ps, uint64_t ino)
{
	unsigned i = (unsigned)(ino * 0x9e3779b97f4a7c15ull >> 40) & (ps->room - 1);

	while (ps->known[i].ino && ps->known[i].ino != ino)
		i = (i + 1) & (ps->room - 1);
	return &ps->known[i];
}

/* What a kit was made from; NULL: it is none. */
const struct patch_known *patch_known_find(const struct patches *ps, uint64_t ino)
{
	const struct patch_known *k = ps->room && ino ? patch_known_place(ps, ino) : NULL;

	return k && k->ino ? k : NULL;
}

/* Room for one more. Return: false: none, and no kit is to be made. */
bool patch_known_room(struct patches *ps)
{
	struct patches more = {.room = ps->room ? 2 * ps->room : 64};

	if (2 * ps->n_known < ps->room)
		return true;
	if (more.room > 2 * KNOWN_MOST)
		return false;
	more.known = calloc(more.room, sizeof(*more.known));
	if (!more.known)
		return false;
	for (unsigned i = 0; i < ps->room; i++)
		if (ps->known[i].ino)
			*patch_known_place(&more, ps->known[i].ino) = ps->known[i];
	free(ps->known);
	ps->known = more.known;
	ps->room = more.room;
	return true;
}

/* Whether a memory object is a kit. `ino`: on the device of memory objects. */
bool patch_is_kit(const struct patches *ps, uint64_t ino)
{
	return patch_known_find(ps, ino) != NULL;
}

/* Makes the mapping of a kit that of the file it was copied from. Return: whether it was one. */
bool patch_origin(const struct patches *ps, struct vma *v)
{
	const struct patch_known *k = v->dev == ps->dev ? patch_known_find(ps, v->ino) : NULL;
	uint64_t at = CM_PAGE;

	for (unsigned i = 0; k && i < KIT_OBJECTS; i++) {
		const struct patch_file *f = k->file[i];
		uint64_t size = f ? f->n_pages * CM_PAGE : 0;

		if (v->offset_bytes >= at && v->offset_bytes < at + size) {
			v->offset_bytes += f->offset - at;
			v->dev = f->map_dev;
			v->ino = f->map_ino;
			memcpy(v->name, f->name, sizeof(v->name));
			return true;
		}
		at += size;
	}
	return false;
}

/* Whether `b` goes on in the file where `a` ends, and in memory too. */
static bool continues(const struct vma *a, const struct vma *b)
{
	return a->range.end == b->range.start && a->dev == b->dev && a->ino == b->ino &&
	       a->offset_bytes + range_len(a->range) == b->offset_bytes && !a->shared && !b->shared;
}

/*
 * What lies before or behind a piece of a kit. Return: 1 it is the file's own code; 0 it is another
 * piece, which *at becomes; -ENOENT neither; -ESRCH the process is gone.
 */
static int beside(const struct patches *ps, int maps, bool before, struct vma *at)
{
	struct vma next;
	bool is_piece;
	int r = vma_at(maps, before ? at->range.start - 1 : at->range.end, &next);

	if (r < 0)
		return r;
	is_piece = patch_origin(ps, &next);
	if (!(next.prot & PROT_EXEC) || !(before ? continues(&next, at) : continues(at, &next)))
		return -ENOENT;
	*at = next;
	return !is_piece;
}

/*
 * Whether a mapping of a kit is in its place: code of the file it was copied from goes on before it
 * or behind it, if need be behind other pieces (mlock(2) of a part makes some). That is judged for
 * itself; the kit is as good as it is. `maps`: vma_open() of the process; of one that is gone by
 * now nothing is wrong.
 */
bool patch_is_in_place(const struct patches *ps, int maps, const struct vma *v)
{
	if (v->prot != (PROT_READ | PROT_EXEC) || v->shared)
		return false;
	for (int way = 0; way < 2; way++) {
		struct vma at = *v;
		int r = patch_origin(ps, &at) ? 0 : -ENOENT;

		for (unsigned n = 0; !r && n < KIT_PAGES; n++)
			r = beside(ps, maps, way == 0, &at);
		if (r == 1 || r == -ESRCH)
			return true;
	}
	return false;
}

/*
 * The site whose stub has made a call, in the kit with this inode: the name of its file, and its
 * place there in `offset_bytes`. Return: false: nobody knows.
 */
bool patch_caller(const struct patches *ps, uint64_t ino, unsigned stub, struct vma *vp)
{
	const struct patch_known *k = patch_known_find(ps, ino);

	for (unsigned i = 0; k && i < KIT_OBJECTS; i++) {
		const struct patch_file *f = k->file[i];

		if (f && stub < f->n_sites) {
			*vp = (struct vma){.prot = PROT_READ | PROT_EXEC,
					   .offset_bytes = f->back[stub] - f->start + f->offset,
					   .dev = f->map_dev,
					   .ino = f->map_ino};
			memcpy(vp->name, f->name, sizeof(vp->name));
			return true;
		}
		stub -= f ? f->n_sites : 0;
	}
	return false;
}
