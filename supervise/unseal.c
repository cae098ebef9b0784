/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <sys/mman.h>
#include "common/call.h"
#include "common/kit.h"

/*
 * Seals end with their memory: what a call takes away that they do not forbid is forgotten, for
 * what will be mapped there is something else. Nobody tells whether a call succeeded, so this is
 * done before it is made, and only for calls of which the kernel has no reason to refuse them.
 *
 * A reason that is not seen here (a limit, a mapping that is sealed by the kernel alone) loses a
 * seal whose memory stays. Who can bring that about gains nothing: he may take that memory away and
 * put it, or a copy, back with any rights.
 *
 * What the library asks for is always believed: it says again what is sealed, where a call has
 * failed or has moved something.
 */

#define MAX_GROWTH_BYTES (1ull << 30) /* more may well not be had */
#define MAP_TYPE_MASK    15
#define PLAIN_FLAGS                                                                              \
	(MAP_TYPE_MASK | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK | MAP_DENYWRITE | \
	 MAP_EXECUTABLE)

static bool is_by_library(struct supervisor *s, struct proc *p, uint64_t ip)
{
	struct vma v;

	return kit_is_gate(s->gate, ip) || (image_module(s, p, ip, &v) && vma_is_library(&v));
}

/* Anonymous memory, with nothing about it that may not be had. */
static bool is_plain_map(const uint64_t a[6])
{
	unsigned type = a[3] & MAP_TYPE_MASK;

	return a[3] & MAP_ANONYMOUS && !(a[3] & ~(uint64_t)PLAIN_FLAGS) && !(a[2] & PROT_EXEC) &&
	       (type == MAP_PRIVATE || type == MAP_SHARED) && !(a[5] % CM_PAGE);
}

/* Whether a range lies within one mapping; *vp is that. */
static bool is_one_mapping(const struct proc *p, struct range r, struct vma *vp)
{
	return p->maps >= 0 && !vma_at(p->maps, r.start, vp) && range_contains(vp->range, r);
}

/* mremap(2) that puts one mapping, as long as it is, elsewhere; or lets it grow where there is no
 * room behind it. */
static bool is_plain_move(const struct supervisor *s, const struct proc *p, const uint64_t a[6])
{
	uint64_t old_bytes = page_up(a[1]), new_bytes = page_up(a[2]);
	struct range old, to;
	struct vma v;

	if (!range_init(&old, a[0], old_bytes) || !is_one_mapping(p, old, &v) ||
	    a[3] & ~(uint64_t)(MREMAP_MAYMOVE | MREMAP_FIXED) || !(a[3] & MREMAP_MAYMOVE))
		return false;
	if (a[3] & MREMAP_FIXED)
		return new_bytes == old_bytes && range_init(&to, a[4], new_bytes) &&
		       to.end <= s->user_end && !range_overlaps(old, to);
	return new_bytes > old_bytes && new_bytes - old_bytes <= MAX_GROWTH_BYTES &&
	       !vma_next(p->maps, old.end, VMA_ALL, &v) && v.range.start < a[0] + new_bytes;
}

/* Whether the kernel has no reason to refuse the call, as far as that can be seen. */
static bool will_be_made(const struct supervisor *s, const struct proc *p, const struct call *c)
{
	switch (c->nr) {
	case SYS_munmap:
		return true;
	case SYS_mmap:
		return is_plain_map(c->args);
	case SYS_mremap:
		return is_plain_move(s, p, c->args);
	default:
		return false;
	}
}

/*
 * Forgets what a call is going to take away. To be called when it is allowed, before it is made.
 * Others than the library must say exactly what they mean: of a range that is not sealed all
 * through, the rest may be what the kernel refuses the call for.
 */
void image_unseal(struct supervisor *s, struct proc *p, const struct call *c)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n =
		p->seals.n && !decide_is_foreign_arch(c) ? seal_deeds(c->nr, c->args, deed) : 0;
	bool library = n && is_by_library(s, p, c->ip);

	if (!n || !(library || will_be_made(s, p, c)))
		return;
	for (unsigned i = 0; i < n; i++)
		if (decide_takes_away(c, &deed[i]) &&
		    (library || seals_cover(&p->seals, deed[i].range)))
			seals_clear(&p->seals, &deed[i]);
}
