/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/segment.h"

#include <sys/mman.h>
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * What a loader has mapped of an object, in pages: its text and constants, what it made read-only
 * once it was relocated (RELRO), its data. From the program headers alone, as the loader read them.
 *
 * Holds: pieces do not overlap, are not empty, and rise. Headers that are not in that order, as the
 * ABI wants them, end the list.
 *
 * Context: pure; reads the headers, which the caller knows to be mapped.
 * Source: gABI, "Program Header"; glibc elf/dl-load.h and dl-reloc.c, _dl_protect_relro(): RELRO is
 * rounded down to a page at both ends.
 */

/*
 * The headers of an object by its own first page, which lies at `base`, where it was linked at 0.
 *
 * Return: false where no ELF of ours begins there, or its headers lie beyond the page.
 */
bool segments_at(struct segments *sp, uint64_t base)
{
	const Elf64_Ehdr *e = (const Elf64_Ehdr *)base;

	if (memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_ident[EI_CLASS] != ELFCLASS64 ||
	    e->e_phentsize != sizeof(Elf64_Phdr) || e->e_phoff > CM_PAGE ||
	    e->e_phnum > (CM_PAGE - e->e_phoff) / sizeof(Elf64_Phdr))
		return false;
	*sp = (struct segments){(const Elf64_Phdr *)(base + e->e_phoff), e->e_phnum, base};
	return true;
}

/* Whole pages of [addr, addr + len), of the last only where `fully` is not asked for. */
static bool pages_of(const struct segments *s, const Elf64_Phdr *p, bool fully, struct range *rp)
{
	uint64_t start = s->bias + p->p_vaddr, end;

	if (__builtin_add_overflow(start, p->p_memsz, &end) || end > 1ull << 56)
		return false;
	*rp = (struct range){page_down(start), fully ? page_down(end) : page_up(end)};
	return rp->start < rp->end;
}

/* What is read-only after relocation, as the loader protects it. Return: false: nothing is. */
bool segments_relro(const struct segments *s, struct range *rp)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->header[i].p_type == PT_GNU_RELRO)
			return pages_of(s, &s->header[i], true, rp);
	return false;
}

static void put(struct piece piece[SEGMENT_PIECES], unsigned *np, uint64_t start, uint64_t end,
		enum piece_kind kind)
{
	if (start < end && *np < SEGMENT_PIECES)
		piece[(*np)++] = (struct piece){{start, end}, kind};
}

/* A writable segment: what lies before RELRO in it, RELRO, and the rest. */
static void put_data(struct piece piece[SEGMENT_PIECES], unsigned *np, struct range r,
		     struct range relro)
{
	if (!range_overlaps(r, relro)) {
		put(piece, np, r.start, r.end, PIECE_DATA);
		return;
	}
	if (relro.start < r.start)
		relro.start = r.start;
	if (relro.end > r.end)
		relro.end = r.end;
	put(piece, np, r.start, relro.start, PIECE_DATA);
	put(piece, np, relro.start, relro.end, PIECE_RELRO);
	put(piece, np, relro.end, r.end, PIECE_DATA);
}

/*
 * The pieces of an object. Return: how many were written.
 */
unsigned segments_pieces(const struct segments *s, struct piece piece[SEGMENT_PIECES])
{
	struct range relro = {0, 0}, r;
	uint64_t before = 0;
	unsigned n = 0;

	segments_relro(s, &relro);
	for (unsigned i = 0; i < s->n; i++) {
		const Elf64_Phdr *p = &s->header[i];

		if (p->p_type != PT_LOAD || !pages_of(s, p, false, &r))
			continue;
		if (r.start < before)
			break;
		before = r.end;
		if (p->p_flags & PF_W)
			put_data(piece, &n, r, relro);
		else
			put(piece, &n, r.start, r.end, PIECE_TEXT);
	}
	return n;
}

/*
 * Extends pieces over the holes behind them, as far as these are mapped: ld.so maps an object
 * whole, and takes the rights from what lies between its segments. (The kernel does not, so what
 * lies there in a program or in ld.so itself may be anything.)
 */
void segments_close(struct piece *piece, unsigned n, segments_fn is_mapped)
{
	for (unsigned i = 0; i + 1 < n; i++)
		if (piece[i].range.end < piece[i + 1].range.start && is_mapped(piece[i].range.end))
			piece[i].range.end = piece[i + 1].range.start;
}
