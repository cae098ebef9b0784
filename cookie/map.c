/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "cookie/host.h"

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
	uint64_t wish; /* where the area has room; 0: the kernel's choice, or the program's */
};

static void unmap(const struct making *m, uint64_t at, uint64_t len)
{
	if (len)
		host_call(m->a.caller, SYS_munmap, (long)at, (long)len, 0, 0, 0, 0);
}

/* The whole of the region in one call: reserved, or mapped. Return: its address, or -errno. */
static long map_at(const struct making *m, uint64_t at, uint64_t len, int place)
{
	bool reserve = m->w->flags & CM_RESERVE || m->w->map_offset;

	if (reserve)
		return host_call(m->a.caller, SYS_mmap, (long)at, (long)len, PROT_NONE,
				 RESERVED_FLAGS | place, -1, 0);
	return fill_map(m->a.caller, m->w, at, len, place);
}

/* Somewhere aligned: more is reserved than needed, and what lies over is given back. */
static long map_aligned(const struct making *m)
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

/* Return: the region's address, or -errno. */
static long map_once(struct making *m)
{
	const struct want *w = m->w;
	long r;

	if (w->flags & CM_EXACT) {
		r = map_at(m, w->hint, w->len, MAP_FIXED_NOREPLACE);
		if (!sys_is_error(r) && (uint64_t)r != w->hint) { /* before Linux 4.17 */
			unmap(m, (uint64_t)r, w->len);
			r = -EEXIST;
		}
		return r;
	}
	m->wish = w->hint ? 0 : space_pick(&m->a.c->space, w->len, w->align);
	r = map_at(m, w->hint ? w->hint : m->wish, w->len, 0);
	if (!sys_is_error(r) && (uint64_t)r & (w->align - 1)) {
		unmap(m, (uint64_t)r, w->len);
		r = map_aligned(m);
	}
	if (!sys_is_error(r) && m->wish)
		space_taken(&m->a.c->space, m->wish,
			    (struct range){(uint64_t)r, (uint64_t)r + w->len});
	return r;
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

/* The view that may be executed, of the object that the region is made of. Return: 0 or -errno. */
static long map_code(struct making *m)
{
	const struct want *w = m->w;
	struct want code = *w;
	uint64_t len = range_len(m->a.region), wish;
	struct range range;
	long r;

	if (!w->memfd || !w->max_said || !(w->max & PROT_EXEC) || w->prot & PROT_EXEC)
		return 0;
	code.prot = (w->max & PROT_READ) | PROT_EXEC;
	wish = space_scatter(&m->a.c->space, len, tag_random(&m->a.c->key));
	r = fill_map(m->a.caller, &code, wish, len, 0);
	if (sys_is_error(r))
		return r;
	range = (struct range){(uint64_t)r, (uint64_t)r + len};
	r = view_add(&m->a, range, code.prot);
	if (r)
		unmap(m, range.start, len);
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
	long at;

	if (r)
		return r;
	at = map_once(m);
	if (sys_is_error(at))
		return (int)at;
	a->region = (struct range){(uint64_t)at, (uint64_t)at + m->w->len};
	a->range = a->region;
	r = finish(m);
	if (r) {
		pieces_forget(a->c, a->index, a->region);
		views_close(a, false);
		unmap(m, a->region.start, m->w->len);
	}
	return r;
}

static int open_region(struct making *m, cm_t *cookiep)
{
	struct aim *a = &m->a;
	int r = slot_new(a->c, &a->index);

	if (r)
		return r;
	a->slot = slot_at(a->c, a->index);
	if (m->w->hint)
		a->c->making = (struct range){m->w->hint, m->w->hint + m->w->len};
	r = make(m);
	if (r) {
		a->c->making = (struct range){0, 0};
		slot_free(a->c, a->index);
		return r;
	}
	slot_open(a->c, a->index);
	a->c->making = (struct range){0, 0};
	*cookiep = a->slot->value;
	return 0;
}

/* cmmmap(3). Return: 0 with *cookiep and req->cookie written, or -errno. */
int cookie_map(uint64_t caller, struct cmreq *req, cm_t *cookiep)
{
	struct want w;
	struct making m = {.a = {.caller = caller}, .w = &w};
	int r = cookiep ? want_region(&w, req) : -EFAULT;

	r = r ? r : cookies_make(&m.a.c);
	if (r)
		return r;
	if (w.memfd)
		w.fd = fill_memfd(&w);
	if (w.memfd && w.fd < 0)
		return w.fd;
	r = cookies_enter(m.a.c);
	if (!r) {
		r = open_region(&m, cookiep);
		cookies_leave(m.a.c);
	}
	if (w.memfd)
		sys_close(w.fd);
	if (!r)
		req->cookie = *cookiep;
	return r;
}
