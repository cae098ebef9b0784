/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/seal.h"

#include <sys/mman.h>
#include <sys/shm.h>
#include "common/call.h"

/*
 * What each call of the family does to which addresses, for seals: the one place where the kernel's
 * ways of replacing, moving and discarding memory are listed. Separate from both sides that ask:
 * the library holds it against what it has sealed, the supervisor against what it was told.
 *
 * Only what registers say is known. Where the kernel goes by more (the segment that
 * shmat(2) attaches, a stack's lower end), what could be reached is taken; the segment that
 * shmdt(2) detaches is known by its first page alone, and of a file of huge pages the length asked
 * for. process_madvise(2) has its ranges in memory: who asks has to take it for everything.
 *
 * Context: pure; anywhere.
 * Source: Linux 6.18 mm/mmap.c, mm/mremap.c, mm/mprotect.c, mm/madvise.c, ipc/shm.c; mseal(2).
 */

#define STACK_REACH     (1ull << 30)
#define PROT_GROWS_DOWN 0x01000000ull
#define USER_END        (1ull << 56)
#define HUGETLB         0x40000ull /* MAP_HUGETLB; the page's size is in the upper six bits */
#define HUGETLB_DEFAULT 21
#define SHM_REMAP_FLAG  040000
#define DONTUNMAP       4 /* MREMAP_DONTUNMAP, Linux 5.7 */

/*
 * Whether an advice of madvise(2) loses what the memory holds, here or in a fork child, or makes it
 * unreachable. Numbers, since Debian 12's headers lack some.
 */
bool seal_discards(uint64_t advice)
{
	switch ((uint32_t)advice) {
	case 4:   /* MADV_DONTNEED */
	case 8:   /* MADV_FREE */
	case 9:   /* MADV_REMOVE */
	case 10:  /* MADV_DONTFORK */
	case 18:  /* MADV_WIPEONFORK */
	case 24:  /* MADV_DONTNEED_LOCKED */
	case 100: /* MADV_HWPOISON */
	case 102: /* MADV_GUARD_INSTALL */
		return true;
	default:
		return false;
	}
}

static unsigned put(struct seal_deed *d, uint64_t addr, uint64_t len, enum seal seal)
{
	*d = (struct seal_deed){.seal = (uint8_t)seal};
	return range_init(&d->range, addr, len);
}

static unsigned of_mmap(const uint64_t a[6], struct seal_deed *d)
{
	uint64_t page, len = a[1];

	if (!(a[3] & MAP_FIXED) || a[3] & MAP_FIXED_NOREPLACE)
		return 0;
	if (a[3] & HUGETLB) {
		page = a[3] >> 26 & 0x3f;
		page = 1ull << (page ? page : HUGETLB_DEFAULT);
		len = (len + page - 1) & ~(page - 1);
	}
	return put(d, a[0], len, SEAL_REPLACE);
}

static unsigned of_protect(const uint64_t a[6], struct seal_deed *d)
{
	if (!put(d, a[0], a[1], SEAL_PROT))
		return 0;
	d->prot = a[2] & 7;
	if (a[2] & PROT_GROWS_DOWN)
		d->range.start -= d->range.start < STACK_REACH ? d->range.start : STACK_REACH;
	return 1;
}

/* Whether the kernel refuses a move by its registers alone (mm/mremap.c, check_mremap_params()). */
static bool is_invalid_move(const uint64_t a[6], uint64_t old, uint64_t new)
{
	struct range from, to;

	if (!new || a[3] & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED | DONTUNMAP))
		return true;
	if (!(a[3] & (MREMAP_FIXED | DONTUNMAP)))
		return false;
	if (!(a[3] & MREMAP_MAYMOVE) || (a[3] & DONTUNMAP && old != new))
		return true;
	return a[3] & MREMAP_FIXED && (!range_init(&to, a[4], new) ||
				       (range_init(&from, a[0], old) && range_overlaps(from, to)));
}

/* An old length of 0 makes a second view and leaves the first; the old range may only shrink at its
 * end, or else is moved, or may have to be. What is resized counts as moved. */
static unsigned of_mremap(const uint64_t a[6], struct seal_deed d[SEAL_DEEDS])
{
	uint64_t old = page_up(a[1]), new = page_up(a[2]);
	bool placed = a[3] & MREMAP_FIXED, goes = placed || a[3] & DONTUNMAP;
	unsigned n = 0;

	if (is_invalid_move(a, old, new))
		return 0;
	if (old && (goes || new > old)) {
		n += put(&d[n], a[0], old, SEAL_MOVE);
	} else if (new < old) {
		n += put(&d[n], a[0], new, SEAL_MOVE); /* what stays is resized */
		n += put(&d[n], a[0] + new, old - new, SEAL_UNMAP);
	}
	if (placed)
		n += put(&d[n], a[4], new, SEAL_REPLACE);
	return n;
}

static unsigned of_shmat(const uint64_t a[6], struct seal_deed *d)
{
	uint64_t at = a[2] & SHM_RND ? page_down(a[1]) : a[1];

	if (!at || !(a[2] & SHM_REMAP_FLAG) || at >= USER_END)
		return 0;
	return put(d, at, USER_END - at, SEAL_REPLACE);
}

/*
 * What a call does to mapped memory, if it succeeds, that a seal may forbid. nr and args are the
 * kernel's, unchecked; calls that the kernel refuses by their registers alone do nothing. A brk(2)
 * is not among them: what it takes away depends on where the break is.
 *
 * Context: pure; anywhere.
 * Return: how many deeds were written.
 */
unsigned seal_deeds(long nr, const uint64_t args[6], struct seal_deed deed[SEAL_DEEDS])
{
	switch (nr) {
	case SYS_mmap:
		return of_mmap(args, deed);
	case SYS_munmap:
		return put(deed, args[0], args[1], SEAL_UNMAP);
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		return of_protect(args, deed);
	case SYS_mremap:
		return of_mremap(args, deed);
	case SYS_madvise:
		return seal_discards(args[2]) ? put(deed, args[0], args[1], SEAL_DISCARD) : 0;
	case SYS_remap_file_pages:
		return put(deed, page_down(args[0]), args[1], SEAL_REPLACE);
	case SYS_shmat:
		return of_shmat(args, deed);
	case SYS_shmdt:
		return put(deed, args[0], CM_PAGE, SEAL_UNMAP);
	default:
		return 0;
	}
}
