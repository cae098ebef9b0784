/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/*
 * Errors of cookies themselves: values that are none, rights that were given up, and what the calls
 * that take no range have of their own. And which error comes first where there are several.
 */

#define LEN CALL_BYTES

/* The call on this value fails like that, and writes nothing. */
static bool is_refused(const struct call *f, cm_t c, int want)
{
	outs_reset();
	errno = 0;
	if (f->make(c) != -1 || errno != want || !outs_untouched()) {
		claim_note("  %s: got %s", f->function, errors_name(errno));
		return false;
	}
	errors_seen(f->function, want);
	return true;
}

static cm_t closed(int flags)
{
	cm_t c = region_new(LEN, RW, 0);

	if (cmclose(c, flags))
		claims_broken("cmclose");
	return c;
}

/* Values next to a live one, and stale ones whose slot lives again. */
static void forged(const struct call *f)
{
	cm_t live = region_new(LEN, RW, 0), kept = closed(0), gone = closed(CM_CLOSE_UNMAP);
	cm_t revoked = region_new(LEN, RW, 0);
	unsigned n = 0;

	if (cmrevoke(revoked))
		claims_broken("cmrevoke");
	for (unsigned bit = 0; bit < 64; bit++)
		n += is_refused(f, live ^ 1ull << bit, EBADF);
	for (cm_t small = 0; small < 64; small++)
		n += is_refused(f, small, EBADF);
	n += is_refused(f, ~live, EBADF) + is_refused(f, ~0ull, EBADF);
	n += is_refused(f, (uintptr_t)region_at(live), EBADF);
	claim(n == 64 + 64 + 3, "%s EBADF: forged", f->function);
	claim(is_refused(f, kept, EBADF), "%s EBADF: closed", f->function);
	claim(is_refused(f, gone, EBADF), "%s EBADF: closed and unmapped", f->function);
	claim(is_refused(f, revoked, EBADF), "%s EBADF: revoked", f->function);
	for (unsigned i = 0; i < 8; i++)
		region_new(LEN, RW, 0);
	claim(is_refused(f, gone, EBADF), "%s EBADF: closed, and others made", f->function);
	claim(!f->make(live), "works: %s of a live one", f->function);
}

/* In a process that has made none; before the first of this one, too. */
static int with_none(void *with)
{
	int n = 0;

	for (size_t i = 0; i < n_calls; i++)
		n += is_refused(&calls[i], 0x123456789abcdef0, EBADF) &&
		     is_refused(&calls[i], 0, EBADF);
	return n;
}

static void without_right(const struct call *f)
{
	cm_t all = region_new(LEN, RW, 0), but = region_new(LEN, RW, 0);

	if (!f->op)
		return;
	if (cmrestrict(all, CM_OP_ALL, NULL) || cmrestrict(but, ~f->op, NULL))
		claims_broken("cmrestrict");
	claim(is_refused(f, but, EPERM), "%s EPERM: given up", f->function);
	claim(!f->make(all), "works: %s with all rights", f->function);
}

static void of_cmclose(void)
{
	cm_t c = region_new(LEN, RW, 0), sealed = region_new(LEN, RW, 0);
	cm_t all = region_new(LEN, RW, CM_SEALED), down = region_new(LEN, RW, 0);

	FAILS(cmclose, EINVAL, cmclose(c, 4));
	FAILS(cmclose, EINVAL, cmclose(c, -1));
	FAILS(cmclose, EINVAL, cmclose(c, CM_NOREUSE));
	FAILS(cmclose, EINVAL, cmclose(c, CM_CLOSE_UNMAP | CM_SEALED));
	if (cmseal(sealed, PAGE, PAGE, CM_SEAL_UNMAP) || cmseal(down, 0, PAGE, CM_SEAL_DOWNGRADE))
		claims_broken("cmseal");
	FAILS(cmclose, EPERM, cmclose(sealed, CM_CLOSE_UNMAP));
	FAILS(cmrevoke, EPERM, cmrevoke(sealed));
	FAILS(cmclose, EPERM, cmclose(all, CM_CLOSE_UNMAP | CM_NOREUSE));
	FAILS(cmrevoke, EPERM, cmrevoke(all));
	WORKS(cmprotect(sealed, 0, PAGE, R));
	WORKS(cmstat(sealed, 0, &outs.stat));
	WORKS(cmclose(down, CM_CLOSE_UNMAP));
	WORKS(cmclose(sealed, 0));
	WORKS(cmclose(c, CM_CLOSE_UNMAP | CM_NOREUSE));
	FAILS(cmclose, EBADF, cmclose(c, CM_CLOSE_UNMAP | CM_NOREUSE));
}

/* Of a region that the kernel cannot take away, it is said. */
static void lost_of_cmclose(void)
{
	cm_t c = region_new(LEN, RW, 0), other = region_new(LEN, RW, MAP_SHARED);

	FAILS_AFTER((kernel_says(SYS_mmap, ENOMEM), kernel_says(SYS_munmap, ENOMEM)), cmclose,
		    ENOMEM, cmclose(c, CM_CLOSE_UNMAP | CM_NOREUSE));
	FAILS_AFTER((kernel_says(SYS_mmap, ENOMEM), kernel_says(SYS_munmap, ENOMEM)), cmrevoke,
		    ENOMEM, cmrevoke(other));
}

static void of_cmstat(void)
{
	cm_t c = region_new(LEN, RW, 0);

	WORKS(cmstat(c, 0, &outs.stat));
	WORKS(cmstat(c, 0 | CM_STAT_RESIDENT, &outs.stat));
	FAILS(cmstat, EFAULT, cmstat(c, 0, NULL));
	FAILS(cmstat, EFAULT, cmstat(c, 1, NULL));
	FAILS(cmstat, ENOENT, cmstat(c, 1, &outs.stat));
	FAILS(cmstat, ENOENT, cmstat(c, 1 | CM_STAT_RESIDENT, &outs.stat));
	FAILS(cmstat, ENOENT, cmstat(c, SIZE_MAX, &outs.stat));
	FAILS(cmstat, ENOENT, cmstat(c, SIZE_MAX >> 1, &outs.stat));
	WORKS(cmunmap(c, PAGE, PAGE));
	WORKS(cmstat(c, 2, &outs.stat));
	FAILS(cmstat, ENOENT, cmstat(c, 3, &outs.stat));
}

static void of_cmrestrict(void)
{
	cm_t c = region_new(LEN, RW, 0);

	WORKS(cmrestrict(c, 0xffffffff, NULL));
	WORKS(cmrestrict(c, CM_OP_STAT, &outs.ops));
	claim(outs.ops == CM_OP_ALL, "all operations are kept until then");
	WORKS(cmrestrict(c, 0, &outs.ops));
	claim(outs.ops == CM_OP_STAT, "and one from then on");
	WORKS(cmrestrict(c, CM_OP_ALL, &outs.ops));
	claim(outs.ops == 0, "and none");
	FAILS(cmstat, EPERM, cmstat(c, 0, &outs.stat));
	FAILS(cmclose, EPERM, cmclose(c, 0));
}

static void few_descriptors(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_NOFILE, &none);
}

static void of_cmmemfd(void)
{
	static const char long_name[250] = {[0 ... 248] = 'x'};

	WORKS(cmmemfd("name", 0));
	WORKS(cmmemfd("name", CM_SHARE | MFD_CLOEXEC | MFD_ALLOW_SEALING));
	WORKS(cmmemfd(long_name + 5, 0));
	FAILS(cmmemfd, EFAULT, cmmemfd(NULL, 0));
	FAILS(cmmemfd, EFAULT, cmmemfd(NULL, CM_SHARE));
	FAILS(cmmemfd, EINVAL, cmmemfd("name", 0x40000));
	FAILS(cmmemfd, EINVAL, cmmemfd("name", CM_ALIAS | CM_SHARE | CM_EXACT));
	FAILS(cmmemfd, EINVAL, cmmemfd(long_name - 0, CM_SHARE));
	FAILS_AFTER(few_descriptors(), cmmemfd, EMFILE, cmmemfd("name", 0));
	FAILS_AFTER(kernel_says(SYS_memfd_create, ENFILE), cmmemfd, ENFILE, cmmemfd("name", 0));
	FAILS_AFTER(kernel_says(SYS_memfd_create, ENOMEM), cmmemfd, ENOMEM, cmmemfd("name", 0));
	FAILS_AFTER(kernel_says(SYS_memfd_create, EPERM), cmmemfd, EPERM, cmmemfd("name", 0));
}

void errors_of_cookies(void)
{
	claim(child_run(with_none, NULL) == (int)n_calls, "EBADF of all where there are few");
	for (size_t i = 0; i < n_calls; i++) {
		forged(&calls[i]);
		without_right(&calls[i]);
	}
	of_cmclose();
	lost_of_cmclose();
	of_cmstat();
	of_cmrestrict();
	of_cmmemfd();
}

/* cmgetptr(), cmgetcap(), cmandperm(). */
void errors_of_pointers(void)
{
	cm_t c = region_new(LEN, RW, 0), shared = region_new(LEN, RW, MAP_SHARED);
	cm_t alias = region_new(LEN, RW, CM_ALIAS), reserved = region_new(LEN, RW, CM_RESERVE);
	cm_t fixed = region_new(LEN, RW, CM_ALIAS), kept = region_new(LEN, R, CM_ALIAS);

	if (cmseal(fixed, PAGE, PAGE, CM_SEAL_MOVE) || cmseal(kept, 0, PAGE, CM_SEAL_DOWNGRADE))
		claims_broken("cmseal");
	FAILS(cmgetptr, EFAULT, cmgetptr(c, NULL));
	WORKS(cmgetptr(reserved, &outs.ptr));
	FAILS(cmgetcap, EFAULT, cmgetcap(c, NULL, RW));
	WORKS(cmgetcap(c, &outs.ptr, RW));
	FAILS(cmgetcap, EINVAL, cmgetcap(c, &outs.ptr, 0));
	FAILS(cmgetcap, EINVAL, cmgetcap(c, &outs.ptr, 8 | R));
	FAILS(cmgetcap, EINVAL, cmgetcap(c, &outs.ptr, -1));
	FAILS(cmgetcap, ENOTSUP, cmgetcap(alias, &outs.ptr, RWX));
	FAILS(cmgetcap, ENOTSUP, cmgetcap(alias, &outs.ptr, PROT_WRITE | PROT_EXEC));
	FAILS(cmgetcap, ENOTSUP, cmgetcap(c, &outs.ptr, R));
	FAILS(cmgetcap, ENOTSUP, cmgetcap(reserved, &outs.ptr, R));
	WORKS(cmgetcap(shared, &outs.ptr, R));
	WORKS(cmgetcap(alias, &outs.ptr, R));
	FAILS(cmgetcap, EPERM, cmgetcap(fixed, &outs.ptr, R));
	FAILS(cmgetcap, EPERM, cmgetcap(kept, &outs.ptr, RW));
	WORKS(cmgetcap(kept, &outs.ptr, R));
	FAILS_AFTER(kernel_says(SYS_mremap, ENOMEM), cmgetcap, ENOMEM,
		    cmgetcap(alias, &outs.ptr, PROT_WRITE));
	WORKS(cmandperm(alias, R, &outs.perms));
	claim(outs.perms == RWX, "cmgetcap() may hand out the maximum until then");
	FAILS(cmgetcap, EACCES, cmgetcap(alias, &outs.ptr, RW));
	WORKS(cmandperm(alias, RWX, &outs.perms));
	claim(outs.perms == R, "and what is left from then on");
	FAILS(cmgetcap, EACCES, cmgetcap(alias, &outs.ptr, RW));
	WORKS(cmandperm(c, -1, NULL));
	WORKS(cmandperm(c, 8, &outs.perms));
	claim(outs.perms == RWX, "and unknown bits leave nothing");
	FAILS(cmgetcap, EACCES, cmgetcap(c, &outs.ptr, R));
}

/* Each line adds a fault that is looked at before those of the line above it. */
void errors_of_order(void)
{
	cm_t none = 0, c = region_new(8 * PAGE, R | PROT_MAX(R), 0);
	cm_t less = region_new(8 * PAGE, R, 0), alias = region_new(8 * PAGE, RW, CM_ALIAS);

	if (cmrestrict(less, 0, NULL) || cmunmap(c, 0, PAGE) ||
	    cmseal(c, 2 * PAGE, PAGE, CM_SEAL_ALL))
		claims_broken("a region to begin with");
	FAILS(cmprotect, EACCES, cmprotect(c, PAGE, PAGE, RW));
	FAILS(cmprotect, ENOMEM, cmprotect(c, 0, PAGE, RW));
	FAILS(cmprotect, EPERM, cmprotect(c, 0, 8 * PAGE, RW));
	FAILS(cmprotect, ENOTSUP, cmprotect(c, 0, 8 * PAGE, RWX));
	FAILS(cmprotect, ERANGE, cmprotect(c, 0, 9 * PAGE, RWX));
	FAILS(cmprotect, EINVAL, cmprotect(c, 1, 9 * PAGE, RWX));
	FAILS(cmprotect, EINVAL, cmprotect(c, 0, 9 * PAGE, RWX | 8));
	FAILS(cmprotect, EPERM, cmprotect(less, 1, 9 * PAGE, RWX | 8));
	FAILS(cmprotect, EBADF, cmprotect(none, 1, 9 * PAGE, RWX | 8));
	FAILS(cmsubmap, EACCES, cmsubmap(c, 0, PAGE, RW, 0, 987, 0));
	FAILS(cmsubmap, EPERM, cmsubmap(c, 0, 8 * PAGE, RW, 0, 987, 0));
	FAILS(cmsubmap, ENOTSUP, cmsubmap(c, 0, 8 * PAGE, RWX, 0, 987, 0));
	FAILS(cmsubmap, ERANGE, cmsubmap(c, 0, 9 * PAGE, RWX, 0, 987, 0));
	FAILS(cmsubmap, EINVAL, cmsubmap(c, 1, 9 * PAGE, RWX, 0, 987, 0));
	FAILS(cmsubmap, EPERM, cmsubmap(less, 1, 9 * PAGE, RWX, 0, 987, 0));
	FAILS(cmsubmap, ERANGE, cmsubmap(alias, 0, 9 * PAGE, RW, 0, -1, 0));
	FAILS(cmunmap, EPERM, cmunmap(c, 0, 8 * PAGE));
	FAILS(cmunmap, ERANGE, cmunmap(c, 0, 9 * PAGE));
	FAILS(cmunmap, EINVAL, cmunmap(c, 0, 0));
	FAILS(cmunmap, EPERM, cmunmap(less, 1, 0));
	FAILS(cmadvise, ENOMEM, cmadvise(c, 0, 2 * PAGE, MADV_DONTNEED));
	FAILS(cmadvise, EPERM, cmadvise(c, 0, 8 * PAGE, MADV_DONTNEED));
	FAILS(cmadvise, ERANGE, cmadvise(c, 0, 9 * PAGE, MADV_DONTNEED));
	FAILS(cmadvise, EINVAL, cmadvise(c, 0, 9 * PAGE, MADV_DONTFORK));
	FAILS(cmincore, ENOMEM, cmincore(c, 0, 8 * PAGE, outs.vec));
	FAILS(cmincore, ERANGE, cmincore(c, 0, 9 * PAGE, outs.vec));
	FAILS(cmincore, EFAULT, cmincore(c, 0, 9 * PAGE, NULL));
	FAILS(cmgetptr, EPERM, cmgetptr(less, NULL));
	FAILS(cmgetptr, EBADF, cmgetptr(none, NULL));
	FAILS(cmgetcap, EPERM, cmgetcap(less, NULL, 0));
	FAILS(cmgetcap, EBADF, cmgetcap(none, NULL, 0));
	FAILS(cmstat, EPERM, cmstat(less, 9, NULL));
	FAILS(cmstat, EBADF, cmstat(none, 9, NULL));
	FAILS(cmclose, EPERM, cmclose(less, -1));
	FAILS(cmclose, EBADF, cmclose(none, -1));
	FAILS(cmsubmapreq, EPERM, cmsubmapreq(less, NULL));
	FAILS(cmsubmapreq, EBADF, cmsubmapreq(none, NULL));
}
