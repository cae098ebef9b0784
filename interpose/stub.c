/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/stub.h"

#include <sys/mman.h>
#include "interpose/late.h"
#include "interpose/mm.h"
#if defined(__x86_64__)
#include "interpose/arch/x86_64/callsite.h"
#else
#error "no way to read a call instruction on this architecture yet"
#endif
#include "interpose/forbid.h"

/*
 * The C side of the stubs: what a slot holds, and the calls that do not go straight to the gate.
 *
 * A call of libc's own is nobody's doing. One that a program makes of libc past the wrappers (bound
 * to it by RTLD_DEEPBIND or dlmopen(3), or looked up with dlsym(3)) comes by the same site, and is
 * told apart by its return address, where the site's function has pushed nothing.
 *
 * Context: anywhere libc maps memory: with malloc's lock held, on a thread's first or last breath.
 */

enum way { GATE, OWN_ENTRY, CODE };

#define X PROT_EXEC
#define W PROT_WRITE

/* Of a protection's lowest bits; the byte's other bits do not matter. */
#define WAY(prot) ((prot)&X ? (prot)&W ? CODE : OWN_ENTRY : GATE)
#define WAYS_8(p) \
	WAY(p), WAY(p + 1), WAY(p + 2), WAY(p + 3), WAY(p + 4), WAY(p + 5), WAY(p + 6), WAY(p + 7)
#define WAYS_64 \
	WAYS_8(0), WAYS_8(0), WAYS_8(0), WAYS_8(0), WAYS_8(0), WAYS_8(0), WAYS_8(0), WAYS_8(0)

static const uint8_t by_prot[256] = {WAYS_64, WAYS_64, WAYS_64, WAYS_64};
static const uint8_t to_gate[256];
static const uint8_t to_code[256] = {[0 ... 255] = CODE};
/* Advice that the filter lets pass at the gate; other may have to be asked for twice (EINTR). */
static const uint8_t by_advice[256] = {
	[MADV_DONTNEED + 1 ... MADV_FREE - 1] = CODE,
	[MADV_FREE + 1 ... MADV_HUGEPAGE - 1] = CODE,
	[MADV_NOHUGEPAGE + 1 ... 255] = CODE,
};

static const uint8_t *table_of(uint32_t nr)
{
	switch (nr) {
	case SYS_mmap:
	case SYS_mprotect:
	case SYS_pkey_mprotect:
		return by_prot;
	case SYS_madvise:
		return by_advice;
	case SYS_munmap:
	case SYS_mremap:
	case SYS_shmdt:
	case SYS_mseal:
		return to_gate;
	default:
		return to_code;
	}
}

/*
 * Fills a slot in. `looked_at`: policy has something to say to calls of the family, or what this
 * site does tells something.
 *
 * Context: the constructor.
 */
void stub_slot_set(struct stub_slot *s, uint64_t back, uint32_t nr, bool looked_at)
{
	*s = (struct stub_slot){
		.back = back, .nr = nr, .table = looked_at ? to_code : table_of(nr)};
}

/* Nearly every call is libc's own; what module that is need not be asked. */
static bool is_in_libc(uint64_t addr)
{
	for (unsigned i = 0; i < KIT_OBJECTS; i++)
		if (addr >= state()->libc[i].start && addr < state()->libc[i].end)
			return true;
	return false;
}

static bool is_after_call(uint64_t addr)
{
	const struct module *m = module_find(addr);

	return m && !m->name->libc && addr - m->range.start >= 8 &&
	       (callsite_is_indirect(addr) || callsite_target(addr));
}

/*
 * Who is to be asked about: the code that called libc's function, if it can be told; else the site
 * itself. Only where it can matter: a look-up of what was never seen costs some control calls.
 */
static uint64_t caller_of(const struct stub_slot *slot, const uint64_t *stack)
{
	bool bare = slot->nr == SYS_mmap || mm_is_protect(slot->nr); /* these push nothing */

	return bare && !is_in_libc(*stack) && is_after_call(*stack) ? *stack : slot->back;
}

/* Whether a site is where ld.so makes what it has relocated read-only: interpose/late.c. */
static bool tells_late(uint64_t back, uint32_t nr)
{
	const struct range *loader = &state()->libc[1];

	return nr == SYS_mprotect && back >= loader->start && back < loader->end &&
	       policy_tightest(&state()->policy, KEY_SEAL_LATE) != LATE_NEVER;
}

/*
 * One call of a site, entered from its stub: the arguments in the order of the kernel's, the site's
 * slot, and the stack as the site has it.
 *
 * Context: as the file; no vector registers, and errno stays as it is: libc's code sets it.
 * Return: what the kernel returned, -errno on failure.
 */
long stub_call(const uint64_t arg[6], const struct stub_slot *slot, const uint64_t *stack)
{
	bool asks = mm_grants_exec(slot->nr, (long)arg[2]);
	struct range range;
	long r;
	struct mm_call c = {
		.nr = slot->nr,
		.arg = {arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]},
		.caller = asks ? caller_of(slot, stack) : slot->back,
		.direct = true,
	};

	if (c.caller == slot->back)
		c.entry = kit_entry((unsigned)(slot - state()->slot));
	r = mm_ruled(&c);
	if (!r && tells_late(slot->back, slot->nr) && (arg[2] & 7) == PROT_READ &&
	    range_init(&range, arg[0], arg[1]))
		late_protected(range);
	return r;
}
