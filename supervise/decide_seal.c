/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/decide.h"

#include <sys/mman.h>
#include "common/call.h"
#include "common/control.h"

/*
 * What seals say to a call: the part of decide() that looks at the image's list. Pure, like the
 * rest of it.
 *
 * A list is short of nothing that it should hold but may hold more than there is: memory can have
 * gone in a call that nobody tells of. So the one thing that is asked of the mappings themselves is
 * what rights they have, for seals that let rights be taken away.
 */

#define DONTUNMAP 4 /* MREMAP_DONTUNMAP, Linux 5.7 */

static bool is_protect(const struct call *c)
{
	return c->nr == SYS_mprotect || c->nr == SYS_pkey_mprotect;
}

/* What the call does to which memory: where a segment replaces something, as much as it is long;
 * with PROT_GROWSDOWN down to where the mapping begins (mm/mprotect.c, do_mprotect_pkey()). */
static unsigned deeds_of(const struct call *c, const struct facts *f,
			 struct seal_deed deed[SEAL_DEEDS])
{
	unsigned n = seal_deeds(c->nr, c->args, deed);
	struct range r;

	if (c->nr == SYS_shmat && n && f->segment_bytes &&
	    range_init(&r, deed[0].range.start, f->segment_bytes))
		deed[0].range = r;
	if (is_protect(c) && n && f->n_vmas && f->vmas[0].range.start <= c->args[0] &&
	    f->vmas[0].range.start > deed[0].range.start)
		deed[0].range.start = f->vmas[0].range.start; /* of PROT_GROWSDOWN */
	return n;
}

/* On oneself: the kernel discards nothing in others (mm/madvise.c, process_madvise_remote_valid()),
 * but which of them a pidfd means is not known. */
static bool is_process_discard(const struct call *c)
{
	return c->nr == SYS_process_madvise && seal_discards(c->args[3]);
}

/* Whether there are seals that could forbid this call. */
bool decide_can_be_sealed(const struct call *c)
{
	struct seal_deed deed[SEAL_DEEDS];

	return !decide_is_foreign_arch(c) &&
	       (is_process_discard(c) || seal_deeds(c->nr, c->args, deed));
}

/* Whether mremap(2) takes what it was given to another place; not where it leaves the old one
 * mapped, or may only grow or shrink there. */
static bool may_go(const uint64_t a[6])
{
	bool grows = a[3] & MREMAP_MAYMOVE && page_up(a[2]) > page_up(a[1]);

	return (a[3] & MREMAP_FIXED || grows) && !(a[3] & DONTUNMAP);
}

/* Whether a deed takes away what is mapped there, for certain all of it, so that something else may
 * come to lie there. */
bool decide_takes_away(const struct call *c, const struct seal_deed *d)
{
	if (c->nr == SYS_shmat) /* of a segment it is only known how far it could reach */
		return false;
	if (d->seal == SEAL_MOVE)
		return may_go(c->args);
	return d->seal == SEAL_UNMAP || d->seal == SEAL_REPLACE;
}

/* Whether the library asks for mprotect(2) where it only takes rights away. Anyone can say so, from
 * anywhere, and gets less by it. */
bool decide_is_downgrade(const struct call *c)
{
	return is_protect(c) && c->args[5] == (CONTROL_TOLD | TOLD_DOWNGRADE);
}

/* The rights that every page of a range has: 0 where they are not known. */
static unsigned least_rights(const struct call *c, const struct facts *f, struct range r)
{
	unsigned rights = PROT_READ | PROT_WRITE | PROT_EXEC;

	if (f->vmas_cut || c->args[2] & ~7ull) /* PROT_GROWSDOWN reaches beyond what was asked */
		return 0;
	for (unsigned i = 0; i < f->n_vmas; i++)
		if (range_overlaps(f->vmas[i].range, r))
			rights &= f->vmas[i].prot;
	return rights;
}

/* Whether a piece leaves it to the memory's rights what may be done. */
static bool goes_by_rights(const struct seal_piece *p)
{
	return (p->seals | p->own) & SEAL_DOWNGRADE && !((p->seals | p->own) & SEAL_PROT);
}

/* Whether the verdict depends on what is mapped where the call says: on its rights, or on how far
 * down it reaches. */
bool decide_goes_by_mappings(const struct call *c, const struct facts *f)
{
	const struct seal_piece *p = NULL;
	struct seal_deed d[SEAL_DEEDS];

	if (!is_protect(c))
		return false;
	if (decide_is_downgrade(c))
		return true;
	if (!f->seals || !f->seals->n || !seal_deeds(c->nr, c->args, d))
		return false;
	while ((p = seals_find(f->seals, d, p))) {
		if (goes_by_rights(p) || d->range.start < c->args[0])
			return true;
		p++;
	}
	return false;
}

/* Whether it depends on how long a segment is. */
bool decide_goes_by_length(const struct call *c, const struct facts *f)
{
	struct seal_deed d[SEAL_DEEDS];

	return c->nr == SYS_shmat && f->seals && f->seals->n && seal_deeds(c->nr, c->args, d) &&
	       seals_find(f->seals, d, NULL);
}

static bool forbids(const struct call *c, const struct facts *f, const struct seal_piece *p,
		    const struct seal_deed *d, enum policy_key *keyp)
{
	unsigned rights = 0;

	if (d->seal == SEAL_PROT && goes_by_rights(p))
		rights = least_rights(c, f, range_common(p->range, d->range));
	*keyp = seal_forbids(p->seals, d, rights) ? (enum policy_key)p->key : KEY_NONE;
	return *keyp != KEY_NONE || seal_forbids(p->own, d, rights);
}

/* Whether anything of the image is sealed, for certain or by what its library was to seal. */
static bool has_seals(const struct facts *f)
{
	static const enum policy_key keys[] = {KEY_SEAL_TEXT, KEY_SEAL_RELRO, KEY_SEAL_DATA,
					       KEY_SEAL_VDSO};
	bool wanted = false;

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
		wanted |= policy_tightest(f->policy, keys[i]);
	return (f->sealed && wanted) || (f->seals && f->seals->n);
}

static bool is_upgrade(const struct call *c, const struct facts *f)
{
	struct range r;

	return decide_is_downgrade(c) && decide_range(c, &r) &&
	       c->args[2] & ~(uint64_t)least_rights(c, f, r) & 7;
}

/*
 * Whether a seal forbids the call: *keyp is the policy key that this is by, KEY_NONE: the program's
 * own wish.
 */
bool decide_is_sealed(const struct call *c, const struct facts *f, enum policy_key *keyp)
{
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n;

	*keyp = KEY_NONE;
	if (is_upgrade(c, f))
		return true;
	if (is_process_discard(c) && has_seals(f)) {
		*keyp = KEY_SEAL_DISCARD;
		return true;
	}
	if (!f->seals || !f->seals->n)
		return false;
	n = deeds_of(c, f, deed);
	for (unsigned i = 0; i < n; i++) {
		const struct seal_piece *p = NULL;

		while ((p = seals_find(f->seals, &deed[i], p))) {
			if (forbids(c, f, p++, &deed[i], keyp))
				return true;
		}
	}
	return false;
}
