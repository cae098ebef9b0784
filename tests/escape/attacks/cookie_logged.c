/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Changes a region past its cookie, and has the cookie do harm then:
 *
 *   cookie_logged WAY
 *
 *   unmap     a part unmapped, so that others get its addresses, whom cmclose(3) unmaps
 *   replace   a part replaced by memory of somebody else's, which all that is done by the cookie
 *             changes
 *   move      a part moved away; what is mapped there later is unmapped by cmclose
 *   protect   a part made inaccessible: cmstat(3) says that it can be written
 *   second    another mapping of its memory is left when it is revoked
 *
 * Where the first step is logged and made, the cookie must know of it.
 */

#include "tests/escape/attacks/cookie.h"

#define P ATTACK_PAGE

static struct cookie_region region;
static char *part; /* its second and third page */

/* Somebody else's two pages there, in whatever way they got there. */
static void fill_part(void)
{
	memset(part, 0x5a, 2 * P);
}

static void on_fault(int nr)
{
	attack_executed();
}

/* Whether they are still his. */
static void check_part(void)
{
	const volatile char *p = part;

	for (size_t i = 0; i < 2 * P; i += 256)
		if (p[i] != 0x5a)
			attack_executed();
}

static struct cm_stat stat_of(size_t index)
{
	struct cm_stat st;

	cookie_must(cmstat(region.cookie, index, &st), "cmstat");
	return st;
}

static void take_address(void)
{
	cookie_try(mmap(part, 2 * P, ATTACK_RW, ATTACK_ANON | MAP_FIXED_NOREPLACE, -1, 0) == part
			   ? 0
			   : -1,
		   "mmap");
	fill_part();
}

static void close_it(void)
{
	cookie_must(cmclose(region.cookie, CM_CLOSE_UNMAP), "cmclose");
	check_part();
	errno = EEXIST;
	attack_refused("cmclose");
}

/* The middle is a reservation of the region's own: known as such, and to be filled again. */
static void check_reserved(void)
{
	struct cm_stat st = stat_of(1);

	if (st.kind != CM_KIND_RESERVED || st.offset != P || st.len != 2 * P || st.prot)
		attack_broken("cmstat");
	cookie_must(cmsubmap(region.cookie, P, 2 * P, ATTACK_RW, 0, -1, 0), "cmsubmap");
	fill_part();
	if (stat_of(0).len != region.len)
		attack_broken("cmstat");
	cookie_must(cmclose(region.cookie, CM_CLOSE_UNMAP), "cmclose");
	if (msync(region.at, P, MS_ASYNC) == 0 || errno != ENOMEM)
		attack_broken("msync");
}

static void unmap(void)
{
	cookie_try(munmap(part, 2 * P), "munmap");
	if (mmap(part, 2 * P, ATTACK_RW, ATTACK_ANON | MAP_FIXED_NOREPLACE, -1, 0) != part) {
		check_reserved();
		errno = EEXIST;
		attack_refused("mmap");
	}
	fill_part();
	close_it();
}

static void replace(void)
{
	unsigned char vec[4];

	cookie_try(mmap(part, 2 * P, ATTACK_RW, ATTACK_ANON | MAP_FIXED, -1, 0) == part ? 0 : -1,
		   "replace");
	fill_part();
	cmprotect(region.cookie, 0, region.len, PROT_NONE);
	cmadvise(region.cookie, 0, region.len, MADV_DONTNEED);
	cmincore(region.cookie, 0, region.len, vec);
	cmsubmap(region.cookie, 0, region.len, ATTACK_RW, 0, -1, 0);
	cmsubmap(region.cookie, P, P, PROT_NONE, 0, -1, 0);
	cmunmap(region.cookie, 2 * P, P);
	check_part();
	if (stat_of(1).kind != CM_KIND_LOST)
		attack_broken("cmstat");
	close_it();
}

static void move(void)
{
	cookie_try(mremap(part, 2 * P, 2 * P, MREMAP_MAYMOVE | MREMAP_FIXED, cookie_gap(2)) ==
				   MAP_FAILED
			   ? -1
			   : 0,
		   "mremap");
	take_address();
	close_it();
}

static void protect(void)
{
	cookie_try(mprotect(part, 2 * P, PROT_NONE), "mprotect");
	if (stat_of(0).len != P)
		attack_executed();
	if (stat_of(1).prot != PROT_NONE || stat_of(1).len != 2 * P)
		attack_broken("cmstat");
	cookie_must(cmprotect(region.cookie, 0, region.len, ATTACK_RW), "cmprotect");
	fill_part();
	errno = EEXIST;
	attack_refused("cmstat");
}

static void second(void)
{
	struct cookie_region r = cookie_region(2, ATTACK_RW, MAP_SHARED);
	char *p = mremap(r.at, 0, r.len, MREMAP_MAYMOVE);

	cookie_try(p == MAP_FAILED ? -1 : 0, "mremap");
	cookie_must(cmrevoke(r.cookie), "cmrevoke");
	cookie_try(msync(p, r.len, MS_ASYNC), "msync");
	attack_executed();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} ways[] = {{"unmap", unmap},
		    {"replace", replace},
		    {"move", move},
		    {"protect", protect},
		    {"second", second}};

	if (argc != 2)
		attack_broken("usage");
	region = attack_is(argv[1], "move") ? cookie_exact(4, ATTACK_RW, 0)
					    : cookie_region(4, ATTACK_RW, 0);
	part = region.at + P;
	signal(SIGSEGV, on_fault);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (attack_is(argv[1], ways[i].name))
			ways[i].fn();
	attack_broken("way");
}
