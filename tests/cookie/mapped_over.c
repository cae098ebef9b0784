/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Under a policy that logs what is done to regions and views by address, and lets it be done: what
 * the program has mapped over a view, or where one was moved away from, is the program's, and no
 * later call by the cookie takes it. Alone nobody tells the library, which unmaps it.
 */

#define LEN   (4 * PAGE)
#define FIXED (MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)

static void own_at(void *at)
{
	if (mmap(at, LEN, RW, FIXED, -1, 0) != at)
		claims_broken("mmap");
	memset(at, 'o', LEN);
}

static bool is_own(const unsigned char *at)
{
	for (size_t i = 0; i < LEN; i += PAGE)
		if (!look_reads(at + i) || at[i] != 'o')
			return false;
	return true;
}

static unsigned char *view_of(cm_t c)
{
	void *p;

	if (cmgetcap(c, &p, R))
		claims_broken("cmgetcap");
	return p;
}

static int close_it(cm_t c)
{
	return cmclose(c, CM_CLOSE_UNMAP);
}

static int unmap_it(cm_t c)
{
	return cmunmap(c, 0, LEN);
}

static const struct {
	int (*call)(cm_t);
	const char *name;
} ends[] = {{close_it, "cmclose"}, {cmrevoke, "cmrevoke"}, {unmap_it, "cmunmap"}};

static void replaced(void)
{
	for (size_t i = 0; i < COUNT(ends); i++) {
		cm_t c = region_new(LEN, RW, CM_ALIAS);
		unsigned char *view = view_of(c);

		own_at(view);
		claim(!ends[i].call(c), "a view was mapped over: %s works", ends[i].name);
		claim(is_own(view) && look_writes(view), "what was mapped over the view stays");
	}
}

static void moved(void)
{
	for (size_t i = 0; i < COUNT(ends); i++) {
		cm_t c = region_new(LEN, RW, CM_ALIAS);
		unsigned char *view = view_of(c), *to;

		to = mmap(NULL, LEN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (mremap(view, LEN, LEN, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
			claims_broken("mremap");
		own_at(view);
		claim(!ends[i].call(c), "a view was moved away: %s works", ends[i].name);
		claim(is_own(view), "what is where it was stays");
	}
}

static void region_replaced(void)
{
	for (size_t i = 0; i < COUNT(ends); i++) {
		cm_t c = region_new(LEN, RW, 0);
		unsigned char *at = region_at(c);
		struct cm_stat st;

		own_at(at);
		claim(!cmstat(c, 0, &st) && st.kind == CM_KIND_LOST, "a region was mapped over");
		ends[i].call(c);
		claim(is_own(at), "%s leaves what is there", ends[i].name);
	}
}

int main(void)
{
	replaced();
	moved();
	region_replaced();
	return claims_end();
}
