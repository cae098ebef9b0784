/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/cookie.h"
#include "tests/escape/attacks/seal.h"

/*
 * Memory that is a cookie's, for the ways of seal_way.c to change by its address:
 *
 *   anon shared file   a region of such memory · exact: at an address of the program's choice
 *   alias view         memory that has a second view; that view
 *   reserve hole       a region of address space only; what was taken from one by cmunmap(3)
 *   discard            anonymous memory sealed against discards
 *   gone held          closed: a range of the area, where nothing is mapped now; another, which is
 *                      held back from use · noreuse: for ever
 *   aligned            behind the first page of two megabytes of nobody's
 *   span               a plain page, and a region behind it
 *   plain              no cookie's: a mapping like any other
 */

#define PAGES 2
#define HUGE  (512 * ATTACK_PAGE)

static struct seal_target filled(char *at)
{
	memset(at, 9, PAGES * ATTACK_PAGE);
	memset(at + ATTACK_PAGE, 10, ATTACK_PAGE);
	return (struct seal_target){at, PAGES * ATTACK_PAGE, false};
}

/* What cannot be read is known by its rights alone. */
static struct seal_target empty(char *at)
{
	return (struct seal_target){at, PAGES * ATTACK_PAGE, true};
}

static char *file(void)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	cm_t c;

	if (fd < 0 || ftruncate(fd, PAGES * ATTACK_PAGE))
		attack_broken("memfd");
	cookie_must(cmmmap(0, PAGES * ATTACK_PAGE, ATTACK_RW, MAP_SHARED, fd, 0, &c), "cmmmap");
	close(fd);
	return cookie_pointer(c);
}

static char *view(void)
{
	struct cookie_region r = cookie_region(PAGES, ATTACK_RW, CM_ALIAS);
	void *p;

	filled(r.at);
	cookie_must(cmgetcap(r.cookie, &p, PROT_READ), "cmgetcap");
	return p;
}

static char *hole(void)
{
	struct cookie_region r = cookie_region(PAGES + 2, ATTACK_RW, 0);

	cookie_must(cmunmap(r.cookie, ATTACK_PAGE, PAGES * ATTACK_PAGE), "cmunmap");
	return r.at + ATTACK_PAGE;
}

static char *discard(void)
{
	struct cookie_region r = cookie_region(PAGES, ATTACK_RW, 0);

	cookie_must(cmseal(r.cookie, 0, r.len, CM_SEAL_DISCARD), "cmseal");
	return r.at;
}

static char *closed(struct cookie_region r, int flags)
{
	cookie_must(cmclose(r.cookie, CM_CLOSE_UNMAP | flags), "cmclose");
	return r.at;
}

static char *aligned(void)
{
	struct cookie_region first = cookie_region(1, PROT_NONE, CM_RESERVE);
	char *at = (char *)(((uintptr_t)cookie_gap(2 * HUGE / ATTACK_PAGE) + HUGE - 1) & -HUGE);
	cm_t c;

	cookie_must(cmclose(first.cookie, CM_CLOSE_UNMAP), "cmclose");
	cookie_must(cmmmap(at + ATTACK_PAGE, PAGES * ATTACK_PAGE, ATTACK_RW, CM_EXACT, -1, 0, &c),
		    "CM_EXACT");
	return at + ATTACK_PAGE;
}

static char *span(void)
{
	char *at = cookie_exact(1, ATTACK_RW, 0).at - ATTACK_PAGE;

	if (mprotect(at, ATTACK_PAGE, ATTACK_RW))
		attack_broken("span");
	return at;
}

static struct seal_target of_empty(const char *name)
{
	if (attack_is(name, "reserve"))
		return empty(cookie_region(PAGES, PROT_NONE, CM_RESERVE).at);
	if (attack_is(name, "hole"))
		return empty(hole());
	if (attack_is(name, "gone"))
		return empty(closed(cookie_region(PAGES, ATTACK_RW, 0), 0));
	if (attack_is(name, "held"))
		return empty(closed(cookie_exact(PAGES, ATTACK_RW, 0), 0));
	if (attack_is(name, "noreuse"))
		return empty(closed(cookie_region(PAGES, ATTACK_RW, 0), CM_NOREUSE));
	attack_broken("target");
}

struct seal_target seal_find(const char *name, const char *library)
{
	if (attack_is(name, "anon"))
		return filled(cookie_region(PAGES, ATTACK_RW, 0).at);
	if (attack_is(name, "shared"))
		return filled(cookie_region(PAGES, ATTACK_RW, MAP_SHARED).at);
	if (attack_is(name, "exact"))
		return filled(cookie_exact(PAGES, ATTACK_RW, 0).at);
	if (attack_is(name, "alias"))
		return filled(cookie_region(PAGES, ATTACK_RW, CM_ALIAS).at);
	if (attack_is(name, "file"))
		return filled(file());
	if (attack_is(name, "view"))
		return (struct seal_target){view(), PAGES * ATTACK_PAGE, false};
	if (attack_is(name, "discard"))
		return filled(discard());
	if (attack_is(name, "aligned"))
		return filled(aligned());
	if (attack_is(name, "span"))
		return filled(span());
	if (attack_is(name, "plain"))
		return filled(mmap(NULL, PAGES * ATTACK_PAGE, ATTACK_RW, ATTACK_ANON, -1, 0));
	return of_empty(name);
}
