/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/cookie/claims.h"

/*
 * Threads that map memory of their own beside others that open and close regions, also at addresses
 * that were anybody's a moment ago: none of what is the program's is taken for a region.
 */

#define SECONDS 3
#define LEN     (64 * PAGE)

static atomic_bool stop;
static atomic_ulong n_own, n_regions, n_exact, n_bad;

static bool use_own(size_t len)
{
	char *p = mmap(NULL, len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return false;
	p[0] = 1;
	return !mprotect(p, len, R) && !madvise(p, len, MADV_DONTNEED) && !munmap(p, len);
}

static void *own(void *seed)
{
	unsigned s = *(unsigned *)seed;

	for (; !stop; n_own++)
		n_bad += !use_own((rand_r(&s) % 64 + 1) * PAGE);
	return NULL;
}

static bool use_region(unsigned *seed)
{
	size_t len = (rand_r(seed) % 64 + 1) * PAGE;
	void *view;
	cm_t c;

	if (cmmmap(0, len, RW, rand_r(seed) % 2 ? CM_ALIAS : 0, -1, 0, &c))
		return false;
	*region_at(c) = 1;
	cmgetcap(c, &view, R); /* of memory that is not private */
	if (cmprotect(c, 0, len, R) || cmunmap(c, 0, PAGE))
		return false;
	return !(rand_r(seed) % 2 ? cmclose(c, CM_CLOSE_UNMAP) : cmrevoke(c));
}

static void *regions(void *seed)
{
	for (; !stop; n_regions++)
		n_bad += !use_region(seed);
	return NULL;
}

/* Where the next of others will be. */
static bool use_exact(unsigned *seed)
{
	char *p = mmap(NULL, LEN, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cm_t c;

	if (p == MAP_FAILED || munmap(p, LEN))
		return false;
	if (cmmmap(p, LEN, RW, rand_r(seed) % 2 ? CM_EXACT : 0, -1, 0, &c))
		return errno == EEXIST;
	p = (char *)region_at(c);
	p[0] = 1;
	return !p[PAGE] && !cmclose(c, CM_CLOSE_UNMAP);
}

static void *exact(void *seed)
{
	for (; !stop; n_exact++)
		n_bad += !use_exact(seed);
	return NULL;
}

int main(void)
{
	static void *(*const run[])(void *) = {own, own, regions, exact};
	unsigned seeds[COUNT(run)];
	pthread_t threads[COUNT(run)];

	deadline(60);
	for (size_t i = 0; i < COUNT(run); i++) {
		seeds[i] = (unsigned)i + 1;
		if (pthread_create(&threads[i], NULL, run[i], &seeds[i]))
			claims_broken("pthread_create");
	}
	sleep(SECONDS);
	stop = true;
	for (size_t i = 0; i < COUNT(run); i++)
		pthread_join(threads[i], NULL);
	claim_note("%lu of its own, %lu regions, %lu at an address", n_own, n_regions, n_exact);
	claim(n_own > 100, "threads map memory of their own");
	claim(n_regions > 100, "others open and close regions");
	claim(n_exact > 100, "or where anybody's memory may be");
	claim(!n_bad, "nobody is refused what is its own");
	return claims_end();
}
