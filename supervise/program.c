/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/program.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

/*
 * Which memory a program has from its own file, once the kernel has executed it: by the program
 * headers, and by where it begins, which the auxiliary vector tells. elf.c is for code that is to
 * be taken apart and refuses what no linker makes; the kernel is not so particular, and this takes
 * what the kernel does.
 *
 * The file is taken for hostile. What it says is about its own process's memory and nothing else:
 * segments may overlap each other and lie in any order, each gives at most three pieces, and what
 * wraps or is no user's address gives none.
 *
 * Source: Linux 6.18 fs/binfmt_elf.c, load_elf_binary(); gABI, "Program Header"; glibc
 * elf/dl-reloc.c, _dl_protect_relro(), and musl ldso/dynlink.c, reloc_all(): RELRO is rounded down
 * to a page at both ends.
 */

#define MAX_SEGMENTS (PROGRAM_MAX_PIECES / 3)

struct list {
	struct program_piece *at;
	unsigned n;
};

static bool is_program(const Elf64_Ehdr *h, size_t size)
{
	return !memcmp(h->e_ident, ELFMAG, SELFMAG) && h->e_ident[EI_CLASS] == ELFCLASS64 &&
	       h->e_machine == EM_X86_64 && (h->e_type == ET_DYN || h->e_type == ET_EXEC) &&
	       h->e_phentsize == sizeof(Elf64_Phdr) && h->e_phoff <= size &&
	       h->e_phnum <= (size - h->e_phoff) / sizeof(Elf64_Phdr);
}

/* The pages of a segment; of its last one only where it fills it, if `whole` is asked for. Return:
 * false: none. */
static bool pages_of(const Elf64_Phdr *p, uint64_t bias, bool whole, struct range *rp)
{
	uint64_t start = p->p_vaddr + bias, end, first = page_down(start);
	struct range r;

	if (__builtin_add_overflow(start, p->p_memsz, &end) || end > 1ull << 56)
		return false;
	end = whole ? page_down(end) : page_up(end);
	if (end <= first || !range_init(&r, first, end - first))
		return false;
	*rp = r;
	return true;
}

static void put(struct list *l, uint64_t start, uint64_t end, enum program_kind kind)
{
	if (start < end)
		l->at[l->n++] = (struct program_piece){{start, end}, kind};
}

/* What lies before RELRO, RELRO, and the rest. */
static void put_data(struct list *l, struct range r, struct range relro)
{
	if (!range_overlaps(r, relro)) {
		put(l, r.start, r.end, PROGRAM_DATA);
		return;
	}
	if (relro.start < r.start)
		relro.start = r.start;
	if (relro.end > r.end)
		relro.end = r.end;
	put(l, r.start, relro.start, PROGRAM_DATA);
	put(l, relro.start, relro.end, PROGRAM_RELRO);
	put(l, relro.end, r.end, PROGRAM_DATA);
}

static Elf64_Phdr header(const uint8_t *head, const Elf64_Ehdr *h, unsigned i)
{
	Elf64_Phdr p;

	memcpy(&p, head + h->e_phoff + i * sizeof(p), sizeof(p));
	return p;
}

/* The last that there is, as libcs have it; empty: none. */
static struct range find_relro(const uint8_t *head, const Elf64_Ehdr *h, uint64_t bias)
{
	struct range relro = {0, 0};
	Elf64_Phdr p;

	for (unsigned i = 0; i < h->e_phnum; i++) {
		p = header(head, h, i);
		if (p.p_type == PT_GNU_RELRO && !pages_of(&p, bias, true, &relro))
			relro = (struct range){0, 0};
	}
	return relro;
}

/*
 * The memory of a program whose file begins with `head`, of which PROGRAM_HEAD_BYTES are enough,
 * and that was entered at `entry` (AT_ENTRY).
 *
 * Return: how many pieces were written; or -ENOEXEC: not a program for x86-64, its headers are not
 * in there, it has too many, or it does not begin there.
 */
int program_pieces(const uint8_t *head, size_t size, uint64_t entry,
		   struct program_piece piece[PROGRAM_MAX_PIECES])
{
	struct list l = {piece, 0};
	struct range relro, r;
	unsigned n_loads = 0;
	uint64_t bias;
	Elf64_Ehdr h;
	Elf64_Phdr p;

	if (size < sizeof(h))
		return -ENOEXEC;
	memcpy(&h, head, sizeof(h));
	bias = entry - h.e_entry;
	if (!is_program(&h, size) || bias % CM_PAGE || (h.e_type == ET_EXEC && bias))
		return -ENOEXEC;
	relro = find_relro(head, &h, bias);
	for (unsigned i = 0; i < h.e_phnum; i++) {
		p = header(head, &h, i);
		if (p.p_type != PT_LOAD || !pages_of(&p, bias, false, &r))
			continue;
		if (n_loads++ == MAX_SEGMENTS)
			return -ENOEXEC;
		if (p.p_flags & PF_W)
			put_data(&l, r, relro);
		else
			put(&l, r.start, r.end, PROGRAM_TEXT);
	}
	return (int)l.n;
}
