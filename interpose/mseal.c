/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/mseal.h"

#include "include/cookiemap.h"
#include "interpose/cookies.h"
#include "interpose/mm.h"
#include "interpose/pages.h"
#include "interpose/seal.h"
#include "interpose/sealed.h"
#include "interpose/wrap.h"
#include "interpose/forbid.h"

/*
 * The names by which a program seals memory itself: mseal(2), for which libc has no function yet,
 * OpenBSD's mimmutable(2), and cmsealrange(3), which has them all. Where the kernel has no mseal,
 * what it would have sealed is kept by the wrappers and the supervisor.
 *
 * Context: anywhere.
 * Source: Linux 6.18 mm/mseal.c, mseal(2); OpenBSD mimmutable(2) and sys/uvm/uvm_map.c 1.346,
 * uvm_map_immutable().
 */

#define CALLER   __builtin_return_address(0)
#define USER_END ((1ull << 47) - CM_PAGE) /* of four levels of page tables */

/* Whether every page of a range is mapped: msync(2) says so, and writes nothing that would not be
 * written. */
bool mseal_is_mapped(struct range r)
{
	return !gate_call6(SYS_msync, (long)r.start, (long)range_len(r), MS_ASYNC, 0, 0, 0);
}

/* What the kernel would say to these arguments, before it looks at a mapping. Return: 1 with *rp
 * written: it would look. */
static int check_range(uint64_t addr, uint64_t len, struct range *rp)
{
	if (addr & (CM_PAGE - 1) || (len && !page_up(len)) || addr + page_up(len) < addr)
		return -EINVAL;
	*rp = (struct range){addr, addr + page_up(len)};
	return rp->start < rp->end;
}

/*
 * Seals by the library, all or nothing; `seals` of common/seal.h. Context: as the file.
 *
 * Return: 0; -EPERM: flip serves it; -ENOMEM: not all of it is mapped, or there is no memory to
 * remember it in.
 */
int mseal_range(struct range r, unsigned seals)
{
	bool kernel = (seals & SEAL_KERNEL) == SEAL_KERNEL && seal_is_possible();
	long error = 0;

	if (pages_any(r))
		return -EPERM; /* flip has to change what is served */
	if (kernel)
		error = gate_call6(SYS_mseal, (long)r.start, (long)range_len(r), 0, 0, 0, 0);
	else if (!mseal_is_mapped(r))
		error = -ENOMEM;
	if (error || (kernel && seals == SEAL_KERNEL))
		return (int)error;
	return sealed_add(r, seals, KEY_NONE);
}

/* Whether what cookies name may be sealed by its address. */
static bool may_seal(void *caller, struct range r)
{
	return !attention_is(ATTEND_COOKIES) || cookies_let_seal((uint64_t)caller, r);
}

/* mseal(2), by name or by number. Return: as the kernel's, -errno. */
long mseal_call(void *caller, bool direct, uint64_t addr, uint64_t len, uint64_t flags)
{
	struct range r;
	int error = check_range(addr, len, &r);

	if (error > 0 && !may_seal(caller, r))
		return -EPERM;
	if (!state()->gate || state()->kernel_seals)
		return mm_call6(caller, direct, SYS_mseal, (long)addr, (long)len, (long)flags, 0, 0,
				0);
	if (flags)
		return -EINVAL;
	return error > 0 ? mseal_range(r, SEAL_KERNEL) : error;
}

EXPORT int mseal(void *addr, size_t len, unsigned long flags)
{
	return (int)wrap_result(mseal_call(CALLER, false, (uint64_t)addr, len, flags));
}

EXPORT int cmsealrange(void *addr, size_t len, int seals)
{
	struct range r;
	int error = check_range((uint64_t)addr, len, &r);

	if (error < 0 || !seals || seals & ~SEAL_KNOWN)
		return (int)wrap_result(-EINVAL);
	if (!state()->gate)
		return (int)wrap_result(-ENOSYS);
	if (error && !may_seal(CALLER, r))
		return (int)wrap_result(-EPERM);
	return (int)wrap_result(error ? mseal_range(r, (unsigned)seals) : 0);
}

/*
 * Whether nothing at all is mapped in a range. A claim of it says so, EEXIST, before the kernel
 * minds that the claim is neither private nor shared (mm/mmap.c, do_mmap()), so nothing comes of
 * it. Beyond the address space there is nothing.
 */
bool mseal_is_unmapped(struct range r)
{
	long error = gate_call6(SYS_mmap, (long)r.start, (long)range_len(r), PROT_NONE,
				MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	return error == -EINVAL || (error == -ENOMEM && r.start >= USER_END);
}

/* Seals what is mapped of a range: all of it at once, or else of its halves. */
static int seal_mapped(struct range r)
{
	uint64_t half = page_down(range_len(r) / 2);
	int error = mseal_range(r, SEAL_ALL);

	if (error != -ENOMEM)
		return error;
	if (!half || mseal_is_unmapped(r))
		return 0;
	if (r.start < USER_END && r.end > USER_END)
		half = USER_END - r.start;
	error = seal_mapped((struct range){r.start, r.start + half});
	return error ? error : seal_mapped((struct range){r.start + half, r.end});
}

EXPORT int mimmutable(void *addr, size_t len)
{
	uint64_t start = page_down((uint64_t)addr), end;

	if (__builtin_add_overflow((uint64_t)addr, len, &end) || (end && !page_up(end)))
		return (int)wrap_result(-EINVAL);
	if (!state()->gate)
		return (int)wrap_result(-ENOSYS);
	end = page_up(end);
	if (start < end && !may_seal(CALLER, (struct range){start, end}))
		return (int)wrap_result(-EPERM);
	return (int)wrap_result(start < end ? seal_mapped((struct range){start, end}) : 0);
}

/* ---- the break ----------------------------------------------------------------------------- */

/* Whether seals and cookies let the break go down to an address. */
static bool may_go_down(void *caller, uint64_t to)
{
	uint64_t from = (uint64_t)gate_call6(SYS_brk, 0, 0, 0, 0, 0, 0);
	struct mm_call c = {.nr = SYS_munmap,
			    .arg = {page_up(to), page_up(from) - page_up(to)},
			    .caller = (uint64_t)caller};

	if (page_up(to) >= page_up(from))
		return true;
	return sealed_judge(&c) >= 0 && cookies_let_go(page_up(to), page_up(from));
}

/* libc keeps where it is, so the break is moved by libc. */
EXPORT int brk(void *addr)
{
	int (*next)(void *) = (int (*)(void *))state()->next[NEXT_brk];

	if (!next ||
	    (attention_is(ATTEND_SEALS | ATTEND_COOKIES) && !may_go_down(CALLER, (uint64_t)addr)))
		return (int)wrap_result(-ENOMEM);
	return next(addr);
}

EXPORT void *sbrk(intptr_t by)
{
	void *(*next)(intptr_t) = (void *(*)(intptr_t))state()->next[NEXT_sbrk];
	uint64_t now;

	if (next && by < 0 && attention_is(ATTEND_SEALS | ATTEND_COOKIES)) {
		now = (uint64_t)gate_call6(SYS_brk, 0, 0, 0, 0, 0, 0);
		if (!may_go_down(CALLER, now + (uint64_t)by))
			next = NULL;
	}
	return next ? next(by) : (void *)wrap_result(-ENOMEM);
}
