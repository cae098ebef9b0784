/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Every function that takes an offset and a length, with every pair of those that lie about the
 * edges of a page, of the region and of all addresses:
 *
 *   cookie_offset cookie|pointer
 *
 * What is on both sides of the region must keep what it holds, and a call must not succeed that
 * is not all inside. `pointer`: the same on plain memory, with the address plus the offset.
 */

#include "tests/escape/attacks/cookie.h"

#define P     ATTACK_PAGE
#define PAGES 4ul
#define LEN   (PAGES * P)

static struct cookie_region region;
static bool cookies;

static const size_t edges[] = {
	0,
	1,
	8,
	P - 1,
	P,
	P + 1,
	2 * P,
	LEN - P - 1,
	LEN - P,
	LEN - P + 1,
	LEN - 1,
	LEN,
	LEN + 1,
	LEN + P,
	2 * LEN,
	1ul << 30,
	1ul << 32,
	(1ul << 32) + P,
	1ul << 46,
	1ul << 47,
	1ul << 63,
	(1ul << 63) + P,
	(1ul << 63) - P,
	-2 * LEN,
	-LEN - P,
	-LEN,
	-LEN + P,
	-2 * P,
	-P - 1,
	-P,
	-P + 1,
	(size_t)-1,
};

/* ---- calls --------------------------------------------------------------------------------- */

static unsigned char vec[1024];

static int submap(size_t offset, size_t len)
{
	return cmsubmap(region.cookie, offset, len, ATTACK_RW, 0, -1, 0);
}

static int submap_request(size_t offset, size_t len)
{
	struct cmreq req;

	CMREQ_INIT(&req, len, ATTACK_RW);
	CMREQ_SETMAPOFFSET(&req, offset);
	return cmsubmap(region.cookie, &req);
}

static int unmap(size_t offset, size_t len)
{
	return cmunmap(region.cookie, offset, len);
}

static int protect(size_t offset, size_t len)
{
	return cmprotect(region.cookie, offset, len, PROT_NONE);
}

static int discard(size_t offset, size_t len)
{
	return cmadvise(region.cookie, offset, len, MADV_DONTNEED);
}

static int sync_it(size_t offset, size_t len)
{
	return cmsync(region.cookie, offset, len, MS_INVALIDATE);
}

static int incore(size_t offset, size_t len)
{
	return cmincore(region.cookie, offset, len, vec);
}

static int inherit(size_t offset, size_t len)
{
	return cminherit(region.cookie, offset, len, CM_INHERIT_ZERO);
}

static int seal(size_t offset, size_t len)
{
	return cmseal(region.cookie, offset, len, CM_SEAL_MOVE);
}

static int plain_unmap(size_t offset, size_t len)
{
	return munmap(region.at + offset, len);
}

static int plain_discard(size_t offset, size_t len)
{
	return madvise(region.at + offset, len, MADV_DONTNEED);
}

static int plain_protect(size_t offset, size_t len)
{
	return mprotect(region.at + offset, len, PROT_NONE);
}

typedef int call_fn(size_t offset, size_t len);

static call_fn *const by_cookie[] = {submap,  submap_request, unmap,   protect, discard,
				     sync_it, incore,         inherit, seal,    NULL};
static call_fn *const by_pointer[] = {plain_discard, plain_protect, plain_unmap, NULL};

/* ---- what must stay ------------------------------------------------------------------------ */

/* Its neighbour's page is gone, or cannot be written any more. */
static void on_fault(int nr)
{
	attack_executed();
}

static void check_page(char *p)
{
	volatile char *v = p;

	if (v[0] != 0x5a || v[P / 2] != 0x5a || v[P - 1] != 0x5a)
		attack_executed();
	v[0] = 0x5a;
}

static bool is_inside(size_t offset, size_t len)
{
	return offset % P == 0 && len && offset < LEN && len <= LEN - offset;
}

/* A region between two pages, all filled. */
static void renew(void)
{
	cm_t old = region.cookie;
	char *p = mmap(NULL, LEN + 2 * P, PROT_NONE, ATTACK_ANON, -1, 0);

	if (old)
		cookie_must(cmclose(old, 0), "cmclose");
	if (p == MAP_FAILED || munmap(p + P, LEN))
		attack_broken("place");
	region = (struct cookie_region){.at = p + P, .len = LEN};
	if (cookies)
		cookie_must(cmmmap(p + P, LEN, ATTACK_RW, CM_EXACT, -1, 0, &region.cookie),
			    "cmmmap");
	else if (mmap(p + P, LEN, ATTACK_RW, ATTACK_ANON | MAP_FIXED_NOREPLACE, -1, 0) != p + P)
		attack_broken("mmap");
	if (mprotect(p, P, ATTACK_RW) || mprotect(p + P + LEN, P, ATTACK_RW))
		attack_broken("mprotect");
	memset(p, 0x5a, LEN + 2 * P);
}

static void try_pair(call_fn *fn, size_t offset, size_t len)
{
	int r = fn(offset, len);

	check_page(region.at - P);
	check_page(region.at + LEN);
	if (!r && !is_inside(offset, len))
		attack_executed();
	if (r && is_inside(offset, len))
		attack_broken("inside");
	if (!r && fn != sync_it && fn != incore)
		renew();
}

int main(int argc, char **argv)
{
	const size_t n = sizeof(edges) / sizeof(edges[0]);

	if (argc != 2)
		attack_broken("usage");
	cookies = attack_is(argv[1], "cookie");
	if (cookies)
		cmclose(cookie_region(1, PROT_READ, 0).cookie, CM_CLOSE_UNMAP);
	renew();
	signal(SIGSEGV, on_fault);
	for (call_fn *const *fn = cookies ? by_cookie : by_pointer; *fn; fn++)
		for (size_t i = 0; i < n * n; i++)
			try_pair(*fn, edges[i / n], edges[i % n]);
	errno = ERANGE;
	attack_refused("outside");
}
