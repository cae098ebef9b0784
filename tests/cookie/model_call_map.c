/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * One call that makes or ends mappings, made of the library and of the model. Separate from
 * model_call.c for the request's forms. And one that makes objects.
 */

/* A request as a later version of the header would have it. */
struct longer {
	struct cmreq req;
	uint64_t more[2];
};

static void request_fill(struct longer *l, const struct want *w)
{
	struct cmreq *req = &l->req;

	memset(l, 0, sizeof *l);
	CMREQ_INIT(req, w->len, w->in_prot ? w->prot | PROT_MAX(w->max) : w->prot);
	if (!w->in_prot)
		CMREQ_SETMAX(req, w->max);
	CMREQ_SETFLAGS(req, w->flags);
	CMREQ_SETFD(req, w->fd);
	CMREQ_SETFILEOFFSET(req, w->offset);
	CMREQ_SETMAPOFFSET(req, w->map_offset);
	CMREQ_SETHINT(req, w->hint);
	CMREQ_SETNAME(req, w->name);
	if (w->how == LONGER || w->how == LONGER_USED)
		req->size = sizeof *l;
	if (w->how == LONGER_USED)
		l->more[1] = 1;
	if (w->how == SHORTER)
		req->size = (uint32_t)draw(sizeof *req);
	if (w->how == ZERO_IS_USED)
		req->zero = 1;
}

static int prot_of(const struct want *w)
{
	return w->max > 0 ? w->prot | PROT_MAX(w->max) : w->prot;
}

static void note(uint64_t number, const char *call, cm_t cookie, const struct want *w)
{
	step_begin(number, call, 8, cookie ? cookie : w->hint, cookie ? w->map_offset : 0,
		   (uint64_t)w->len, (uint64_t)(uint32_t)w->prot, (uint64_t)(uint32_t)w->max,
		   (uint64_t)(uint32_t)w->flags, (uint64_t)w->fd, (uint64_t)w->offset);
}

/* Return: errno or 0, with the cookie written just when there is one. */
static int library_mmap(uint64_t number, const struct want *w, cm_t *cookiep)
{
	const cm_t unwritten = 0x5a5a5a5a5a5a5a5aull;
	struct longer l;
	cm_t *where = w->how == COOKIE_NULL ? NULL : cookiep;
	int error;

	*cookiep = unwritten;
	note(number, w->as_request ? "cmmmapreq" : "cmmmap", 0, w);
	if (w->as_request) {
		request_fill(&l, w);
		l.req.cookie = unwritten;
		error = step_end(cmmmap(w->how == REQUEST_NULL ? NULL : &l.req, where));
		if (l.req.cookie != (error ? unwritten : *cookiep))
			disagree("the request's cookie is %#llx", (unsigned long long)l.req.cookie);
	} else {
		error = step_end(
			cmmmap(w->hint, w->len, prot_of(w), w->flags, w->fd, w->offset, where));
	}
	if (error && *cookiep != unwritten)
		disagree("it failed, and has written a cookie");
	return error;
}

static struct page scratch[MOST_PAGES];

static bool is_full(void)
{
	for (unsigned i = 0; i < MOST_LIVE; i++)
		if (!live[i])
			return false;
	return true;
}

static void hold_place(const struct mregion *r, const struct want *w)
{
	uint64_t start = (uint64_t)r->start;

	if (start % (w->flags & CM_SUPERPAGE ? SUPERPAGE : PAGE))
		disagree("the region is not aligned");
	if (w->flags & CM_EXACT && start != w->hint)
		disagree("the region is not where it was to be");
}

void call_mmap(uint64_t number)
{
	struct mregion r = {.page = scratch};
	struct want w;
	void *p;
	cm_t cookie;
	int wanted;

	if (is_full())
		return;
	args_region(&w);
	wanted = ref_mmap(&w, &r);
	agree(wanted, library_mmap(number, &w, &cookie));
	if (wanted)
		return;
	r.cookie = cookie;
	if (!cookie || cmgetptr(cookie, &p))
		disagree("the new cookie %#llx has no pointer", (unsigned long long)cookie);
	r.start = p;
	hold_place(&r, &w);
	whole_pieces(live_add(&r));
	look_range(&r, 0, r.n_pages * PAGE);
}

void call_submap(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	struct longer l;
	struct want w;
	int got, wanted;

	args_submap(&w, r);
	wanted = ref_submap(r, &w);
	note(number, w.as_request ? "cmsubmapreq" : "cmsubmap", cookie ? cookie : 1, &w);
	request_fill(&l, &w);
	if (w.as_request)
		got = cmsubmap(cookie, w.how == REQUEST_NULL ? NULL : &l.req);
	else if (chance(50))
		got = cmsubmap(cookie, w.map_offset, w.len, prot_of(&w), w.flags, w.fd, w.offset);
	else
		got = csubmap(cookie, w.map_offset, w.len, prot_of(&w), w.flags, w.fd, w.offset);
	agree(wanted, step_end(got));
	if (!wanted)
		look_range(r, w.map_offset, w.len);
}

void call_unmap(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	size_t offset, len;
	int wanted;

	args_range(r, &offset, &len);
	wanted = ref_unmap(r, offset, len);
	step_begin(number, "cmunmap", 3, cookie, (uint64_t)offset, (uint64_t)len);
	agree(wanted, step_end(cmunmap(cookie, offset, len)));
	if (!wanted)
		look_range(r, offset, len);
}

/* After the end: no cookie, and no memory, or memory as before. */
static void hold_end(struct mregion *r, bool unmapped, bool for_ever)
{
	uint64_t at[MOST_PLACES];
	void *p = NULL;

	if (cmgetptr(r->cookie, &p) != -1 || errno != EBADF || p)
		disagree("the cookie lives on");
	if (unmapped) {
		for (unsigned n = live_places(r, at); n--;)
			look_gone((void *)at[n], r->n_pages * PAGE);
	} else {
		look_range(r, 0, r->n_pages * PAGE);
	}
	live_drop(r, unmapped, for_ever);
}

void call_close(uint64_t number)
{
	static const int flags_of[] = {CM_CLOSE_UNMAP,
				       CM_CLOSE_UNMAP,
				       CM_CLOSE_UNMAP,
				       CM_CLOSE_UNMAP,
				       CM_CLOSE_UNMAP,
				       0,
				       0,
				       CM_CLOSE_UNMAP | CM_NOREUSE,
				       CM_NOREUSE,
				       2,
				       -1};
	int flags = flags_of[draw(sizeof flags_of / sizeof *flags_of)], wanted;
	struct mregion *r;
	cm_t cookie = live_pick(&r);

	wanted = ref_close(r, flags);
	step_begin(number, "cmclose", 2, cookie, (uint64_t)(uint32_t)flags);
	agree(wanted, step_end(cmclose(cookie, flags)));
	if (!wanted)
		hold_end(r, flags & CM_CLOSE_UNMAP, (flags | r->flags) & CM_NOREUSE);
}

/* A descriptor whose name says what it is for. */
static void hold_name(int fd, const char *name, bool share)
{
	char link[64], is[400], wanted[400];
	ssize_t n;

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, is, sizeof is - 1);
	is[n < 0 ? 0 : n] = 0;
	snprintf(wanted, sizeof wanted, "/memfd:%s%s (deleted)", share ? "share:" : "", name);
	if (strcmp(is, wanted))
		disagree("the object is called %s, not %s", is, wanted);
}

/* Source of the name's length and of the flags: Linux 6.18, mm/memfd.c. */
void call_memfd(uint64_t number)
{
	static const size_t lens[] = {0, 1, 10, 243, 244, 249, 250, 300};
	static const int flags_of[] = {0, MFD_CLOEXEC, MFD_ALLOW_SEALING, 0x100};
	int flags = flags_of[draw(4)] | (chance(50) ? CM_SHARE : 0), fd, wanted;
	size_t len = lens[draw(8)];
	const char *where;
	char name[301];

	memset(name, 'n', len);
	name[len] = 0;
	where = chance(95) ? name : NULL;
	step_begin(number, "cmmemfd", 3, (uint64_t)(where != NULL), (uint64_t)len,
		   (uint64_t)(uint32_t)flags);
	wanted = !where                                                    ? EFAULT
		 : flags & 0x100 || len + (flags & CM_SHARE ? 6 : 0) > 249 ? EINVAL
									   : 0;
	fd = cmmemfd(where, flags);
	agree(wanted, step_end(fd < 0 ? fd : 0));
	if (fd < 0)
		return;
	hold_name(fd, name, flags & CM_SHARE);
	close(fd);
}

void call_revoke(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	int wanted = ref_revoke(r);

	step_begin(number, "cmrevoke", 1, cookie);
	agree(wanted, step_end(cmrevoke(cookie)));
	if (!wanted)
		hold_end(r, true, r->flags & CM_NOREUSE);
}
