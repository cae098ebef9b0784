/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include "common/call.h"
#include "common/seal.h"

/*
 * What calls of the mmap family do, one row each: registers, and the deeds that common/seal.c must
 * find in them. Sixteen pages at BASE are what most are about. Most are made as well, on the kernel
 * that runs: what it then does to these pages must lie within the deeds.
 *
 * Source: Linux 6.18 mm/mmap.c, mm/vma.c, mm/mprotect.c, mm/mremap.c, mm/madvise.c, ipc/shm.c.
 */

#define BASE    0x200000000000ull
#define N_PAGES 16
#define P       CM_PAGE
#define AT(n)   (BASE + (n)*P)
#define MAX     UINT64_MAX
#define TOP     (1ull << 56) /* where range_init() has addresses end */

enum tried {
	PURE, /* not made here */
	TRY,  /* made; may fail or have no effect that shows */
	DOES, /* made, and must have an effect, or the row says nothing */
};

/* What the sixteen pages are. */
enum scene {
	ANON,
	SHARED,
	STACK,    /* the upper eight grow down */
	ATTACHED, /* page 4 is a System V segment */
	SEGMENT,  /* args[0] is a segment of four pages, not attached */
};

struct row {
	const char *name;
	long nr;
	uint64_t args[6];
	enum tried tried;
	enum scene scene;
	struct seal_deed deed[SEAL_DEEDS]; /* .seal 0: none */
};

#define UNMAP(from, to)                   \
	{                                 \
		{from, to}, SEAL_UNMAP, 0 \
	}
#define REPLACE(from, to)                   \
	{                                   \
		{from, to}, SEAL_REPLACE, 0 \
	}
#define MOVE(from, to)                   \
	{                                \
		{from, to}, SEAL_MOVE, 0 \
	}
#define DISCARD(from, to)                   \
	{                                   \
		{from, to}, SEAL_DISCARD, 0 \
	}
#define PROT(from, to, prot)                \
	{                                   \
		{from, to}, SEAL_PROT, prot \
	}

#define RW    (PROT_READ | PROT_WRITE)
#define MINE  (MAP_PRIVATE | MAP_ANONYMOUS)
#define FIXED (MINE | MAP_FIXED)
#define HUGE  0x40000ull             /* MAP_HUGETLB */
#define HUGES (HUGE | MAP_NORESERVE) /* works where no huge page is reserved */
#define MOVES MREMAP_MAYMOVE
#define ONTO  (MREMAP_MAYMOVE | MREMAP_FIXED)
#define LEAVE (MREMAP_MAYMOVE | 4) /* MREMAP_DONTUNMAP */
#define JUNK  (1ull << 32)         /* beyond the int that the kernel reads */
#define DOWN  0x01000000           /* PROT_GROWSDOWN */
#define UP    0x02000000           /* PROT_GROWSUP */
#define REMAP 040000               /* SHM_REMAP */

/* clang-format off */
static const struct row rows[] = {
	{"munmap, a page", SYS_munmap, {AT(4), P}, DOES, ANON, {UNMAP(AT(4), AT(5))}},
	{"munmap, a byte", SYS_munmap, {AT(4), 1}, DOES, ANON, {UNMAP(AT(4), AT(5))}},
	{"munmap, a page and a byte", SYS_munmap, {AT(4), P + 1}, DOES, ANON, {UNMAP(AT(4), AT(6))}},
	{"munmap, beyond the end", SYS_munmap, {AT(14), 4 * P}, DOES, ANON, {UNMAP(AT(14), AT(18))}},
	{"munmap, nothing", SYS_munmap, {AT(4), 0}, TRY, ANON, {}},
	{"munmap, unaligned", SYS_munmap, {AT(4) + 1, P}, TRY, ANON, {}},
	{"munmap, length that wraps", SYS_munmap, {AT(4), MAX}, TRY, ANON, {}},
	{"munmap, end that wraps", SYS_munmap, {AT(4), -2 * P}, TRY, ANON, {}},
	{"munmap, the last page", SYS_munmap, {TOP - P, P}, PURE, ANON, {UNMAP(TOP - P, TOP)}},
	{"munmap, past the last page", SYS_munmap, {TOP, P}, TRY, ANON, {}},
	{"munmap, of everything", SYS_munmap, {0, TOP}, PURE, ANON, {UNMAP(0, TOP)}},

	{"mprotect, to read", SYS_mprotect, {AT(4), 2 * P, 1}, DOES, ANON, {PROT(AT(4), AT(6), 1)}},
	{"mprotect, to nothing", SYS_mprotect, {AT(4), 1, 0}, DOES, ANON, {PROT(AT(4), AT(5), 0)}},
	{"mprotect, to run", SYS_mprotect, {AT(4), P, 5}, DOES, ANON, {PROT(AT(4), AT(5), 5)}},
	{"mprotect, into a gap", SYS_mprotect, {AT(14), 4 * P, 1}, DOES, ANON,
		{PROT(AT(14), AT(18), 1)}},
	{"mprotect, PROT_SEM", SYS_mprotect, {AT(4), P, 1 | 8}, DOES, ANON, {PROT(AT(4), AT(5), 1)}},
	{"mprotect, junk", SYS_mprotect, {AT(4), P, JUNK | 1}, TRY, ANON, {PROT(AT(4), AT(5), 1)}},
	{"mprotect, nothing", SYS_mprotect, {AT(4), 0, 1}, TRY, ANON, {}},
	{"mprotect, unaligned", SYS_mprotect, {AT(4) + 1, P, 1}, TRY, ANON, {}},
	{"mprotect, end that wraps", SYS_mprotect, {AT(4), -2 * P, 1}, TRY, ANON, {}},
	{"mprotect, a stack down", SYS_mprotect, {AT(12), P, DOWN | 1}, DOES, STACK,
		{PROT(AT(12) - (1ull << 30), AT(13), 1)}},
	{"mprotect, a low stack down", SYS_mprotect, {P, P, DOWN | 1}, PURE, ANON, {PROT(0, 2 * P, 1)}},
	{"mprotect, nothing down", SYS_mprotect, {AT(12), 0, DOWN | 1}, TRY, STACK, {}},
	{"mprotect, a stack up", SYS_mprotect, {AT(12), P, UP | 1}, TRY, STACK,
		{PROT(AT(12), AT(13), 1)}},
	{"pkey_mprotect", SYS_pkey_mprotect, {AT(4), P, 1, MAX}, DOES, ANON, {PROT(AT(4), AT(5), 1)}},
	{"pkey_mprotect, no key", SYS_pkey_mprotect, {AT(4), P, 1, 99}, TRY, ANON,
		{PROT(AT(4), AT(5), 1)}},

	{"mmap, fixed", SYS_mmap, {AT(4), P, RW, FIXED, MAX}, DOES, ANON, {REPLACE(AT(4), AT(5))}},
	{"mmap, a byte", SYS_mmap, {AT(4), 1, RW, FIXED, MAX}, DOES, ANON, {REPLACE(AT(4), AT(5))}},
	{"mmap, shared", SYS_mmap, {AT(4), P, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, MAX}, DOES,
		ANON, {REPLACE(AT(4), AT(5))}},
	{"mmap, a hint", SYS_mmap, {AT(4), P, RW, MINE, MAX}, TRY, ANON, {}},
	{"mmap, no replacing", SYS_mmap, {AT(4), P, RW, MINE | MAP_FIXED_NOREPLACE, MAX}, TRY, ANON, {}},
	{"mmap, fixed, no replacing", SYS_mmap, {AT(4), P, RW, FIXED | MAP_FIXED_NOREPLACE, MAX}, TRY,
		ANON, {}},
	{"mmap, junk", SYS_mmap, {AT(4), P, RW, JUNK | FIXED, MAX}, DOES, ANON,
		{REPLACE(AT(4), AT(5))}},
	{"mmap, a stack", SYS_mmap, {AT(4), P, RW, FIXED | MAP_GROWSDOWN, MAX}, DOES, ANON,
		{REPLACE(AT(4), AT(5))}},
	{"mmap, unaligned", SYS_mmap, {AT(4) + 1, P, RW, FIXED, MAX}, TRY, ANON, {}},
	{"mmap, nothing", SYS_mmap, {AT(4), 0, RW, FIXED, MAX}, TRY, ANON, {}},
	{"mmap, length that wraps", SYS_mmap, {AT(4), MAX, RW, FIXED, MAX}, TRY, ANON, {}},
	{"mmap, huge", SYS_mmap, {AT(0), P, RW, FIXED | HUGES, MAX}, TRY, ANON,
		{REPLACE(BASE, BASE + (2ull << 20))}},
	{"mmap, of 2 MiB pages", SYS_mmap, {AT(0), 1, RW, FIXED | HUGES | 21ull << 26, MAX}, TRY, ANON,
		{REPLACE(BASE, BASE + (2ull << 20))}},
	{"mmap, of 1 GiB pages", SYS_mmap, {AT(0), 1, RW, FIXED | HUGES | 30ull << 26, MAX}, TRY, ANON,
		{REPLACE(BASE, BASE + (1ull << 30))}},
	{"mmap, of pages of 2^63", SYS_mmap, {AT(0), P, RW, FIXED | HUGES | 63ull << 26, MAX}, TRY, ANON,
		{}},
	{"mmap, of pages of 2", SYS_mmap, {AT(0), P, RW, FIXED | HUGES | 1ull << 26, MAX}, TRY, ANON,
		{REPLACE(AT(0), AT(1))}},

	{"mremap, growing", SYS_mremap, {AT(4), P, 2 * P, MOVES}, DOES, ANON, {MOVE(AT(4), AT(5))}},
	{"mremap, growing where it is", SYS_mremap, {AT(14), 2 * P, 3 * P, 0}, TRY, ANON,
		{MOVE(AT(14), AT(16))}},
	{"mremap, shrinking", SYS_mremap, {AT(4), 4 * P, P, 0}, DOES, ANON,
	 {MOVE(AT(4), AT(5)), UNMAP(AT(5), AT(8))}},
	{"mremap, to a byte", SYS_mremap, {AT(4), 4 * P, P + 1, MOVES}, DOES, ANON,
	 {MOVE(AT(4), AT(6)), UNMAP(AT(6), AT(8))}},
	{"mremap, of the same size", SYS_mremap, {AT(4), P + 1, 2 * P, MOVES}, TRY, ANON, {}},
	{"mremap, to nothing", SYS_mremap, {AT(4), P, 0, MOVES}, TRY, ANON, {}},
	{"mremap, unaligned", SYS_mremap, {AT(4) + 1, P, 2 * P, MOVES}, TRY, ANON, {}},
	{"mremap, onto", SYS_mremap, {AT(4), 2 * P, 2 * P, ONTO, AT(10)}, DOES, ANON,
		{MOVE(AT(4), AT(6)), REPLACE(AT(10), AT(12))}},
	{"mremap, shrinking onto", SYS_mremap, {AT(4), 4 * P, 2 * P, ONTO, AT(10)}, DOES, ANON,
		{MOVE(AT(4), AT(8)), REPLACE(AT(10), AT(12))}},
	{"mremap, growing onto", SYS_mremap, {AT(4), P, 2 * P + 1, ONTO, AT(10)}, DOES, ANON,
		{MOVE(AT(4), AT(5)), REPLACE(AT(10), AT(13))}},
	{"mremap, onto itself", SYS_mremap, {AT(4), 2 * P, 2 * P, ONTO, AT(5)}, TRY, ANON, {}},
	{"mremap, onto what is unaligned", SYS_mremap, {AT(4), P, P, ONTO, AT(10) + 1}, TRY, ANON, {}},
	{"mremap, onto without MAYMOVE", SYS_mremap, {AT(4), P, P, MREMAP_FIXED, AT(10)}, TRY, ANON, {}},
	{"mremap, a second view", SYS_mremap, {AT(4), 0, P, MOVES}, TRY, SHARED, {}},
	{"mremap, a second view onto", SYS_mremap, {AT(4), 0, 2 * P, ONTO, AT(10)}, DOES, SHARED,
		{REPLACE(AT(10), AT(12))}},
	{"mremap, length that wraps", SYS_mremap, {AT(4), MAX, P, MOVES}, TRY, ANON, {}},
	{"mremap, leaving", SYS_mremap, {AT(4), 2 * P, 2 * P, LEAVE}, DOES, ANON, {MOVE(AT(4), AT(6))}},
	{"mremap, leaving onto", SYS_mremap, {AT(4), P, P, LEAVE | ONTO, AT(10)}, DOES, ANON,
		{MOVE(AT(4), AT(5)), REPLACE(AT(10), AT(11))}},
	{"mremap, junk", SYS_mremap, {AT(4), P, P, JUNK | MOVES}, TRY, ANON, {}},
	{"madvise, DONTNEED", SYS_madvise, {AT(4), P, 4}, DOES, ANON, {DISCARD(AT(4), AT(5))}},
	{"madvise, a byte more", SYS_madvise, {AT(4), P + 1, 4}, DOES, ANON, {DISCARD(AT(4), AT(6))}},
	{"madvise, into a gap", SYS_madvise, {AT(14), 4 * P, 4}, DOES, ANON, {DISCARD(AT(14), AT(18))}},
	{"madvise, junk", SYS_madvise, {AT(4), P, JUNK | 4}, DOES, ANON, {DISCARD(AT(4), AT(5))}},
	{"madvise, nothing", SYS_madvise, {AT(4), 0, 4}, TRY, ANON, {}},
	{"madvise, unaligned", SYS_madvise, {AT(4) + 1, P, 4}, TRY, ANON, {}},
	{"madvise, end that wraps", SYS_madvise, {AT(4), -2 * P, 4}, TRY, ANON, {}},
	{"madvise, FREE", SYS_madvise, {AT(4), P, 8}, TRY, ANON, {DISCARD(AT(4), AT(5))}},
	{"madvise, REMOVE", SYS_madvise, {AT(4), P, 9}, DOES, SHARED, {DISCARD(AT(4), AT(5))}},
	{"madvise, DONTFORK", SYS_madvise, {AT(4), P, 10}, DOES, ANON, {DISCARD(AT(4), AT(5))}},
	{"madvise, WIPEONFORK", SYS_madvise, {AT(4), P, 18}, DOES, ANON, {DISCARD(AT(4), AT(5))}},
	{"madvise, DONTNEED_LOCKED", SYS_madvise, {AT(4), P, 24}, DOES, ANON, {DISCARD(AT(4), AT(5))}},
	{"madvise, GUARD_INSTALL", SYS_madvise, {AT(4), P, 102}, TRY, ANON, {DISCARD(AT(4), AT(5))}},
	/* Would take memory from the machine. */
	{"madvise, HWPOISON", SYS_madvise, {AT(4), P, 100}, PURE, ANON, {DISCARD(AT(4), AT(5))}},
	{"madvise, WILLNEED", SYS_madvise, {AT(4), P, 3}, TRY, ANON, {}},

	{"remap_file_pages", SYS_remap_file_pages, {AT(4), P, 0, 8, 0}, DOES, SHARED,
		{REPLACE(AT(4), AT(5))}},
	{"remap_file_pages, unaligned", SYS_remap_file_pages, {AT(4) + 5, P, 0, 8, 0}, DOES, SHARED,
		{REPLACE(AT(4), AT(5))}},
	{"remap_file_pages, a byte more", SYS_remap_file_pages, {AT(4), P + 1, 0, 8, 0}, DOES, SHARED,
		{REPLACE(AT(4), AT(6))}},
	{"remap_file_pages, nothing", SYS_remap_file_pages, {AT(4), 0, 0, 8, 0}, TRY, SHARED, {}},

	{"shmat, over", SYS_shmat, {0, AT(4), REMAP}, DOES, SEGMENT, {REPLACE(AT(4), TOP)}},
	{"shmat, over, rounded", SYS_shmat, {0, AT(4) + 5, REMAP | SHM_RND}, DOES, SEGMENT,
		{REPLACE(AT(4), TOP)}},
	{"shmat, junk", SYS_shmat, {0, AT(4), JUNK | REMAP}, DOES, SEGMENT, {REPLACE(AT(4), TOP)}},
	{"shmat, read only, over", SYS_shmat, {0, AT(4), REMAP | SHM_RDONLY}, DOES, SEGMENT,
		{REPLACE(AT(4), TOP)}},
	{"shmat, where there is something", SYS_shmat, {0, AT(4), 0}, TRY, SEGMENT, {}},
	{"shmat, over what is unaligned", SYS_shmat, {0, AT(4) + 5, REMAP}, TRY, SEGMENT, {}},
	{"shmat, anywhere", SYS_shmat, {0, 0, 0}, TRY, SEGMENT, {}},
	{"shmat, over anything", SYS_shmat, {0, 0, REMAP}, TRY, SEGMENT, {}},
	{"shmat, over the first page", SYS_shmat, {0, 5, REMAP | SHM_RND}, TRY, SEGMENT, {}},
	{"shmat, over what nobody has", SYS_shmat, {0, TOP, REMAP}, TRY, SEGMENT, {}},
	{"shmdt", SYS_shmdt, {AT(4)}, DOES, ATTACHED, {UNMAP(AT(4), AT(5))}},
	{"shmdt, unaligned", SYS_shmdt, {AT(4) + 1}, TRY, ATTACHED, {}},
	{"shmdt, of no segment", SYS_shmdt, {AT(8)}, TRY, ATTACHED, {UNMAP(AT(8), AT(9))}},

	{"mseal", SYS_mseal, {AT(4), P, 0}, TRY, ANON, {}},
	{"map_shadow_stack", SYS_map_shadow_stack, {AT(4), P, 0}, TRY, ANON, {}},
	{"brk", SYS_brk, {0}, TRY, ANON, {}},
	{"msync", SYS_msync, {AT(4), P, MS_INVALIDATE | MS_SYNC}, TRY, SHARED, {}},
	{"no call", -1, {AT(4), P}, TRY, ANON, {}},
};
/* clang-format on */
