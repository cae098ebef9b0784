/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/late.h"

#include <dlfcn.h>
#include <link.h>
#include <sys/mman.h>
#include "common/seal.h"
#include "interpose/gate.h"
#include "interpose/link.h"
#include "interpose/seal.h"
#include "interpose/sealed.h"
#include "interpose/segment.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * What dlopen(3) brings is sealed as seal.late says. The moment is ld.so's own: when an object has
 * been relocated ld.so makes its RELRO read-only, by a call that is a stub's (interpose/stub.c). An
 * object without RELRO has no such moment, and is not sealed.
 *
 * ld.so holds its lock then, in this very thread, so its lists can be walked. They lie in memory
 * that the program can write: what they say is believed no further than to be sealed.
 *
 * Context: inside a stub of ld.so's mprotect(2).
 */

#define MAX_OBJECTS (1u << 16)
#define NODELETE    0x8 /* DF_1_NODELETE, elf.h */

/* The thread that called dlopen(3) last with RTLD_NODELETE, and has not called it without since. */
static uint64_t stays;

/*
 * A thread calls dlopen(3) with these flags. Of two that do so at once one is forgotten, and what
 * it brings may not be sealed.
 */
void late_note(int flags)
{
	uint64_t self = (uint64_t)__builtin_thread_pointer();

	if (flags & RTLD_NODELETE)
		__atomic_store_n(&stays, self, __ATOMIC_RELAXED);
	else if (__atomic_load_n(&stays, __ATOMIC_RELAXED) == self)
		__atomic_store_n(&stays, 0, __ATOMIC_RELAXED);
}

/* The object that begins last before an address. */
static const struct link_map *object_before(uint64_t addr)
{
	const struct link_map *best = NULL;
	unsigned n = 0;

	for (const struct r_debug *d = state()->debug; d && n < MAX_OBJECTS; d = link_next_space(d))
		for (const struct link_map *m = d->r_map; m && n < MAX_OBJECTS; m = m->l_next, n++)
			if (m->l_addr <= addr && (!best || m->l_addr > best->l_addr))
				best = m;
	return best;
}

/* Advice that changes nothing tells whether a page is mapped. */
static bool is_mapped(uint64_t page)
{
	return page && !(page & (CM_PAGE - 1)) &&
	       !gate_call6(SYS_madvise, (long)page, CM_PAGE, MADV_NORMAL, 0, 0, 0);
}

/* Its headers, if it is the one whose RELRO this is. */
static bool headers(const struct link_map *m, struct range relro, struct segments *sp)
{
	struct range r;

	return m && is_mapped(m->l_addr) && segments_at(sp, m->l_addr) && segments_relro(sp, &r) &&
	       r.start == relro.start && r.end == relro.end;
}

static bool is_nodelete(const struct link_map *m)
{
	for (const ElfW(Dyn) *d = m->l_ld; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_FLAGS_1)
			return d->d_un.d_val & NODELETE;
	return false;
}

/* libc unloads and loads its character sets all the time (iconv_open(3), iconv_close(3)): each time
 * some would stay, until the process has as many mappings as it may have. */
static bool is_charset(const char *path)
{
	for (; *path; path++)
		if (text_begins(path, "/gconv/"))
			return true;
	return false;
}

static bool is_to_be_sealed(const struct link_map *m)
{
	if (is_charset(m->l_name))
		return false;
	switch (policy_value_for(&state()->policy, KEY_SEAL_LATE, m->l_name)) {
	case LATE_ALWAYS:
		return true;
	case LATE_NODELETE:
		return __atomic_load_n(&stays, __ATOMIC_RELAXED) ==
			       (uint64_t)__builtin_thread_pointer() ||
		       is_nodelete(m);
	default:
		return false;
	}
}

static void seal_object(const struct link_map *m, const struct segments *s)
{
	struct piece piece[SEGMENT_PIECES];
	unsigned n = segments_pieces(s, piece);
	struct range run = {0, 0};

	segments_close(piece, n, is_mapped);
	for (unsigned i = 0; i < n; i++) {
		if (!policy_value_for(&state()->policy, seal_key(piece[i].kind), m->l_name))
			continue;
		if (run.end && piece[i].range.start != run.end) {
			sealed_add(run, SEAL_ALL, KEY_SEAL_LATE);
			run.end = 0;
		}
		if (!run.end)
			run.start = piece[i].range.start;
		run.end = piece[i].range.end;
	}
	if (run.end)
		sealed_add(run, SEAL_ALL, KEY_SEAL_LATE);
}

/*
 * ld.so has made this range read-only. Context: as the file.
 */
void late_protected(struct range relro)
{
	const struct link_map *m = object_before(relro.start);
	struct segments s;

	if (headers(m, relro, &s) && is_to_be_sealed(m))
		seal_object(m, &s);
}
