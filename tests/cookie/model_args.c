/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <sys/mman.h>

/*
 * What the calls are made with: mostly what makes sense, with something wrong in it now and then,
 * and sometimes two things, so that the order of the checks is tried as well.
 */

#define PICK(array) (array)[draw(sizeof(array) / sizeof *(array))]

/* An offset and a length; r: NULL where there is no region. */
void args_range(const struct mregion *r, size_t *offsetp, size_t *lenp)
{
	static const size_t far[] = {SIZE_MAX, SIZE_MAX - PAGE + 1, SIZE_MAX / PAGE * PAGE,
				     1ul << 63, 1ul << 47};
	size_t n = r ? r->n_pages : 8, first = draw(n), end = first + 1 + draw(n - first);

	*offsetp = first * PAGE;
	*lenp = (end - first) * PAGE;
	if (chance(8)) {
		*offsetp = 0;
		*lenp = n * PAGE;
	}
	if (chance(25))
		*lenp -= draw(PAGE);
	if (chance(2))
		*offsetp += 1 + draw(PAGE - 1);
	if (chance(1))
		*lenp = 0;
	if (chance(2))
		*lenp += (n - draw(2)) * PAGE;
	if (chance(1))
		*offsetp = chance(50) ? n * PAGE : PICK(far);
	if (chance(1))
		*lenp = PICK(far);
}

int args_prot(void)
{
	static const int sound[] = {0,
				    PROT_READ,
				    PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_READ | PROT_WRITE,
				    PROT_WRITE,
				    PROT_READ | PROT_EXEC,
				    PROT_EXEC};
	static const int odd[] = {6, 7, 8, 7 | 8, 0x01000000, -1, 1 << 31, PROT_GROWSDOWN, 0x13};

	return chance(4) ? PICK(odd) : PICK(sound);
}

int args_seals(void)
{
	static const int odd[] = {0, 64, -1, 0x7f};

	if (chance(5))
		return PICK(odd);
	if (live_may_seal())
		return chance(50) ? CM_SEAL_ALL : (int)(CM_SEAL_UNMAP | draw(64));
	return (int)(1 + draw(63)) & ~CM_SEAL_UNMAP ?: CM_SEAL_MOVE;
}

static int any_fd(void)
{
	return chance(90)   ? files[PICK(((const int[]){0, 0, 0, 1, 3, 3}))].fd
	       : chance(80) ? files[draw(n_files)].fd
			    : 19999;
}

static void fill_kind(struct want *w)
{
	w->fd = -1;
	if (chance(40)) {
		w->fd = any_fd();
		w->offset = (off_t)(draw(FILE_PAGES + 4) * PAGE);
	} else if (chance(40)) {
		w->flags |= MAP_ANONYMOUS;
	}
	if (chance(35))
		w->flags |= MAP_SHARED;
	else if (chance(40))
		w->flags |= MAP_PRIVATE;
	if (chance(5))
		w->flags |= MAP_NORESERVE;
	if (chance(5))
		w->flags |= MAP_POPULATE;
	if (w->flags & MAP_SHARED && chance(10))
		w->flags |= CM_SHARE;
}

static void fill_rights(struct want *w)
{
	w->prot = args_prot();
	w->max = -1;
	if (chance(35))
		w->max = (int)(w->prot | (int)draw(8)) & RIGHTS;
	if (chance(3))
		w->max = (int)draw(8);
}

/* The longest name there is, and one that is longer. */
#define TEN     "0123456789"
#define NAME_79 TEN TEN TEN TEN TEN TEN TEN "012345678"
#define NAME_80 TEN TEN TEN TEN TEN TEN TEN TEN

static void fill_form(struct want *w)
{
	static const char *const names[] = {"a name",    "x",   "",      "with $",
					    "tab\there", "[b]", NAME_79, NAME_80};

	w->as_request = chance(50);
	if (!w->as_request)
		return;
	w->in_prot = w->max > 0 && chance(30);
	if (chance(5))
		w->how = (int)draw(COOKIE_NULL + 1);
	if (w->fd < 0 && chance(10))
		w->name = PICK(names);
}

/* Something that is wrong, or seldom. */
static void spoil(struct want *w)
{
	static const int unknown[] = {MAP_FIXED, MAP_HUGETLB,         MAP_GROWSDOWN, MAP_LOCKED,
				      MAP_STACK, MAP_FIXED_NOREPLACE, 1 << 31};
	static const size_t lens[] = {0, SIZE_MAX, SIZE_MAX - PAGE + 2, SIZE_MAX - PAGE * 3};
	static const off_t offsets[] = {1, -1, -(off_t)PAGE, 4095, PAGE};

	switch (draw(12)) {
	case 0:
		w->flags |= PICK(unknown);
		break;
	case 1:
		w->flags |= MAP_SHARED | MAP_PRIVATE;
		break;
	case 2:
		w->len = PICK(lens);
		break;
	case 3:
		w->offset = PICK(offsets);
		break;
	case 4:
		w->flags |= MAP_ANONYMOUS;
		break;
	case 5:
		w->map_offset = chance(50) ? 100 : (1 + draw(20)) * PAGE;
		break;
	case 6:
		w->hint += 1 + draw(PAGE);
		break;
	case 7:
		w->flags ^= 1 << (21 + draw(9));
		break;
	case 8:
		w->prot = 6 | (int)draw(2);
		break;
	case 9:
		w->max = w->as_request ? (int)draw(20) - 4 : w->max;
		break;
	case 10:
		w->fd = any_fd();
		break;
	default:
		w->flags |= CM_ALIAS;
	}
}

/* What the form that is used cannot say, or what nothing says the order of. */
static void mend(struct want *w, bool region)
{
	if (!w->as_request) {
		w->how = region && chance(1) ? COOKIE_NULL : WELL_FORMED;
		w->name = NULL;
		w->map_offset = region ? 0 : w->map_offset;
		w->hint = region ? w->hint : 0;
	}
	if (!region && w->how == COOKIE_NULL)
		w->how = WELL_FORMED;
	if (w->flags & CM_EXACT && w->fd >= 0 && !file_of(w->fd))
		w->fd = -1;
	if (w->len > 1ul << 40) /* where it lies in an area that was used, that is said first */
		w->flags &= ~CM_EXACT;
	if ((!w->as_request || w->in_prot) && (w->max <= 0 || w->max > RIGHTS)) {
		w->max = -1;
		w->in_prot = false;
	}
	if ((!w->as_request || w->in_prot) && w->max >= 0)
		w->prot &= 0xffff;
	else
		w->prot &= w->as_request && w->max >= 0 ? 0xffff : ~(RIGHTS << 16);
}

static void fill_place(struct want *w)
{
	struct mregion *r = live_any();

	if (chance(15))
		w->hint = chance(50) || !r ? draw(1ull << 46) & ~(PAGE - 1) : (uint64_t)r->start;
	if (chance(2))
		w->hint = draw(2) ? 1ull << 63 : 4097;
	if (chance(1)) {
		w->flags |= chance(70) ? CM_SUPERPAGE : CM_ROUND;
		w->len = draw(SUPERPAGE + SUPERPAGE / 4) + 1;
		w->fd = chance(95) ? -1 : w->fd;
		w->offset = w->fd < 0 ? 0 : w->offset;
	}
	if (chance(5)) {
		w->flags |= CM_EXACT;
		w->hint = chance(70)        ? live_exact(2 * SUPERPAGE)
			  : chance(50) && r ? (uint64_t)r->start
					    : live_held();
	}
}

/* A request for a region. */
void args_region(struct want *w)
{
	*w = (struct want){.len = (1 + draw(chance(90) ? 12 : 40)) * PAGE};
	fill_kind(w);
	fill_rights(w);
	fill_form(w);
	if (chance(25))
		w->len -= draw(PAGE);
	if (chance(30)) {
		w->flags |= CM_RESERVE;
		w->flags &= ~(MAP_SHARED | MAP_POPULATE | CM_SHARE);
		w->fd = -1;
		w->offset = 0;
	} else if (chance(15)) {
		w->flags |= CM_ALIAS;
		w->flags &= ~MAP_PRIVATE;
	} else if (w->as_request && chance(15)) {
		w->map_offset = draw(w->len / PAGE + 1) * PAGE;
	}
	fill_place(w);
	if (chance(3))
		w->flags |= CM_NOREUSE;
	if (live_may_seal() && chance(20))
		w->flags |= CM_SEALED;
	for (unsigned n = chance(15) ? 1 + (unsigned)draw(2) : 0; n--;)
		spoil(w);
	mend(w, true);
	if (chance(1)) /* by itself: it may be looked at before the rest, or after */
		*w = (struct want){.len = PAGE, .max = -1, .fd = -2 - (int)draw(2)};
}

/* A request for a part of one. */
void args_submap(struct want *w, const struct mregion *r)
{
	*w = (struct want){0};
	fill_kind(w);
	fill_rights(w);
	if (r && w->max < 0 && chance(70))
		w->prot &= r->max | ~RIGHTS;
	fill_form(w);
	args_range(r, &w->map_offset, &w->len);
	if (live_may_seal() && chance(20))
		w->flags |= CM_SEALED;
	for (unsigned n = chance(10) ? 1 + (unsigned)draw(2) : 0; n--;)
		spoil(w);
	mend(w, false);
}
