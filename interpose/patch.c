/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/patch.h"

#include <sys/mman.h>
#include "interpose/gate.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * libc's own calls, and ld.so's, are sent through the gate: the pages of their text that hold call
 * sites are replaced by the supervisor's copies, in which those sites are jumps to the stubs. They
 * are sealed with the rest of the text (interpose/seal.c).
 *
 * Nothing here is written into text, so it works under PR_SET_MDWE, and pages are never writable
 * and executable. What is mapped is compared with the copy first, byte for byte; a page that
 * differs in anything but the sites (a debugger's breakpoint, another patcher, another libc than
 * the supervisor saw) stays, with all of its object.
 *
 * Slots are filled in before the state is published, and pages replaced after: a stub that can be
 * reached finds everything that it needs.
 *
 * Context: the constructor; one thread.
 */

#define VIEW_BYTES ((1 + KIT_OBJECTS * KIT_PAGES) * CM_PAGE)

/* Where libc and ld.so are loaded; musl's libc is both. */
static void find_objects(struct patch *p, const struct link *l)
{
	p->object[0] = link_find(l, "libc.so");
	p->object[1] = link_find(l, "ld-linux");
	if (!p->object[0])
		p->object[0] = link_find(l, "ld-musl");
	for (unsigned i = 0; i < KIT_OBJECTS; i++)
		p->base[i] = p->object[i] ? p->object[i]->l_addr : 0;
}

/* What is patched counts as libc without being asked about. */
static void note_object(const struct link_map *m, struct range *rp)
{
	struct symbol_table t;

	if (link_tables(m, &t))
		*rp = t.image;
}

static bool is_kit(const struct kit *k)
{
	if (k->magic != KIT_MAGIC || k->n_sites > KIT_SITES)
		return false;
	for (unsigned i = 0; i < KIT_OBJECTS; i++)
		if (k->window[i].n_pages > KIT_PAGES || k->window[i].page > KIT_OBJECTS * KIT_PAGES)
			return false;
	for (unsigned i = 0; i < k->n_sites; i++)
		if (k->site[i].object >= KIT_OBJECTS)
			return false;
	return true;
}

/* Some ten pages in every start, so by words. */
static bool same(uint64_t a, uint64_t b, uint64_t n)
{
	uint64_t x[4], y[4];

	for (; n >= sizeof(x); a += sizeof(x), b += sizeof(x), n -= sizeof(x)) {
		__builtin_memcpy(x, (const void *)a, sizeof(x));
		__builtin_memcpy(y, (const void *)b, sizeof(y));
		if ((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]))
			return false;
	}
	return !memcmp((const void *)a, (const void *)b, n);
}

/* Whether the site is `mov $nr,%eax; syscall` in memory. */
static bool is_site(uint64_t at, uint32_t nr)
{
	const unsigned char *p = (const unsigned char *)at;
	const unsigned char bytes[KIT_SITE_BYTES] = {0xb8,
						     (unsigned char)nr,
						     (unsigned char)(nr >> 8),
						     (unsigned char)(nr >> 16),
						     (unsigned char)(nr >> 24),
						     0x0f,
						     0x05};

	return !memcmp(p, bytes, sizeof(bytes));
}

/* Whether what is mapped is what was copied, but for the jumps. */
static bool window_fits(const struct patch *p, unsigned object)
{
	const struct kit *k = p->kit;
	const struct kit_window *w = &k->window[object];
	uint64_t copy = (uint64_t)k + w->page * CM_PAGE, at = p->base[object] + w->start;
	uint64_t shift = copy - at, end = at + w->n_pages * CM_PAGE;

	for (unsigned i = 0; i < k->n_sites; i++) {
		uint64_t site = p->base[object] + k->site[i].back - KIT_SITE_BYTES;

		if (k->site[i].object != object)
			continue;
		if (site < at || site + KIT_SITE_BYTES > end || !is_site(site, k->site[i].nr) ||
		    !same(at, at + shift, site - at))
			return false;
		at = site + KIT_JUMP_BYTES;
	}
	return same(at, at + shift, end - at);
}

static const struct kit *view(uint64_t gate, int fd)
{
	long at = gate_enter(gate, SYS_mmap, 0, VIEW_BYTES, PROT_READ, MAP_PRIVATE, fd, 0);

	return sys_is_error(at) ? NULL : (const struct kit *)at;
}

/*
 * Gets the kit, looks what of it fits, and fills in the slots of `s`, which is not published yet.
 *
 * Context: the constructor, with the gate mapped.
 */
void patch_prepare(struct patch *pp, const struct link *l, struct state *s)
{
	bool late = policy_tightest(&s->policy, KEY_SEAL_LATE) != LATE_NEVER;
	struct patch p = {.fd = -1};
	long fd;

	*pp = p;
	find_objects(&p, l);
	if (!p.base[0] || !policy_value(&s->policy, KEY_INTERPOSE_PATCH))
		return;
	fd = gate_control(CONTROL_SITES, p.base[0], p.base[1], (uint64_t)stub_blocks, 0, 0);
	if (fd < 0)
		return;
	p.fd = (int)fd;
	p.kit = view(s->gate, p.fd);
	if (!p.kit || !is_kit(p.kit)) {
		if (p.kit)
			gate_enter(s->gate, SYS_munmap, (long)p.kit, VIEW_BYTES, 0, 0, 0, 0);
		sys_close(p.fd);
		return;
	}
	for (unsigned i = 0; i < KIT_OBJECTS; i++) {
		p.fits[i] = p.kit->window[i].n_pages && window_fits(&p, i);
		if (p.fits[i])
			note_object(p.object[i], &s->libc[i]);
	}
	for (unsigned i = 0; i < p.kit->n_sites; i++) {
		const struct kit_site *site = &p.kit->site[i];

		if (p.fits[site->object])
			stub_slot_set(&s->slot[i], p.base[site->object] + site->back, site->nr,
				      s->watch || (late && site->object == 1));
	}
	*pp = p;
}

static bool replace(const struct patch *p, unsigned object)
{
	const struct kit_window *w = &p->kit->window[object];
	uint64_t at = p->base[object] + w->start;
	long r = gate_call6(SYS_mmap, (long)at, (long)(w->n_pages * CM_PAGE), PROT_READ | PROT_EXEC,
			    MAP_PRIVATE | MAP_FIXED, p->fd, (long)(w->page * CM_PAGE));

	return !sys_is_error(r);
}

/*
 * Replaces the pages, and gives up what was needed for it.
 *
 * Context: the constructor, with the state published.
 */
void patch_apply(struct patch *p)
{
	if (!p->kit)
		return;
	for (unsigned i = 0; i < KIT_OBJECTS; i++)
		p->fits[i] = p->fits[i] && replace(p, i);
	for (unsigned i = 0; i < p->kit->n_sites; i++)
		p->n_done[p->kit->site[i].object] += p->fits[p->kit->site[i].object];
	gate_call6(SYS_munmap, (long)p->kit, VIEW_BYTES, 0, 0, 0, 0);
	sys_close(p->fd);
	p->kit = NULL;
}
