/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/cookie/claims.h"

/*
 * Calls of libc's functions that nobody would make, in a program with cookies: where no region is
 * touched, the answer is the kernel's. The rows are tried before there is a cookie and after, alone
 * and under cmrun, so each of them four times. What is refused in an area, as MAP_FIXED is, is not
 * among them; nor is what the policy refuses everywhere.
 */

enum where {
	OWN,     /* four pages of the program's, and then nothing */
	NOTHING, /* where nothing is mapped; once there is a cookie, where regions come from */
	ABSURD,  /* the address itself */
};

enum call {
	MMAP,
	MUNMAP,
	MPROTECT,
	PKEY_MPROTECT,
	MREMAP,
	MADVISE,
	SHMAT,
	SHMDT,
	MSYNC,
};

struct row {
	enum call call;
	enum where where;
	uint64_t at; /* added to it */
	uint64_t arg[4];
	int want; /* errno, or 0 */
};

#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED (ANON | MAP_FIXED)
#define TOP   (1ul << 47)

static const struct row rows[] = {
	{MMAP, OWN, 0, {0, RW, FIXED}, EINVAL},
	{MMAP, OWN, 1, {PAGE, RW, FIXED}, EINVAL},
	{MMAP, OWN, 0, {-1ul, RW, FIXED}, ENOMEM},
	{MMAP, OWN, 0, {PAGE, RW, MAP_ANONYMOUS | MAP_FIXED}, EINVAL},
	{MMAP, OWN, 0, {PAGE, RW, MAP_PRIVATE | MAP_FIXED}, EBADF},
	{MMAP, OWN, 0, {PAGE, RW, FIXED | MAP_FIXED_NOREPLACE}, EEXIST},
	{MMAP, ABSURD, -PAGE, {PAGE, RW, FIXED}, ENOMEM},
	{MMAP, ABSURD, TOP, {PAGE, RW, FIXED}, ENOMEM},
	{MMAP, ABSURD, 0, {0, RW, ANON}, EINVAL},
	{MMAP, ABSURD, 0, {2 * TOP, RW, ANON}, ENOMEM},
	{MMAP, NOTHING, 1, {PAGE, RW, FIXED}, EINVAL},
	{MMAP, NOTHING, 1, {PAGE, RW, ANON | MAP_FIXED_NOREPLACE}, EINVAL},
	{MMAP, NOTHING, 0, {2 * TOP, RW, ANON}, ENOMEM},
	{MUNMAP, OWN, 0, {0}, EINVAL},
	{MUNMAP, OWN, 1, {PAGE}, EINVAL},
	{MUNMAP, OWN, 0, {-1ul}, EINVAL},
	{MUNMAP, OWN, 4 * PAGE, {PAGE}, 0},
	{MUNMAP, NOTHING, 0, {PAGE}, 0},
	{MUNMAP, NOTHING, 0, {1}, 0},
	{MUNMAP, NOTHING, 0, {0}, EINVAL},
	{MUNMAP, NOTHING, 1, {PAGE}, EINVAL},
	{MUNMAP, NOTHING, 0, {TOP}, EINVAL},
	{MUNMAP, ABSURD, -PAGE, {PAGE}, EINVAL},
	{MUNMAP, ABSURD, TOP, {PAGE}, EINVAL},
	{MPROTECT, OWN, 0, {5 * PAGE, RW}, ENOMEM},
	{MPROTECT, NOTHING, 0, {PAGE, RW}, ENOMEM},
	{MPROTECT, NOTHING, 0, {0, RW}, 0},
	{MPROTECT, NOTHING, 1, {PAGE, RW}, EINVAL},
	{MPROTECT, NOTHING, 0, {PAGE, 0x100}, EINVAL},
	{MPROTECT, NOTHING, 0, {-1ul, RW}, ENOMEM},
	{MPROTECT, NOTHING, 0, {2 * TOP, RW}, ENOMEM},
	{PKEY_MPROTECT, NOTHING, 0, {PAGE, RW, 77}, EINVAL},
	{PKEY_MPROTECT, NOTHING, 0, {PAGE, RW, -1ul}, ENOMEM},
	{MREMAP, NOTHING, 0, {PAGE, 2 * PAGE, 0}, EFAULT},
	{MREMAP, NOTHING, 0, {0, PAGE, MREMAP_MAYMOVE}, EFAULT},
	{MREMAP, NOTHING, 0, {PAGE, 0, 0}, EINVAL},
	{MREMAP, NOTHING, 0, {PAGE, PAGE, 0xff}, EINVAL},
	{MREMAP, NOTHING, 1, {PAGE, PAGE, 0}, EINVAL},
	{MREMAP, NOTHING, 0, {2 * PAGE, PAGE, 0}, EFAULT},
	{MREMAP, NOTHING, 0, {PAGE, 1ul << 50, MREMAP_MAYMOVE}, EINVAL},
	{MREMAP, NOTHING, 0, {PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP}, EINVAL},
	{MREMAP, OWN, 0, {0, PAGE, 0}, EINVAL},
	{MREMAP, OWN, 0, {0, PAGE, MREMAP_MAYMOVE}, EINVAL},
	{MADVISE, NOTHING, 0, {PAGE, MADV_DONTNEED}, ENOMEM},
	{MADVISE, NOTHING, 0, {0, MADV_DONTNEED}, 0},
	{MADVISE, NOTHING, 1, {PAGE, MADV_DONTNEED}, EINVAL},
	{MADVISE, NOTHING, 0, {PAGE, 4711}, EINVAL},
	{MADVISE, NOTHING, 0, {PAGE, MADV_DONTFORK}, ENOMEM},
	{MADVISE, NOTHING, 0, {-1ul, MADV_FREE}, EINVAL},
	{MADVISE, OWN, 0, {5 * PAGE, MADV_DONTNEED}, ENOMEM},
	{MADVISE, OWN, 1, {PAGE, MADV_DONTFORK}, EINVAL},
	{SHMAT, ABSURD, 0, {0}, EINVAL},
	{SHMAT, ABSURD, 0, {SHM_REMAP}, EINVAL},
	{SHMAT, ABSURD, -PAGE, {0}, EINVAL},
	{SHMAT, NOTHING, 0, {0}, EINVAL},
	{SHMAT, NOTHING, 1, {0}, EINVAL},
	{SHMAT, NOTHING, 1, {SHM_RND}, EINVAL},
	{SHMDT, NOTHING, 0, {0}, EINVAL},
	{SHMDT, NOTHING, 1, {0}, EINVAL},
	{SHMDT, OWN, 0, {0}, EINVAL},
	{SHMDT, OWN, 1, {0}, EINVAL},
	{SHMDT, ABSURD, 0, {0}, EINVAL},
	{MSYNC, NOTHING, 0, {PAGE, 0x100}, EINVAL},
};

static long call(const struct row *r, char *at)
{
	const uint64_t *a = r->arg;

	switch (r->call) {
	case MMAP:
		return (long)mmap(at, a[0], (int)a[1], (int)a[2], -1, 0);
	case MUNMAP:
		return munmap(at, a[0]);
	case MPROTECT:
		return mprotect(at, a[0], (int)a[1]);
	case PKEY_MPROTECT:
		return pkey_mprotect(at, a[0], (int)a[1], (int)a[2]);
	case MREMAP:
		return (long)mremap(at, a[0], a[1], (int)a[2]);
	case MADVISE:
		return madvise(at, a[0], (int)a[1]);
	case SHMAT:
		return (long)shmat(-1, at, (int)a[0]);
	case SHMDT:
		return shmdt(at);
	case MSYNC:
		return msync(at, a[0], (int)a[1]);
	}
	return 0;
}

static char *own_new(void)
{
	char *own = mmap(NULL, 8 * PAGE, RW, ANON, -1, 0);

	if (own == MAP_FAILED || munmap(own + 4 * PAGE, 4 * PAGE))
		claims_broken("mmap");
	return own;
}

static void all(char *nothing, const char *when)
{
	static const char *const names[] = {"mmap",          "munmap", "mprotect",
					    "pkey_mprotect", "mremap", "madvise",
					    "shmat",         "shmdt",  "msync"};
	static const char *const places[] = {"own", "nothing", "absurd"};
	char *own = own_new();

	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *r = &rows[i];
		char *base = r->where == OWN ? own : r->where == NOTHING ? nothing : NULL;
		int error;

		errno = 0;
		error = call(r, base + r->at) == -1 ? errno : 0;
		claim(error == r->want, "%s, row %zu: %s(%s + %#lx, %#lx, %#lx, ...): %s", when, i,
		      names[r->call], places[r->where], r->at, r->arg[0], r->arg[1],
		      r->want ? strerrorname_np(r->want) : "done");
		if (error != r->want)
			claim_note("it is %s", error ? strerrorname_np(error) : "done");
	}
	claim(!memcmp(own, own + PAGE, PAGE) && !munmap(own, 4 * PAGE), "what is its own stays");
}

int main(void)
{
	char *hole = mmap(NULL, 1ul << 31, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	cm_t c;

	if (hole == MAP_FAILED || munmap(hole, 1ul << 30))
		claims_broken("mmap");
	all(hole + (1ul << 29), "no cookie");
	c = region_new(4 * PAGE, R, 0);
	all((char *)region_at(c) + (1ul << 30), "a cookie");
	claim(!cmclose(c, CM_CLOSE_UNMAP), "the region is there until it is closed");
	return claims_end();
}
