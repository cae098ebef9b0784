/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model_mutant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/*
 * The library with one fault in it, whose name is in MODEL_MUTANT: so it is known that the model
 * finds such faults. The linker has these functions called in the place of the library's (--wrap),
 * whose sources are as they are. Without the variable nothing is changed.
 */

static const char *mutant;

__attribute__((constructor)) static void mutant_init(void)
{
	mutant = getenv("MODEL_MUTANT");
}

static bool is(const char *name)
{
	return mutant && !strcmp(mutant, name);
}

/* A part behind the region's end is taken for its last page. */
int __wrap_aim_range(struct aim *a, size_t offset, size_t len)
{
	int r = __real_aim_range(a, offset, len);

	if (r != -ERANGE || !is("range"))
		return r;
	a->range = (struct range){a->region.end - CM_PAGE, a->region.end};
	return 0;
}

/* What cmrestrict() has taken away is there again. */
int __wrap_aim_enter(struct aim *a, uint64_t caller, cm_t cookie, cm_ops_t op)
{
	return __real_aim_enter(a, caller, cookie, is("rights") && op != CM_OP_STAT ? 0 : op);
}

/* A cookie lives on when its region is closed. */
void __wrap_slot_free(struct cookies *c, uint32_t index)
{
	if (!is("stale"))
		__real_slot_free(c, index);
}

/* One of the three checks is left out. */
int __wrap_check_pieces(const struct aim *a, enum seal seal, int prot, unsigned checks)
{
	if (is("seals"))
		seal = 0;
	if (is("reserved"))
		checks &= ~(unsigned)CHECK_MAPPED;
	if (is("maximum"))
		checks &= ~(unsigned)CHECK_MAX;
	return __real_check_pieces(a, seal, prot, checks);
}

/* One of the seals is forgotten. */
void __wrap_pieces_seal(const struct aim *a, uint8_t seals)
{
	__real_pieces_seal(a, is("move") ? (uint8_t)(seals & ~CM_SEAL_MOVE) : seals);
}

/* What cmprotect() did is not remembered. */
void __wrap_pieces_protect(const struct aim *a, uint8_t prot)
{
	if (!is("protect"))
		__real_pieces_protect(a, prot);
}

/* What cmunmap() takes away stays in views. */
long __wrap_views_unmap(const struct aim *a, bool stale)
{
	return is("views") ? 0 : __real_views_unmap(a, stale);
}

/* What the kernel is not told. */
long __wrap_host_call(uint64_t caller, long nr, long a, long b, long c, long d, long e, long f)
{
	if (nr == SYS_mprotect && is("rights-of-memory"))
		return 0;
	if (nr == SYS_madvise && c == MADV_WIPEONFORK && is("wipe"))
		return 0;
	if (nr == SYS_madvise && c == MADV_DONTNEED && is("discard"))
		return 0;
	if (nr == SYS_munmap && is("close"))
		return 0;
	return __real_host_call(caller, nr, a, b, c, d, e, f);
}
