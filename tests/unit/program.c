/* SPDX-License-Identifier: BSD-2-Clause */

/* Which memory a program has from its file: headers as linkers make them, and as nobody should. */

#include "supervise/program.h"

#include <check.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "supervise/vma.h"
#include "tests/unit/unit.h"

#define ENTRY 0x1040ull
#define BIAS  0x555555554000ull

static uint8_t head[PROGRAM_HEAD_BYTES];
static struct program_piece piece[PROGRAM_MAX_PIECES];

static Elf64_Ehdr *header(void)
{
	return (Elf64_Ehdr *)head;
}

static void setup(void)
{
	memset(head, 0, sizeof(head));
	*header() = (Elf64_Ehdr){
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_entry = ENTRY,
		.e_phoff = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr)};
}

static Elf64_Phdr *segment(uint32_t type, uint32_t flags, uint64_t addr, uint64_t size)
{
	Elf64_Phdr *p = (Elf64_Phdr *)(head + sizeof(Elf64_Ehdr)) + header()->e_phnum++;

	*p = (Elf64_Phdr){.p_type = type, .p_flags = flags, .p_vaddr = addr, .p_memsz = size};
	return p;
}

static int pieces(void)
{
	return program_pieces(head, sizeof(head), BIAS + ENTRY, piece);
}

static void is_piece(int i, uint64_t start, uint64_t end, enum program_kind kind)
{
	ck_assert_uint_eq(piece[i].range.start, BIAS + start);
	ck_assert_uint_eq(piece[i].range.end, BIAS + end);
	ck_assert_int_eq(piece[i].kind, kind);
}

START_TEST(segments_are_whole_pages)
{
	segment(PT_LOAD, PF_R, 0, 0x5f8);
	segment(PT_LOAD, PF_R | PF_X, 0x1000, 0x1001);
	segment(PT_LOAD, PF_R | PF_W, 0x3dd0, 0x260);
	segment(PT_DYNAMIC, PF_R | PF_W, 0x3de0, 0x100);
	ck_assert_int_eq(pieces(), 3);
	is_piece(0, 0, 0x1000, PROGRAM_TEXT);
	is_piece(1, 0x1000, 0x3000, PROGRAM_TEXT);
	is_piece(2, 0x3000, 0x5000, PROGRAM_DATA);
}
END_TEST

START_TEST(relro_is_rounded_down_and_stands_out_of_data)
{
	segment(PT_LOAD, PF_R | PF_W, 0x3dd0, 0x5000);
	segment(PT_GNU_RELRO, PF_R, 0x4dd0, 0x2830);
	ck_assert_int_eq(pieces(), 3);
	is_piece(0, 0x3000, 0x4000, PROGRAM_DATA);
	is_piece(1, 0x4000, 0x7000, PROGRAM_RELRO);
	is_piece(2, 0x7000, 0x9000, PROGRAM_DATA);
}
END_TEST

START_TEST(relro_of_less_than_a_page_is_none)
{
	segment(PT_LOAD, PF_R | PF_W, 0x3dd0, 0x260);
	segment(PT_GNU_RELRO, PF_R, 0x3dd0, 0x100);
	ck_assert_int_eq(pieces(), 1);
	is_piece(0, 0x3000, 0x5000, PROGRAM_DATA);
}
END_TEST

START_TEST(relro_beyond_its_segment_takes_nothing_else)
{
	segment(PT_LOAD, PF_R | PF_X, 0x1000, 0x1000);
	segment(PT_LOAD, PF_R | PF_W, 0x3000, 0x2000);
	segment(PT_GNU_RELRO, PF_R, 0, 0x9000);
	ck_assert_int_eq(pieces(), 2);
	is_piece(0, 0x1000, 0x2000, PROGRAM_TEXT);
	is_piece(1, 0x3000, 0x5000, PROGRAM_RELRO);
}
END_TEST

START_TEST(a_linked_program_lies_where_it_says)
{
	header()->e_type = ET_EXEC;
	segment(PT_LOAD, PF_R | PF_X, 0x400000, 0x1000);
	ck_assert_int_eq(program_pieces(head, sizeof(head), ENTRY, piece), 1);
	ck_assert_uint_eq(piece[0].range.start, 0x400000);
	ck_assert_int_eq(pieces(), -ENOEXEC);
}
END_TEST

START_TEST(what_wraps_or_is_beyond_gives_nothing)
{
	segment(PT_LOAD, PF_R, UINT64_MAX - BIAS - 0xfff, 0x2000);
	segment(PT_LOAD, PF_R, 0x1000, UINT64_MAX);
	segment(PT_LOAD, PF_R, 0x1000, 1ull << 57);
	segment(PT_LOAD, PF_R, 0x1000, 0);
	segment(PT_LOAD, PF_R | PF_W, 1ull << 60, 0x1000);
	segment(PT_GNU_RELRO, PF_R, 0x1000, UINT64_MAX - 5);
	ck_assert_int_eq(pieces(), 0);
	segment(PT_LOAD, PF_R | PF_W, 0x1000, 0x1000);
	ck_assert_int_eq(pieces(), 1);
	is_piece(0, 0x1000, 0x2000, PROGRAM_DATA);
}
END_TEST

START_TEST(segments_may_overlap)
{
	segment(PT_LOAD, PF_R | PF_W, 0x1000, 0x10000);
	segment(PT_LOAD, PF_R | PF_X, 0x5000, 0x1000);
	segment(PT_LOAD, PF_R, 0, 0x20000);
	ck_assert_int_eq(pieces(), 3);
}
END_TEST

START_TEST(too_many_segments_are_none)
{
	int i = 0;

	segment(PT_GNU_RELRO, PF_R, 0x1000, 0x1000);
	for (; i < PROGRAM_MAX_PIECES / 3; i++)
		segment(PT_LOAD, PF_R | PF_W, 0, 0x3000);
	ck_assert_int_eq(pieces(), PROGRAM_MAX_PIECES);
	segment(PT_LOAD, PF_R | PF_W, 0, 0x3000);
	ck_assert_int_eq(pieces(), -ENOEXEC);
}
END_TEST

START_TEST(what_is_no_program_is_refused)
{
	segment(PT_LOAD, PF_R, 0, 0x1000);
	ck_assert_int_eq(pieces(), 1);
	ck_assert_int_eq(program_pieces(head, sizeof(Elf64_Ehdr) - 1, BIAS + ENTRY, piece),
			 -ENOEXEC);
	ck_assert_int_eq(program_pieces(head, sizeof(Elf64_Ehdr) + 55, BIAS + ENTRY, piece),
			 -ENOEXEC);
	ck_assert_int_eq(program_pieces(head, sizeof(Elf64_Ehdr) + 56, BIAS + ENTRY, piece), 1);
	ck_assert_int_eq(program_pieces(head, sizeof(head), BIAS + ENTRY + 1, piece), -ENOEXEC);
	header()->e_phoff = UINT64_MAX - 8;
	ck_assert_int_eq(pieces(), -ENOEXEC);
	setup();
	header()->e_phnum = UINT16_MAX;
	ck_assert_int_eq(pieces(), -ENOEXEC);
	setup();
	header()->e_machine = EM_386;
	ck_assert_int_eq(pieces(), -ENOEXEC);
	setup();
	header()->e_ident[EI_CLASS] = ELFCLASS32;
	ck_assert_int_eq(pieces(), -ENOEXEC);
	setup();
	header()->e_phentsize = 32;
	ck_assert_int_eq(pieces(), -ENOEXEC);
}
END_TEST

static int find_relro(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct range *r = arg;

	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			*r = (struct range){page_down(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
					    page_down(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
						      info->dlpi_phdr[i].p_memsz)};
	return 1; /* the first is the program */
}

/* This program, by its file, is where the kernel says it is: text without W, data with it, and
 * RELRO as its loader has left it. */
START_TEST(the_kernel_has_it_there)
{
	struct range relro = {0, 0};
	FILE *f = fopen("/proc/self/exe", "re");
	int maps = vma_open(getpid()), n, n_relros = 0;
	struct vma v;

	ck_assert_uint_gt(fread(head, 1, sizeof(head), f), sizeof(Elf64_Ehdr));
	fclose(f);
	n = program_pieces(head, sizeof(head), getauxval(AT_ENTRY), piece);
	ck_assert_int_ge(n, 4);
	dl_iterate_phdr(find_relro, &relro);
	for (int i = 0; i < n; i++) {
		ck_assert_int_eq(vma_at(maps, piece[i].range.start, &v), 0);
		ck_assert_int_eq(vma_at(maps, piece[i].range.end - 1, &v), 0);
		ck_assert_int_eq(!(v.prot & 2), piece[i].kind != PROGRAM_DATA);
		if (piece[i].kind != PROGRAM_RELRO)
			continue;
		n_relros++;
		ck_assert_uint_eq(piece[i].range.start, relro.start);
		ck_assert_uint_eq(piece[i].range.end, relro.end);
	}
	ck_assert_int_eq(n_relros, relro.start < relro.end);
	close(maps);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("program");
	TCase *t = tcase_create("program");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, segments_are_whole_pages);
	tcase_add_test(t, relro_is_rounded_down_and_stands_out_of_data);
	tcase_add_test(t, relro_of_less_than_a_page_is_none);
	tcase_add_test(t, relro_beyond_its_segment_takes_nothing_else);
	tcase_add_test(t, a_linked_program_lies_where_it_says);
	tcase_add_test(t, what_wraps_or_is_beyond_gives_nothing);
	tcase_add_test(t, segments_may_overlap);
	tcase_add_test(t, too_many_segments_are_none);
	tcase_add_test(t, what_is_no_program_is_refused);
	tcase_add_test(t, the_kernel_has_it_there);
	suite_add_tcase(s, t);
	return unit_run(s);
}
