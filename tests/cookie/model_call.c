/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/*
 * One call, drawn at random, made of the library and of the model: they return the same, and what
 * was written to is what the model says.
 */

static void call_protect(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	int prot = args_prot(), wanted;
	size_t offset, len;

	args_range(r, &offset, &len);
	wanted = ref_protect(r, offset, len, prot);
	step_begin(number, "cmprotect", 4, cookie, (uint64_t)offset, (uint64_t)len,
		   (uint64_t)(uint32_t)prot);
	agree(wanted, step_end(cmprotect(cookie, offset, len, prot)));
	if (r && wanted != EINVAL && wanted != ERANGE && wanted != EPERM)
		look_range(r, offset, len);
}

static void call_advise(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	size_t offset, len;
	int advice, wanted;

	args_range(r, &offset, &len);
	advice = advice_any(r, offset, len);
	wanted = ref_advise(r, offset, len, advice);
	step_begin(number, "cmadvise", 4, cookie, (uint64_t)offset, (uint64_t)len,
		   (uint64_t)(uint32_t)advice);
	agree(wanted, step_end(cmadvise(cookie, offset, len, advice)));
	if (!wanted)
		look_range(r, offset, len);
}

static void call_sync(uint64_t number)
{
	static const int flags_of[] = {
		MS_ASYNC,      MS_ASYNC, MS_ASYNC | MS_INVALIDATE, 0, 64, MS_ASYNC | MS_SYNC,
		MS_INVALIDATE, MS_SYNC};
	int flags = flags_of[draw(sizeof flags_of / sizeof *flags_of)], wanted;
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	size_t offset, len;

	args_range(r, &offset, &len);
	wanted = ref_sync(r, offset, len, flags);
	step_begin(number, "cmsync", 4, cookie, (uint64_t)offset, (uint64_t)len,
		   (uint64_t)(uint32_t)flags);
	agree(wanted, step_end(cmsync(cookie, offset, len, flags)));
}

/* Just so many bytes are written, and pages that were stored to are in memory. */
static void hold_incore(const struct mregion *r, size_t first, size_t n, const unsigned char *vec)
{
	for (size_t i = 0; i < n; i++)
		if (r->page[first + i].resident && !(vec[i] & 1))
			disagree("page %zu is not in memory", first + i);
	if (vec[n] != 0xee)
		disagree("more than %zu bytes were written", n);
}

static void call_incore(uint64_t number)
{
	static unsigned char vec[MOST_PAGES + 1];
	unsigned char *where = chance(98) ? vec : NULL;
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	size_t offset, len;
	int wanted;

	args_range(r, &offset, &len);
	memset(vec, 0xee, sizeof vec);
	wanted = ref_incore(r, offset, len, where);
	step_begin(number, "cmincore", 4, cookie, (uint64_t)offset, (uint64_t)len,
		   (uint64_t)(where != NULL));
	agree(wanted, step_end(cmincore(cookie, offset, len, where)));
	if (!wanted)
		hold_incore(r, offset / PAGE, (len + PAGE - 1) / PAGE, vec);
	else if (vec[0] != 0xee)
		disagree("it failed, and has written");
}

/* What mseal(2) says to advice about forks for read-only memory depends on the kernel. */
static bool depends_on_kernel(const struct mregion *r, int inherit)
{
	for (size_t i = 0; r && i < r->n_pages; i++)
		if ((r->page[i].seals & MSEAL_SEALS) == MSEAL_SEALS)
			return inherit == CM_INHERIT_NONE || inherit == CM_INHERIT_ZERO;
	return false;
}

static void call_inherit(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	int inherit = chance(95) ? (int)draw(4) : chance(50) ? 4 : -1, wanted;
	size_t offset, len;

	args_range(r, &offset, &len);
	if (chance(30)) {
		offset = 0;
		len = (r ? r->n_pages : 1) * PAGE;
	} else if (chance(60)) {
		len = PAGE; /* more is seldom of one kind */
	}
	if (depends_on_kernel(r, inherit))
		return;
	wanted = ref_inherit(r, offset, len, inherit);
	step_begin(number, "cminherit", 4, cookie, (uint64_t)offset, (uint64_t)len,
		   (uint64_t)(uint32_t)inherit);
	agree(wanted, step_end(cminherit(cookie, offset, len, inherit)));
}

static void call_seal(uint64_t number)
{
	int seals = args_seals(), wanted;
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	size_t offset, len;

	args_range(r, &offset, &len);
	wanted = ref_seal(r, offset, len, seals);
	step_begin(number, "cmseal", 4, cookie, (uint64_t)offset, (uint64_t)len,
		   (uint64_t)(uint32_t)seals);
	agree(wanted, step_end(cmseal(cookie, offset, len, seals)));
}

static void call_restrict(uint64_t number)
{
	const cm_ops_t unwritten = 0x5a5a5a5a;
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	cm_ops_t ops = ~(1u << draw(32)), old = unwritten, was = r ? r->ops : unwritten;
	int wanted = ref_restrict(r, ops);
	bool asks = chance(80);

	step_begin(number, "cmrestrict", 2, cookie, (uint64_t)ops);
	agree(wanted, step_end(cmrestrict(cookie, ops, asks ? &old : NULL)));
	if (old != (asks ? was : unwritten))
		disagree("the rights were %#x, not %#x", old, was);
}

static void call_andperm(uint64_t number)
{
	const int unwritten = 0x5a5a5a5a;
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	int perms = chance(90) ? ~(1 << draw(5)) : (int)draw(16);
	int old = unwritten, was = r ? r->perms : 0, wanted = ref_andperm(r, perms);
	bool asks = chance(80);

	step_begin(number, "cmandperm", 2, cookie, (uint64_t)(uint32_t)perms);
	agree(wanted, step_end(cmandperm(cookie, perms, asks ? &old : NULL)));
	if (old != (asks && !wanted ? was : unwritten))
		disagree("the permissions were %#x, not %#x", (unsigned)old, (unsigned)was);
}

static void call_getptr(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	void *p = &p;
	int wanted = ref_getptr(r, &p);

	step_begin(number, "cmgetptr", 1, cookie);
	agree(wanted, step_end(cmgetptr(cookie, &p)));
	if (p != (wanted ? &p : (void *)r->start))
		disagree("the pointer is %p", p);
	if (chance(5))
		agree(r && !(r->ops & CM_OP_GETPTR) ? EPERM
		      : r                           ? EFAULT
						    : EBADF,
		      step_end(cmgetptr(cookie, NULL)));
}

/* A view is at the place where it was, or at one that is nobody's. */
static void hold_cap(struct mregion *r, int perms, unsigned char *p)
{
	struct mview *v = &r->view[perms];

	if (v->start) {
		if (p != v->start)
			disagree("%p is not the same view again", (void *)p);
		return;
	}
	if (!v->made && is_uniform(r, perms)) {
		if (p != r->start)
			disagree("%p is not the region's pointer", (void *)p);
		return;
	}
	if (live_touches((uint64_t)p, r->n_pages * PAGE))
		disagree("the view at %p lies over a region", (void *)p);
	if (!v->made)
		*v = (struct mview){.made = true, .submap = r->page[0].submap};
	v->start = p;
	for (size_t i = 0; i < r->n_pages && i < 32; i++)
		look_views(r, i);
}

static void call_getcap(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	int perms = chance(95) ? 1 + (int)draw(5) : (int)draw(20) - 2, wanted;
	void *p = &p, **where = chance(98) ? &p : NULL;
	wanted = ref_getcap(r, where, perms);
	step_begin(number, "cmgetcap", 2, cookie, (uint64_t)(uint32_t)perms);
	agree(wanted, step_end(cmgetcap(cookie, where, perms)));
	if (!wanted)
		hold_cap(r, perms, p);
	else if (p != &p)
		disagree("it failed, and has written a pointer");
}

static void call_stat(uint64_t number)
{
	struct mregion *r;
	cm_t cookie = live_pick(&r);
	size_t index = draw(chance(90) ? 4 : 2000);
	struct cm_stat model, library, *where = chance(97) ? &library : NULL;
	int wanted = r && !where && r->ops & CM_OP_STAT ? EFAULT : ref_stat(r, index, &model);

	memset(&library, 0xee, sizeof library);
	step_begin(number, "cmstat", 2, cookie, (uint64_t)index);
	agree(wanted, step_end(cmstat(cookie, index, where)));
	if (!wanted && (library.offset != model.offset || library.len != model.len))
		disagree("the piece is not the same");
	if (wanted && library.kind != (int)0xeeeeeeee)
		disagree("it failed, and has written");
}

/* The program uses its memory. */
static void call_touch(uint64_t number)
{
	struct mregion *r = live_any();
	size_t i;

	if (!r)
		return;
	i = draw(r->n_pages);
	step_begin(number, "(store)", 2, r->cookie, (uint64_t)(i * PAGE));
	touch_page(r, i);
	step_end(0);
}

static const struct {
	unsigned weight;
	void (*call)(uint64_t number);
} calls[] = {
	{12, call_mmap},   {16, call_submap},  {8, call_unmap},  {7, call_close},
	{1, call_revoke},  {14, call_protect}, {8, call_advise}, {3, call_sync},
	{4, call_incore},  {5, call_inherit},  {3, call_seal},   {1, call_restrict},
	{1, call_andperm}, {4, call_getptr},   {5, call_getcap}, {4, call_stat},
	{16, call_touch},  {1, call_memfd},
};

void call_any(uint64_t number)
{
	unsigned sum = 0, which;

	for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
		sum += calls[i].weight;
	which = (unsigned)draw(sum);
	for (unsigned i = 0;; i++) {
		if (which < calls[i].weight) {
			calls[i].call(number);
			return;
		}
		which -= calls[i].weight;
	}
}
