/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/want.h"

#include <errno.h>
#include <sys/mman.h>
#include "common/range.h"

/*
 * What may be asked for: the checks of cmmmap(3) and cmsubmap(3) that need no cookie. Separate so
 * that what makes mappings is given what makes sense.
 *
 * Context: pure; anywhere.
 */

#define ALL            (PROT_READ | PROT_WRITE | PROT_EXEC)
#define WX             (PROT_WRITE | PROT_EXEC)
#define MAX_BITS       (ALL << 16)
#define NAME_MAX_BYTES 79 /* Linux 6.18 mm/madvise.c, ANON_VMA_NAME_MAX_LEN */
#define SUPERPAGE      (2ull << 20)

#define PLAIN_FLAGS                                                                            \
	(MAP_PRIVATE | MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE | CM_SEALED | \
	 CM_SHARE)
#define REGION_FLAGS \
	(PLAIN_FLAGS | CM_RESERVE | CM_EXACT | CM_SUPERPAGE | CM_ROUND | CM_NOREUSE | CM_ALIAS)

/* Whether all that is behind what we know of a request is zero, as its size says. */
static bool is_known(const struct cmreq *req)
{
	const unsigned char *bytes = (const unsigned char *)req;

	if (req->size < sizeof(*req) || req->size > CM_PAGE || req->zero)
		return false;
	for (uint32_t i = sizeof(*req); i < req->size; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Of what the kernel takes for an anonymous mapping's name (mm/madvise.c, is_valid_name_char()). */
static bool is_name(const char *name)
{
	unsigned n = 0;

	for (; name[n] && n <= NAME_MAX_BYTES; n++)
		if (name[n] < 0x20 || name[n] > 0x7e || name[n] == '\\' || name[n] == '`' ||
		    name[n] == '$' || name[n] == '[' || name[n] == ']')
			return false;
	return n && n <= NAME_MAX_BYTES;
}

static int want_prot(struct want *w, const struct cmreq *req)
{
	int max = req->prot >> 16 & ALL;

	if (req->prot & ~(ALL | MAX_BITS) || req->max < -1 || req->max > ALL)
		return -EINVAL;
	w->prot = req->prot & ALL;
	w->max_said = max || req->max >= 0;
	w->max = (max ? max : ALL) & (req->max >= 0 ? req->max : ALL);
	return w->prot & ~w->max ? -EINVAL : 0;
}

static int want_object(struct want *w, const struct cmreq *req)
{
	int type = req->flags & (MAP_SHARED | MAP_PRIVATE);

	if (type == (MAP_SHARED | MAP_PRIVATE))
		return -EINVAL;
	if (req->fd < -1)
		return -EBADF;
	if (req->file_offset < 0 || req->file_offset % (off_t)CM_PAGE)
		return -EINVAL;
	if (req->fd >= 0 ? (req->flags & MAP_ANONYMOUS || req->name) : req->file_offset)
		return -EINVAL;
	if (req->name && !is_name(req->name))
		return -EINVAL;
	w->fd = req->fd;
	w->file_offset = req->file_offset;
	w->name = req->name;
	w->map_flags = req->flags & (MAP_NORESERVE | MAP_POPULATE);
	w->map_flags |= type ? type : MAP_PRIVATE;
	w->map_flags |= req->fd < 0 ? MAP_ANONYMOUS : 0;
	return 0;
}

/* What both kinds of request have in common. */
static int want_any(struct want *w, const struct cmreq *req, int flags)
{
	int r;

	*w = (struct want){.flags = req->flags, .align = CM_PAGE};
	if (!is_known(req) || req->flags & ~flags || !req->len)
		return -EINVAL;
	r = want_object(w, req);
	return r ? r : want_prot(w, req);
}

/* Whether the memory is to be an object of its own, so that it can be mapped twice. */
static bool wants_memfd(const struct want *w)
{
	bool both = w->max_said && (w->max & WX) == WX;

	if (w->fd >= 0 || w->flags & CM_RESERVE)
		return false;
	return w->flags & CM_ALIAS || (both && !(w->flags & MAP_PRIVATE));
}

static bool is_shaped(const struct want *w)
{
	return w->flags & (CM_SUPERPAGE | CM_ROUND);
}

/* Flags that do not go together, or not with what else is asked for. */
static bool is_contrary(const struct want *w, const struct cmreq *req)
{
	const int filled = MAP_SHARED | MAP_POPULATE | CM_ALIAS | CM_SHARE;
	int flags = req->flags;

	if (flags & CM_RESERVE && (req->fd >= 0 || flags & filled || req->map_offset))
		return true;
	if (flags & CM_SHARE && !(flags & (MAP_SHARED | CM_ALIAS)))
		return true;
	if (is_shaped(w) && (req->fd >= 0 || req->map_offset))
		return true;
	if (w->memfd && (flags & MAP_PRIVATE || req->map_offset || is_shaped(w)))
		return true;
	return flags & CM_EXACT && (!req->hint || req->hint % w->align);
}

/* How long the region becomes; 0: longer than can be. */
static uint64_t wanted_len(const struct want *w, size_t len)
{
	bool super = w->flags & CM_SUPERPAGE || (w->flags & CM_ROUND && len >= SUPERPAGE);
	uint64_t n = super ? (len + SUPERPAGE - 1) & ~(SUPERPAGE - 1) : page_up(len);

	return n < len ? 0 : n;
}

/*
 * Checks a request for a region.
 *
 * Return: 0 with *wp written; -EFAULT, -EINVAL, -EBADF, -ERANGE, -ENOTSUP, -ENOMEM, in this order.
 */
int want_region(struct want *wp, const struct cmreq *req)
{
	int r = req ? want_any(wp, req, REGION_FLAGS) : -EFAULT;

	if (r)
		return r;
	wp->align = wp->flags & CM_SUPERPAGE ? SUPERPAGE : CM_PAGE;
	wp->hint = page_down(req->hint);
	wp->map_offset = req->map_offset;
	wp->memfd = wants_memfd(wp);
	wp->len = wanted_len(wp, req->len);
	if (is_contrary(wp, req) || wp->map_offset % CM_PAGE)
		return -EINVAL;
	if (wp->len && wp->map_offset >= wp->len)
		return -ERANGE;
	if ((wp->prot & WX) == WX)
		return -ENOTSUP;
	if (wp->flags & CM_ALIAS && !wp->memfd && !(wp->map_flags & MAP_SHARED))
		return -ENOTSUP;
	if (wp->memfd)
		wp->map_flags = (wp->map_flags & ~(MAP_PRIVATE | MAP_ANONYMOUS)) | MAP_SHARED;
	return wp->len ? 0 : -ENOMEM;
}

/* The same for a part of a region. map_offset is where in the region it goes. */
int want_submap(struct want *wp, const struct cmreq *req)
{
	int r = want_any(wp, req, PLAIN_FLAGS);

	if (r)
		return r;
	wp->map_offset = req->map_offset;
	wp->len = req->len;
	if (req->hint || (req->flags & CM_SHARE && !(req->flags & MAP_SHARED)))
		return -EINVAL;
	return 0;
}
