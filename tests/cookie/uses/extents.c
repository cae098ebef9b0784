/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * jemalloc's extents on a region, for LD_PRELOAD into a program that is linked with jemalloc: where
 * that would mmap(2), it gets what follows in a region of 64 GiB, by cmsubmap(3); what it has no
 * use for goes back to the reservation, by cmunmap(3), and comes again when it is used again.
 *
 * The hooks are those of jemalloc(3), "arena.<i>.extent_hooks", of version 5; they say true where
 * they do nothing. The program is to have one arena (MALLOC_CONF=narenas:1).
 */

#include <cookiemap.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define REGION_BYTES ((size_t)64 << 30)
#define RW           (PROT_READ | PROT_WRITE)

struct extent_hooks;

typedef bool part_hook(struct extent_hooks *hooks, void *extent, size_t len, size_t offset,
		       size_t bytes, unsigned arena);

struct extent_hooks {
	void *(*alloc)(struct extent_hooks *hooks, void *at, size_t len, size_t align, bool *zero,
		       bool *commit, unsigned arena);
	bool (*dalloc)(struct extent_hooks *hooks, void *extent, size_t len, bool committed,
		       unsigned arena);
	void (*destroy)(struct extent_hooks *hooks, void *extent, size_t len, bool committed,
			unsigned arena);
	part_hook *commit, *decommit, *purge_lazy, *purge_forced;
	bool (*split)(struct extent_hooks *hooks, void *extent, size_t len, size_t a, size_t b,
		      bool committed, unsigned arena);
	bool (*merge)(struct extent_hooks *hooks, void *a, size_t len_a, void *b, size_t len_b,
		      bool committed, unsigned arena);
};

extern int mallctl(const char *name, void *old, size_t *old_len, void *new, size_t new_len)
	__attribute__((weak));

static cm_t region;
static char *start;
static _Atomic size_t used;

static void *extent_alloc(struct extent_hooks *hooks, void *at, size_t len, size_t align,
			  bool *zero, bool *commit, unsigned arena)
{
	size_t old = used, offset;

	do { /* the region begins at no more than a page: what is aligned is the address */
		uintptr_t next = ((uintptr_t)start + old + align - 1) & ~(align - 1);

		offset = next - (uintptr_t)start;
		if ((at && at != (void *)next) || offset + len > REGION_BYTES)
			return NULL;
	} while (!atomic_compare_exchange_weak(&used, &old, offset + len));
	if (*commit && cmsubmap(region, offset, len, RW, 0, -1, 0))
		return NULL;
	*zero = true;
	return start + offset;
}

/* It is kept: to be decommitted, and used again. */
static bool extent_dalloc(struct extent_hooks *hooks, void *extent, size_t len, bool committed,
			  unsigned arena)
{
	return true;
}

static bool extent_decommit(struct extent_hooks *hooks, void *extent, size_t len, size_t offset,
			    size_t bytes, unsigned arena)
{
	return cmunmap(region, (size_t)((char *)extent - start) + offset, bytes);
}

static void extent_destroy(struct extent_hooks *hooks, void *extent, size_t len, bool committed,
			   unsigned arena)
{
	extent_decommit(hooks, extent, len, 0, len, arena);
}

static bool extent_commit(struct extent_hooks *hooks, void *extent, size_t len, size_t offset,
			  size_t bytes, unsigned arena)
{
	return cmsubmap(region, (size_t)((char *)extent - start) + offset, bytes, RW, 0, -1, 0);
}

static bool extent_purge(struct extent_hooks *hooks, void *extent, size_t len, size_t offset,
			 size_t bytes, unsigned arena)
{
	return cmadvise(region, (size_t)((char *)extent - start) + offset, bytes, MADV_DONTNEED);
}

static bool extent_split(struct extent_hooks *hooks, void *extent, size_t len, size_t a, size_t b,
			 bool committed, unsigned arena)
{
	return false;
}

static bool extent_merge(struct extent_hooks *hooks, void *a, size_t len_a, void *b, size_t len_b,
			 bool committed, unsigned arena)
{
	return false;
}

static struct extent_hooks hooks = {
	.alloc = extent_alloc,
	.dalloc = extent_dalloc,
	.destroy = extent_destroy,
	.commit = extent_commit,
	.decommit = extent_decommit,
	.purge_forced = extent_purge,
	.split = extent_split,
	.merge = extent_merge,
};

static __attribute__((constructor)) void take_over(void)
{
	struct extent_hooks *new = &hooks;
	void *at;

	if (!mallctl || cmmmap(0, REGION_BYTES, PROT_MAX(RW), CM_RESERVE, -1, 0, &region) ||
	    cmgetptr(region, &at)) {
		fputs("extents: no jemalloc, or no region\n", stderr);
		exit(1);
	}
	start = at;
	if (mallctl("arena.0.extent_hooks", NULL, NULL, &new, sizeof(new))) {
		fputs("extents: jemalloc does not take them\n", stderr);
		exit(1);
	}
}
