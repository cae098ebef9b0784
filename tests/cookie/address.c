/* SPDX-License-Identifier: BSD-2-Clause */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Sealing a region, or a view, by its address is refused: whoever has a pointer would take the
 * memory from who has the cookie. Afterwards the cookie is good for all it was. Alone the kernel's
 * mseal(2) seals what it is told.
 */

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

#define LEN (4 * PAGE)

static int kernels(void *at, size_t len)
{
	return (int)syscall(SYS_mseal, at, len, 0);
}

static int unserved(void)
{
	errno = ENOSYS;
	return -1;
}

static int some(void *at, size_t len)
{
	int (*fn)(void *, size_t, int) = dlsym(RTLD_DEFAULT, "cmsealrange");

	return fn ? fn(at, len, CM_SEAL_REPLACE | CM_SEAL_UNMAP) : unserved();
}

static int protection(void *at, size_t len)
{
	int (*fn)(void *, size_t, int) = dlsym(RTLD_DEFAULT, "cmsealrange");

	return fn ? fn(at, len, CM_SEAL_PROT) : unserved();
}

static int immutable(void *at, size_t len)
{
	int (*fn)(void *, size_t) = dlsym(RTLD_DEFAULT, "mimmutable");

	return fn ? fn(at, len) : unserved();
}

static const struct {
	int (*seal)(void *, size_t);
	const char *name;
} ways[] = {{kernels, "mseal"},
	    {some, "cmsealrange"},
	    {protection, "cmsealrange of PROT"},
	    {immutable, "mimmutable"}};

static bool is_refused(size_t way, void *at, size_t len)
{
	errno = 0;
	return ways[way].seal(at, len) == -1 && errno == EPERM;
}

static void refused(size_t way, int flags, const char *what)
{
	const char *name = ways[way].name;
	cm_t c = region_new(LEN, RW, flags);
	unsigned char *at = region_at(c);
	struct cm_stat st;

	at[0] = 7;
	claim(is_refused(way, at, PAGE), "%s of a page of %s", name, what);
	claim(is_refused(way, at, LEN), "%s of all of it", name);
	claim(is_refused(way, at + 3 * PAGE, PAGE), "%s of its last page", name);
	claim(at[0] == 7 && !cmstat(c, 0, &st) && !st.seals, "it is sealed against nothing");
	claim(!cmprotect(c, 0, LEN, R) && !cmprotect(c, 0, LEN, RW), "it can be protected");
	claim(!cmunmap(c, 0, PAGE) && !look_reads(at), "unmapped");
	claim(!cmclose(c, CM_CLOSE_UNMAP), "and closed");
}

static void view(size_t way)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	void *p;

	if (cmgetcap(c, &p, R))
		claims_broken("cmgetcap");
	claim(is_refused(way, p, LEN), "%s of a view", ways[way].name);
	claim(!cmclose(c, CM_CLOSE_UNMAP) && !look_reads(p), "it goes with its region");
}

/* What is nobody's region is the program's to seal, a region closed and kept among it. */
static void others(size_t way)
{
	void *own = mmap(NULL, LEN, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cm_t c = region_new(LEN, RW, 0);
	void *kept = region_at(c);

	if (own == MAP_FAILED || cmclose(c, 0))
		claims_broken("mmap");
	claim(!ways[way].seal(own, LEN) && munmap(own, LEN) == -1, "%s of its own memory works",
	      ways[way].name);
	claim(!ways[way].seal(kept, LEN), "and of memory that was a region");
}

int main(void)
{
	for (size_t i = 0; i < COUNT(ways); i++) {
		refused(i, 0, "a region");
		refused(i, CM_ALIAS, "a region of CM_ALIAS");
		view(i);
		/* that of PROT alone leaves munmap(2) be */
		if (ways[i].seal != protection)
			others(i);
	}
	return claims_end();
}
