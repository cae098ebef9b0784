/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/host.h"
#include "cookie/place.h"

/*
 * cmmmap(3): a region, and what is mapped into it from the start.
 *
 * The kernel is asked first, with the slot and its pieces taken but not open: nobody can name the
 * region before its memory is there, and what fails leaves nothing behind.
 *
 * Context: freestanding. See mutex.c on waiting, signal handlers and forks.
 */

#define RESERVED_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE)

/* A region that is being made. */
struct making {
	struct aim a;
	const struct want *w;
};

static void unmap(const struct making *m, uint64_t at, uint64_t len)
{
	if (len)
		host_call(m->a.caller, SYS_munmap, (long)at, (long)len, 0, 0, 0, 0);
}

/* The whole of the region in one call: reserved, or mapped. A place_fn. */
static long map_at(void *arg, uint64_t at, uint64_t len, int how)
{
	const struct making *m = arg;
	bool reserve = m->w->flags & CM_RESERVE || m->w->map_offset;

	if (reserve)
		return host_call(m->a.caller, SYS_mmap, (long)at, (long)len, PROT_NONE,
				 RESERVED_FLAGS | how, -1, 0);
	return fill_map(m->a.caller, m->w, at, len, how);
}

/* Somewhere aligned: more is reserved than needed, and what lies over is given back. */
static long map_aligned(struct making *m)
{
	const struct want *w = m->w;
	long at = host_call(m->a.caller, SYS_mmap, 0, (long)(w->len + w->align), PROT_NONE,
			    RESERVED_FLAGS, -1, 0);
	uint64_t start, end;
	long r;

	if (sys_is_error(at))
		return at;
	start = ((uint64_t)at + w->align - 1) & ~(w->align - 1);
	end = (uint64_t)at + w->len + w->align;
	r = map_at(m, start, w->len, MAP_FIXED);
	if (sys_is_error(r)) {
		unmap(m, (uint64_t)at, end - (uint64_t)at);
		return r;
	}
	unmap(m, (uint64_t)at, start - (uint64_t)at);
	unmap(m, start + w->len, end - start - w->len);
	return r;
}

/* Where the kernel chooses, near a wish of the program's if it has one. */
static long map_anywhere(struct making *m, uint64_t wish)
{
	const struct want *w = m->w;
	long r = map_at(m, wish, w->len, 0);

	if (sys_is_error(r) || !((uint64_t)r & (w->align - 1)))
		return r;
	unmap(m, (uint64_t)r, w->len);
	return map_aligned(m);
}

/* Return: the region's address, or -errno. */
static long map_somewhere(struct making *m)
{
	const struct want *w = m->w;
	struct cookies *c = m->a.c;
	bool used = space_was_used(&c->space, (struct range){w->hint, w->hint + w->len});
	long r;

	if (w->flags & CM_EXACT)
		return used ? -EEXIST : place_exact(c, w->hint, w->len, map_at, m);
	if (w->hint && !used)
		return map_anywhere(m, w->hint);
	r = place_region(c, w->len, w->align, map_at, m);
	return r == -EEXIST ? map_anywhere(m, 0) : r;
}

static int kind_of(const struct want *w)
{
	if (w->flags & CM_RESERVE)
		return CM_KIND_RESERVED;
	return w->memfd ? CM_KIND_ALIAS : w->fd >= 0 ? CM_KIND_FILE : CM_KIND_ANON;
}

/* What is mapped in a part of the region only. Return: 0 or -errno. */
static long map_part(struct making *m)
{
	struct aim *a = &m->a;
	struct region before;
	long r;

	if (!m->w->map_offset)
		return 0;
	a->range.start += m->w->map_offset;
	before = piece_reserved(a, (struct range){a->region.start, a->range.start});
	r = fill_map(a->caller, m->w, a->range.start, range_len(a->range), MAP_FIXED);
	if (sys_is_error(r))
		return r;
	pieces_put(a->c, &before);
	return 0;
}

static long map_code_at(void *arg, uint64_t at, uint64_t len, int how)
{
	const struct making *m = arg;
	struct want code = *m->w;

	code.prot = (code.max & PROT_READ) | PROT_EXEC;
	return fill_map(m->a.caller, &code, at, len, how);
}

/* The view that may be executed, of the object that the region is made of. Return: 0 or -errno. */
static long map_code(struct making *m)
{
	const struct want *w = m->w;
	uint64_t len = range_len(m->a.region);
	long at, r;

	if (!w->memfd || !w->max_said || !(w->max & PROT_EXEC) || w->prot & PROT_EXEC)
		return 0;
	at = place_view(m->a.c, len, map_code_at, m);
	if (at == -EEXIST)
		at = map_code_at(m, 0, len, 0);
	if (sys_is_error(at))
		return at;
	r = view_add(&m->a, (struct range){(uint64_t)at, (uint64_t)at + len},
		     (w->max & PROT_READ) | PROT_EXEC);
	if (r)
		unmap(m, (uint64_t)at, len);
	return r;
}

static void slot_fill(struct making *m)
{
	const struct want *w = m->w;
	struct slot *s = m->a.slot;

	s->start = m->a.region.start;
	s->end = m->a.region.end;
	s->ops = CM_OP_ALL;
	s->next = 0;
	s->max = (uint8_t)w->max;
	s->perms = (uint8_t)w->max;
	s->flags = (uint8_t)((w->flags & CM_NOREUSE ? SLOT_NOREUSE : 0) |
			     (w->flags & CM_SUPERPAGE ? SLOT_SUPERPAGE : 0) |
			     (w->flags & CM_ALIAS || w->memfd ? SLOT_ALIAS : 0));
}

/* With the region mapped: enters it, and all that belongs to it. Return: 0 or -errno. */
static int finish(struct making *m)
{
	struct aim *a = &m->a;
	const struct want *w = m->w;
	struct region piece;
	long r;

	slot_fill(m);
	r = map_part(m);
	if (r)
		return (int)r;
	piece = kind_of(w) == CM_KIND_RESERVED ? piece_reserved(a, a->range)
					       : fill_piece(a, w, kind_of(w));
	pieces_put(a->c, &piece);
	r = map_code(m);
	if (r)
		return (int)r;
	if (w->flags & CM_SUPERPAGE)
		host_call(a->caller, SYS_madvise, (long)a->range.start, (long)range_len(a->range),
			  MADV_HUGEPAGE, 0, 0, 0);
	if (!w->memfd && w->fd < 0)
		fill_name(a->region, w->name);
	return w->flags & CM_SEALED ? fill_seal(a) : 0;
}

static int make(struct making *m)
{
	struct aim *a = &m->a;
	int r = pieces_ready(a->c);
	uint64_t huge;
	long at;

	if (r)
		return r;
	at = map_somewhere(m);
	if (sys_is_error(at))
		return (int)at;
	a->region = (struct range){(uint64_t)at, (uint64_t)at + m->w->len};
	huge = m->w->fd >= 0 ? fill_huge_page(m->w->fd, (uint64_t)at) : 0;
	if (huge) { /* the mapping is longer than was asked for */
		unmap(m, (uint64_t)at, (m->w->len + huge - 1) & ~(huge - 1));
		return -EINVAL;
	}
	a->range = a->region;
	r = finish(m);
	if (r) {
		pieces_forget(a->c, a->index, a->region);
		views_close(a, false);
		unmap(m, a->region.start, m->w->len);
	}
	return r;
}

static int open_region(struct making *m, cm_t *valuep)
{
	struct aim *a = &m->a;
	int r = slot_new(a->c, &a->index);

	if (r)
		return r;
	a->slot = slot_at(a->c, a->index);
	r = make(m);
	if (r) {
		slot_free(a->c, a->index);
		return r;
	}
	slot_open(a->c, a->index);
	*valuep = a->slot->value;
	return 0;
}

/* cmmmap(3). Return: 0 with *cookiep and req->cookie written, or -errno. */
int cookie_map(uint64_t caller, struct cmreq *req, cm_t *cookiep)
{
	struct want w;
	struct making m = {.a = {.caller = caller}, .w = &w};
	int r = cookiep ? want_region(&w, req) : -EFAULT;
	cm_t value = 0;

	r = r ? r : cookies_make(&m.a.c);
	if (r)
		return r;
	if (w.memfd)
		w.fd = fill_memfd(&w);
	if (w.memfd && w.fd < 0)
		return w.fd;
	r = cookies_enter(m.a.c);
	if (!r) {
		r = open_region(&m, &value);
		place_done(m.a.c);
		cookies_leave(m.a.c);
	}
	if (w.memfd)
		sys_close(w.fd);
	if (r)
		return r;
	req->cookie = value;
	*cookiep = value;
	return 0;
}
