/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/image.h"

#include <elf.h>
#include <string.h>

/*
 * Small ELF objects for tests of what reads such: one executable segment and, where wanted, one of
 * the unwinder's tables, written by the same documents as supervise/elf.c reads them by.
 */

static void put(struct image *m, uint64_t v, size_t n)
{
	memcpy(m->bytes + m->size, &v, n);
	m->size += n;
}

static void patch(struct image *m, size_t at, uint64_t v, size_t n)
{
	memcpy(m->bytes + at, &v, n);
}

static void add_segment(struct image *m, uint32_t type, uint32_t flags, size_t at, size_t n)
{
	Elf64_Ehdr *h = (Elf64_Ehdr *)m->bytes;
	Elf64_Phdr *p = (Elf64_Phdr *)(m->bytes + sizeof(*h)) + h->e_phnum++;

	*p = (Elf64_Phdr){.p_type = type,
			  .p_flags = flags,
			  .p_offset = at,
			  .p_vaddr = at + IMAGE_BASE,
			  .p_filesz = n,
			  .p_memsz = n,
			  .p_align = 1};
}

/* An object with the code at IMAGE_CODE, and nothing else. */
void image_init(struct image *m, const uint8_t *code, size_t n)
{
	memset(m->bytes, 0, IMAGE_CODE);
	*(Elf64_Ehdr *)m->bytes = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
							   ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
					       .e_type = ET_DYN,
					       .e_machine = EM_X86_64,
					       .e_version = EV_CURRENT,
					       .e_phoff = sizeof(Elf64_Ehdr),
					       .e_ehsize = sizeof(Elf64_Ehdr),
					       .e_phentsize = sizeof(Elf64_Phdr)};
	memcpy(m->bytes + IMAGE_CODE, code, n);
	m->size = IMAGE_CODE + n;
	add_segment(m, PT_LOAD, PF_R | PF_X, IMAGE_CODE, n);
}

static void put_leb128(struct image *m, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put(m, 0x80 | (v & 0x7f), 1);
	put(m, v, 1);
}

/* A number in the form of the low half of an encoding. */
static void put_form(struct image *m, uint8_t encoding, uint64_t v)
{
	static const uint8_t bytes[16] = {8, 0, 2, 4, 8, 0, 0, 0, 0, 0, 2, 4, 8};

	if ((encoding & 0xf) == 9) { /* signed: one byte more, the sign's */
		put_leb128(m, (v & ((1ull << 35) - 1)) | 1ull << 35);
		m->bytes[m->size - 1] = v >> 63 ? 0x7f : 0;
	} else if ((encoding & 0xf) == 1) {
		put_leb128(m, v);
	} else {
		put(m, v, bytes[encoding & 0xf]);
	}
}

static void put_cie(struct image *m, const struct image_tables *how)
{
	size_t at = m->size;
	const char *a = how->augmentation;

	put(m, 0, 8); /* length, to be filled in; 0: a CIE */
	put(m, how->version, 1);
	memcpy(m->bytes + m->size, a, strlen(a) + 1);
	m->size += strlen(a) + 1;
	put(m, 0x7801, 2); /* alignments 1 and -8 */
	put(m, 16, 1);     /* the return address */
	if (*a == 'z')
		put(m, 10, 1);
	for (; *a; a++) {
		if (*a == 'R')
			put(m, how->encoding, 1);
		else if (*a == 'L')
			put(m, 0x1b, 1);
		else if (*a == 'P')
			put(m, 0x123456781b, 5);
	}
	put(m, 0, 3);
	patch(m, at, m->size - at - 4, 4);
}

static void put_fde(struct image *m, size_t cie, const struct image_function *f,
		    const struct image_tables *how)
{
	size_t at = m->size;
	uint64_t start = IMAGE_BASE + IMAGE_CODE + f->at;

	put(m, 0, 4);
	put(m, m->size - cie, 4);
	if ((how->encoding & 0x70) == 0x10)
		start -= IMAGE_BASE + m->size;
	put_form(m, how->encoding, start);
	put_form(m, how->encoding, f->size);
	put(m, 0, 3);
	patch(m, at, m->size - at - 4, 4);
}

/* Adds the tables that tell of functions; once. */
void image_add_functions(struct image *m, const struct image_function *f, size_t n,
			 const struct image_tables *how)
{
	size_t header = m->size, header_bytes = how->search ? 12 + 8 * n : 8, cie, fde;

	put(m, how->search ? 0x3b031b01 : 0xffff1b01, 4);
	put(m, header_bytes - 4, 4); /* .eh_frame stands behind, told from here */
	if (how->search)
		put(m, n, 4);
	m->size = cie = header + header_bytes;
	put_cie(m, how);
	for (size_t i = 0; i < n; i++) {
		fde = m->size;
		put_fde(m, cie, f + i, how);
		if (how->search) {
			patch(m, header + 12 + 8 * i, IMAGE_CODE + f[i].at - header, 4);
			patch(m, header + 16 + 8 * i, fde - header, 4);
		}
	}
	put(m, 0, 4);
	add_segment(m, PT_LOAD, PF_R, header, m->size - header);
	add_segment(m, PT_GNU_EH_FRAME, PF_R, header, header_bytes);
}
