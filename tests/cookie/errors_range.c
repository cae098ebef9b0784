/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/*
 * Errors of what is done to a range of a region: those that all share, by the table of calls.c, and
 * each function's own.
 */

#define LEN (8 * PAGE)

/* A range that is none, or is not the region's. */
static const struct {
	size_t offset, len;
	int error;
	const char *why;
} ranges[] = {
	{0, LEN, 0, "all of it"},
	{LEN - PAGE, PAGE, 0, "the last page"},
	{LEN - PAGE, 1, 0, "a byte of the last page"},
	{0, LEN - PAGE + 1, 0, "a byte of the last page, from the first"},
	{0, 0, EINVAL, "nothing"},
	{LEN, 0, EINVAL, "nothing, at the end"},
	{1, PAGE, EINVAL, "no page's offset"},
	{PAGE - 1, 1, EINVAL, "an offset within a page"},
	{LEN + 1, PAGE, EINVAL, "no page's offset, beyond the end"},
	{LEN, 1, ERANGE, "at the end"},
	{LEN, PAGE, ERANGE, "the page after the last"},
	{0, LEN + 1, ERANGE, "a byte more than all"},
	{LEN - PAGE, PAGE + 1, ERANGE, "a byte more than the last page"},
	{LEN - PAGE, 2 * PAGE, ERANGE, "the last page and the next"},
	{1ul << 46, PAGE, ERANGE, "far beyond the end"},
	{PAGE, -PAGE, ERANGE, "a length that wraps to the start"},
	{PAGE, SIZE_MAX, ERANGE, "a length that wraps in rounding"},
	{0, SIZE_MAX, ERANGE, "the longest"},
	{0, SIZE_MAX - PAGE + 2, ERANGE, "one that rounds to 0"},
	{-PAGE, PAGE, ERANGE, "the last page there is"},
	{-PAGE, 2 * PAGE, ERANGE, "over the last page there is, into the region"},
	{-(8 * PAGE), 16 * PAGE, ERANGE, "around the end of everything"},
};

static void shared_by_all(void)
{
	for (size_t i = 0; i < n_range_calls; i++) {
		const struct range_call *f = &range_calls[i];

		for (size_t k = 0; k < COUNT(ranges); k++) {
			cm_t c = region_new(LEN, RW, 0);
			int result, error;

			outs_reset();
			errno = 0;
			result = f->make(c, ranges[k].offset, ranges[k].len);
			error = result ? errno : 0;
			if (error)
				errors_seen(f->function, error);
			claim(error == ranges[k].error && (!error || outs_untouched()), "%s %s: %s",
			      f->function, errors_name(ranges[k].error), ranges[k].why);
			if (error != ranges[k].error)
				claim_note("  got %s", errors_name(error));
		}
	}
}

static void of_cmprotect(void)
{
	cm_t c = region_new(LEN, RW, 0), narrow = region_new(LEN, RW | PROT_MAX(RW), 0);
	cm_t down = region_new(LEN, RW, 0), sealed = region_new(LEN, RW, 0);
	cm_t reserved = region_new(LEN, RW, CM_RESERVE);

	WORKS(cmprotect(c, 0, LEN, PROT_NONE));
	WORKS(cmprotect(c, 0, LEN, RW));
	FAILS(cmprotect, EINVAL, cmprotect(c, 0, PAGE, 8));
	FAILS(cmprotect, EINVAL, cmprotect(c, 0, PAGE, RW | PROT_GROWSUP));
	FAILS(cmprotect, EINVAL, cmprotect(c, 0, PAGE, R | PROT_MAX(R)));
	FAILS(cmprotect, EINVAL, cmprotect(c, 0, PAGE, -1));
	FAILS(cmprotect, ENOTSUP, cmprotect(c, 0, PAGE, RWX));
	FAILS(cmprotect, ENOTSUP, cmprotect(c, 0, PAGE, PROT_WRITE | PROT_EXEC));
	FAILS(cmprotect, EACCES, cmprotect(narrow, 0, PAGE, RX));
	WORKS(cmprotect(narrow, 0, PAGE, R));
	WORKS(cmprotect(narrow, 0, PAGE, RW));
	FAILS(cmprotect, ENOMEM, cmprotect(reserved, 0, PAGE, R));
	if (cmunmap(c, 2 * PAGE, PAGE) || cmseal(sealed, PAGE, PAGE, CM_SEAL_PROT) ||
	    cmseal(down, PAGE, PAGE, CM_SEAL_DOWNGRADE))
		claims_broken("cmseal");
	FAILS(cmprotect, ENOMEM, cmprotect(c, PAGE, 2 * PAGE, R));
	WORKS(cmprotect(c, PAGE, PAGE, R));
	WORKS(cmprotect(sealed, 0, PAGE, R));
	FAILS(cmprotect, EPERM, cmprotect(sealed, 0, LEN, R));
	WORKS(cmprotect(down, 0, LEN, R));
	FAILS(cmprotect, EPERM, cmprotect(down, 0, LEN, RW));
	WORKS(cmprotect(down, 0, PAGE, RW));
	FAILS_AFTER(kernel_says(SYS_mprotect, ENOMEM), cmprotect, ENOMEM, cmprotect(c, 0, PAGE, R));
	FAILS_AFTER(kernel_says(SYS_mprotect, EACCES), cmprotect, EACCES, cmprotect(c, 0, PAGE, R));
}

static void of_cmunmap(void)
{
	cm_t c = region_new(LEN, RW, 0), reserved = region_new(LEN, RW, CM_RESERVE);
	cm_t sealed = region_new(LEN, RW, 0);

	WORKS(cmunmap(c, 0, PAGE));
	WORKS(cmunmap(c, 0, PAGE));
	WORKS(cmunmap(reserved, 0, LEN));
	if (cmseal(sealed, PAGE, PAGE, CM_SEAL_UNMAP))
		claims_broken("cmseal");
	FAILS(cmunmap, EPERM, cmunmap(sealed, 0, LEN));
	WORKS(cmunmap(sealed, 0, PAGE));
	FAILS_AFTER(kernel_says(SYS_mmap, ENOMEM), cmunmap, ENOMEM, cmunmap(c, PAGE, PAGE));
}

/* What discards content is refused where it is sealed against that, by whatever word. */
static void discards_of_cmadvise(void)
{
	static const int words[] = {MADV_DONTNEED, MADV_FREE, MADV_REMOVE, 24, 102};
	cm_t sealed = region_new(LEN, RW, 0), down = region_new(LEN, RW, 0);

	if (cmseal(sealed, PAGE, PAGE, CM_SEAL_DISCARD) ||
	    cmseal(down, PAGE, PAGE, CM_SEAL_DOWNGRADE))
		claims_broken("cmseal");
	for (size_t i = 0; i < COUNT(words); i++) {
		FAILS(cmadvise, EPERM, cmadvise(sealed, 0, LEN, words[i]));
		FAILS(cmadvise, EPERM, cmadvise(down, PAGE, 1, words[i]));
	}
	WORKS(cmadvise(sealed, 0, PAGE, MADV_DONTNEED));
	WORKS(cmadvise(sealed, 0, LEN, MADV_RANDOM));
	WORKS(cmadvise(down, 2 * PAGE, PAGE, MADV_DONTNEED));
}

static void of_cmadvise(void)
{
	cm_t c = region_new(LEN, RW, 0), reserved = region_new(LEN, RW, CM_RESERVE);
	int fd = file_new(1);
	cm_t file = region_of(fd, 4 * PAGE, RW, MAP_SHARED);
	cm_t private = region_of(fd, PAGE, RW, MAP_PRIVATE);

	WORKS(cmadvise(c, 0, LEN, MADV_DONTNEED));
	WORKS(cmadvise(file, 0, PAGE, MADV_REMOVE));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, LEN, 4711));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, LEN, -1));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, LEN, MADV_DONTFORK));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, LEN, MADV_DOFORK));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, LEN, MADV_WIPEONFORK));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, LEN, MADV_KEEPONFORK));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, LEN, MADV_REMOVE));
	FAILS(cmadvise, ENOMEM, cmadvise(reserved, 0, PAGE, MADV_NORMAL));
	if (cmunmap(c, 2 * PAGE, PAGE))
		claims_broken("cmunmap");
	FAILS(cmadvise, ENOMEM, cmadvise(c, 0, LEN, MADV_DONTNEED));
	FAILS(cmadvise, EACCES, cmadvise(private, 0, PAGE, MADV_REMOVE));
	FAILS(cmadvise, EFAULT, cmadvise(file, 2 * PAGE, PAGE, MADV_POPULATE_READ));
	FAILS_AFTER(kernel_says(SYS_madvise, EAGAIN), cmadvise, EAGAIN, cmadvise(c, 0, PAGE, 0));
	FAILS_AFTER(kernel_says(SYS_madvise, EBUSY), cmadvise, EBUSY, cmadvise(c, 0, PAGE, 0));
	FAILS_AFTER(kernel_says(SYS_madvise, EIO), cmadvise, EIO, cmadvise(c, 0, PAGE, 0));
	discards_of_cmadvise();
	close(fd);
}

static void of_cmsync(void)
{
	cm_t c = region_new(LEN, RW, 0), reserved = region_new(LEN, RW, CM_RESERVE);
	int fd = file_new(8);
	cm_t file = region_of(fd, LEN, RW, MAP_SHARED);

	WORKS(cmsync(file, 0, LEN, MS_SYNC | MS_INVALIDATE));
	FAILS(cmsync, EINVAL, cmsync(file, 0, LEN, MS_SYNC | MS_ASYNC));
	FAILS(cmsync, EINVAL, cmsync(file, 0, LEN, 64));
	FAILS(cmsync, ENOMEM, cmsync(reserved, 0, LEN, MS_SYNC));
	if (mlock(region_at(file) + PAGE, PAGE))
		claims_broken("mlock");
	FAILS(cmsync, EBUSY, cmsync(file, 0, LEN, MS_SYNC | MS_INVALIDATE));
	WORKS(cmsync(file, 0, LEN, MS_SYNC));
	FAILS_AFTER(kernel_says(SYS_msync, EIO), cmsync, EIO, cmsync(c, 0, LEN, MS_SYNC));
	close(fd);
}

static void of_cmincore(void)
{
	cm_t c = region_new(LEN, RW, 0), reserved = region_new(LEN, RW, CM_RESERVE);
	unsigned char *nowhere = region_at(reserved);

	WORKS(cmincore(c, 0, LEN, outs.vec));
	FAILS(cmincore, EFAULT, cmincore(c, 0, LEN, NULL));
	FAILS(cmincore, EFAULT, cmincore(c, 0, LEN, nowhere));
	FAILS(cmincore, ENOMEM, cmincore(reserved, 0, LEN, outs.vec));
	FAILS_AFTER(kernel_says(SYS_mincore, EAGAIN), cmincore, EAGAIN,
		    cmincore(c, 0, LEN, outs.vec));
}

static void of_cminherit(void)
{
	cm_t c = region_new(LEN, RW, 0), none = region_new(LEN, RW, 0);
	cm_t shared = region_new(LEN, RW, MAP_SHARED), reserved = region_new(LEN, RW, CM_RESERVE);
	cm_t sealed = region_new(LEN, RW, 0);
	int fd = file_new(8);
	cm_t file = region_of(fd, LEN, RW, MAP_PRIVATE);

	WORKS(cminherit(c, 0, PAGE, CM_INHERIT_ZERO));
	WORKS(cminherit(c, 0, PAGE, CM_INHERIT_COPY));
	FAILS(cminherit, EINVAL, cminherit(c, 0, PAGE, 4));
	FAILS(cminherit, EINVAL, cminherit(c, 0, PAGE, -1));
	FAILS(cminherit, EINVAL, cminherit(c, 0, LEN - PAGE, CM_INHERIT_NONE));
	FAILS(cminherit, EINVAL, cminherit(c, PAGE, LEN - PAGE, CM_INHERIT_NONE));
	FAILS(cminherit, ENOTSUP, cminherit(c, 0, PAGE, CM_INHERIT_SHARE));
	WORKS(cminherit(shared, 0, PAGE, CM_INHERIT_SHARE));
	FAILS(cminherit, ENOTSUP, cminherit(shared, 0, PAGE, CM_INHERIT_COPY));
	FAILS(cminherit, ENOTSUP, cminherit(shared, 0, PAGE, CM_INHERIT_ZERO));
	FAILS(cminherit, ENOTSUP, cminherit(file, 0, PAGE, CM_INHERIT_ZERO));
	FAILS(cminherit, ENOTSUP, cminherit(file, 0, PAGE, CM_INHERIT_SHARE));
	WORKS(cminherit(file, 0, PAGE, CM_INHERIT_COPY));
	FAILS(cminherit, ENOMEM, cminherit(reserved, 0, PAGE, CM_INHERIT_SHARE));
	FAILS(cminherit, ENOMEM, cminherit(reserved, 0, PAGE, CM_INHERIT_COPY));
	FAILS(cminherit, ENOMEM, cminherit(reserved, 0, PAGE, CM_INHERIT_ZERO));
	WORKS(cminherit(reserved, 0, LEN, CM_INHERIT_NONE));
	WORKS(cminherit(none, 0, LEN, CM_INHERIT_NONE));
	FAILS(cminherit, EINVAL, cminherit(none, 0, PAGE, CM_INHERIT_COPY));
	FAILS(cminherit, EINVAL, cminherit(none, 0, PAGE, CM_INHERIT_ZERO));
	WORKS(cminherit(none, 0, LEN, CM_INHERIT_COPY));
	WORKS(cminherit(none, 0, PAGE, CM_INHERIT_ZERO));
	if (cmseal(sealed, PAGE, PAGE, CM_SEAL_DISCARD))
		claims_broken("cmseal");
	FAILS(cminherit, EPERM, cminherit(sealed, 0, LEN, CM_INHERIT_NONE));
	FAILS(cminherit, EPERM, cminherit(sealed, 0, LEN, CM_INHERIT_ZERO));
	WORKS(cminherit(sealed, 0, LEN, CM_INHERIT_COPY));
	FAILS_AFTER(kernel_says(SYS_madvise, ENOMEM), cminherit, ENOMEM,
		    cminherit(c, 0, LEN, CM_INHERIT_ZERO));
	close(fd);
}

/* Every second page, which makes two pieces of each, until that fails. */
static int seal_pieces(cm_t c, size_t n_pages)
{
	int r = 0;

	for (size_t i = 0; i < n_pages && !r; i += 2)
		r = cmseal(c, i * PAGE, PAGE, CM_SEAL_MOVE);
	return r;
}

static void of_cmseal(void)
{
	cm_t c = region_new(LEN, RW, 0), reserved = region_new(LEN, RW, CM_RESERVE);
	cm_t large = region_new(1ul << 30, RW, CM_RESERVE);

	WORKS(cmseal(reserved, 0, LEN, CM_SEAL_REPLACE));
	WORKS(cmseal(c, 0, PAGE, CM_SEAL_MOVE));
	WORKS(cmseal(c, 0, PAGE, CM_SEAL_MOVE));
	FAILS(cmseal, EINVAL, cmseal(c, 0, PAGE, 0));
	FAILS(cmseal, EINVAL, cmseal(c, 0, PAGE, 0x40));
	FAILS(cmseal, EINVAL, cmseal(c, 0, PAGE, CM_SEAL_ALL | 0x100));
	FAILS(cmseal, EINVAL, cmseal(c, 0, PAGE, -1));
	FAILS_AFTER(kernel_says(SYS_mmap, ENOMEM), cmseal, ENOMEM, seal_pieces(large, 1ul << 18));
	WORKS(seal_pieces(large, 4096));
}

void errors_of_ranges(void)
{
	shared_by_all();
	of_cmprotect();
	of_cmunmap();
	of_cmadvise();
	of_cmsync();
	of_cmincore();
	of_cminherit();
	of_cmseal();
}
