/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What attacks on cookies have in common: a region, its memory, and how calls that an attack cannot
 * do without are made. They are linked with libcookiemap, which alone holds a program to its
 * cookies only; under cookiemap the interposer serves them, and holds the rest to them as well.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "include/cookiemap.h"
#include "tests/escape/attack.h"

struct cookie_region {
	cm_t cookie;
	char *at;
	size_t len;
};

/* A call that gets an attack ready. */
static inline void cookie_must(int r, const char *step)
{
	if (r)
		attack_broken(step);
}

/* A call that the attack is made of. */
static inline void cookie_try(int r, const char *step)
{
	if (r)
		attack_refused(step);
}

static inline char *cookie_pointer(cm_t cookie)
{
	void *p;

	cookie_must(cmgetptr(cookie, &p), "cmgetptr");
	return p;
}

/* A region of `pages` with these rights, of anonymous memory if nothing else is said. */
static inline struct cookie_region cookie_region(size_t pages, int prot, int flags)
{
	struct cookie_region r = {.len = pages * ATTACK_PAGE};

	cookie_must(cmmmap(0, r.len, prot, flags, -1, 0, &r.cookie), "cmmmap");
	r.at = cookie_pointer(r.cookie);
	return r;
}

/* Addresses of this many pages that were nobody's a moment ago, between some that stay so. */
static inline char *cookie_gap(size_t pages)
{
	size_t len = (pages + 2) * ATTACK_PAGE;
	char *p = mmap(NULL, len, PROT_NONE, ATTACK_ANON, -1, 0);

	if (p == MAP_FAILED || munmap(p + ATTACK_PAGE, len - 2 * ATTACK_PAGE))
		attack_broken("gap");
	return p + ATTACK_PAGE;
}

/* The same, where the program wishes it: not of the area that regions are from by themselves. */
static inline struct cookie_region cookie_exact(size_t pages, int prot, int flags)
{
	struct cookie_region first =
		cookie_region(1, PROT_NONE, CM_RESERVE); /* has made the tables */
	struct cookie_region r = {.at = cookie_gap(pages), .len = pages * ATTACK_PAGE};

	cookie_must(cmclose(first.cookie, CM_CLOSE_UNMAP), "cmclose");
	cookie_must(cmmmap(r.at, r.len, prot, flags | CM_EXACT, -1, 0, &r.cookie), "CM_EXACT");
	return r;
}

/* cookie_inside.c: in the middle of a call that is made by a cookie */
void cookie_inside(void (*attack)(void));
void cookie_beside(void (*attack)(void));
