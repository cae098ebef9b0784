/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/segment.h"

#include <string.h>
#include "tests/unit/unit.h"

/* What an object's program headers come to, in pages. */

#define BIAS 0x7f0000000000ull

static Elf64_Phdr load(uint64_t vaddr, uint64_t memsz, uint32_t flags)
{
	return (Elf64_Phdr){
		.p_type = PT_LOAD, .p_vaddr = vaddr, .p_memsz = memsz, .p_flags = flags};
}

static Elf64_Phdr relro(uint64_t vaddr, uint64_t memsz)
{
	return (Elf64_Phdr){.p_type = PT_GNU_RELRO, .p_vaddr = vaddr, .p_memsz = memsz};
}

static void expect(const struct piece *p, uint64_t start, uint64_t end, enum piece_kind kind)
{
	ck_assert_uint_eq(p->range.start - BIAS, start);
	ck_assert_uint_eq(p->range.end - BIAS, end);
	ck_assert_int_eq(p->kind, kind);
}

START_TEST(a_library_is_text_relro_and_data)
{
	const Elf64_Phdr h[] = {load(0, 0x1234, PF_R), load(0x2000, 0x10, PF_R | PF_X),
				load(0x3d10, 0x1400, PF_R | PF_W), relro(0x3d10, 0x2f0)};
	struct segments s = {h, 4, BIAS};
	struct piece p[SEGMENT_PIECES];
	struct range r;

	ck_assert_uint_eq(segments_pieces(&s, p), 4);
	expect(&p[0], 0, 0x2000, PIECE_TEXT);
	expect(&p[1], 0x2000, 0x3000, PIECE_TEXT);
	expect(&p[2], 0x3000, 0x4000, PIECE_RELRO);
	expect(&p[3], 0x4000, 0x6000, PIECE_DATA);
	ck_assert(segments_relro(&s, &r));
	ck_assert_uint_eq(r.start - BIAS, 0x3000);
	ck_assert_uint_eq(r.end - BIAS, 0x4000);
}
END_TEST

START_TEST(a_page_that_relro_shares_with_data_is_data)
{
	const Elf64_Phdr h[] = {load(0x1000, 0x3000, PF_R | PF_W), relro(0x2000, 0x1800)};
	struct segments s = {h, 2, BIAS};
	struct piece p[SEGMENT_PIECES];

	ck_assert_uint_eq(segments_pieces(&s, p), 3);
	expect(&p[0], 0x1000, 0x2000, PIECE_DATA);
	expect(&p[1], 0x2000, 0x3000, PIECE_RELRO);
	expect(&p[2], 0x3000, 0x4000, PIECE_DATA);
}
END_TEST

START_TEST(relro_of_less_than_a_page_is_none)
{
	const Elf64_Phdr h[] = {load(0x1000, 0x3000, PF_R | PF_W), relro(0x1100, 0x200)};
	struct segments s = {h, 2, BIAS};
	struct piece p[SEGMENT_PIECES];
	struct range r;

	ck_assert(!segments_relro(&s, &r));
	ck_assert_uint_eq(segments_pieces(&s, p), 1);
	expect(&p[0], 0x1000, 0x4000, PIECE_DATA);
}
END_TEST

START_TEST(headers_out_of_order_and_out_of_the_address_space_end_or_are_left_out)
{
	const Elf64_Phdr h[] = {load(0x2000, 0x1000, PF_R), load(UINT64_MAX - 0x10, 0x1000, PF_R),
				load(0x1000, 0x1000, PF_R), load(0x4000, 0x1000, PF_R)};
	struct segments s = {h, 4, BIAS};
	struct piece p[SEGMENT_PIECES];

	ck_assert_uint_eq(segments_pieces(&s, p), 1);
	expect(&p[0], 0x2000, 0x3000, PIECE_TEXT);
}
END_TEST

static bool first_hole(uint64_t page)
{
	return page - BIAS == 0x1000;
}

START_TEST(holes_that_are_mapped_belong_to_what_lies_before_them)
{
	const Elf64_Phdr h[] = {load(0, 0x1000, PF_R), load(0x200000, 0x1000, PF_R | PF_X),
				load(0x400000, 0x1000, PF_R | PF_W)};
	struct segments s = {h, 3, BIAS};
	struct piece p[SEGMENT_PIECES];
	unsigned n = segments_pieces(&s, p);

	segments_close(p, n, first_hole);
	ck_assert_uint_eq(n, 3);
	expect(&p[0], 0, 0x200000, PIECE_TEXT);
	expect(&p[1], 0x200000, 0x201000, PIECE_TEXT);
	expect(&p[2], 0x400000, 0x401000, PIECE_DATA);
}
END_TEST

START_TEST(more_pieces_than_there_is_room_for_are_cut)
{
	Elf64_Phdr h[40];
	struct segments s = {h, 40, BIAS};
	struct piece p[SEGMENT_PIECES + 1];

	for (unsigned i = 0; i < 40; i++)
		h[i] = load(i * 0x1000, 0x1000, PF_R);
	memset(p, 0, sizeof(p));
	ck_assert_uint_eq(segments_pieces(&s, p), SEGMENT_PIECES);
	ck_assert_uint_eq(p[SEGMENT_PIECES].range.end, 0);
}
END_TEST

START_TEST(headers_are_found_by_a_sound_first_page_only)
{
	static _Alignas(4096) unsigned char page[4096];
	Elf64_Ehdr *e = (Elf64_Ehdr *)page;
	struct segments s;

	memcpy(e->e_ident, ELFMAG, SELFMAG);
	e->e_ident[EI_CLASS] = ELFCLASS64;
	e->e_phentsize = sizeof(Elf64_Phdr);
	e->e_phoff = sizeof(*e);
	e->e_phnum = 2;
	ck_assert(segments_at(&s, (uint64_t)page));
	ck_assert_uint_eq(s.n, 2);
	ck_assert_ptr_eq(s.header, page + sizeof(*e));
	e->e_phnum = 73; /* one more than the page holds */
	ck_assert(!segments_at(&s, (uint64_t)page));
	e->e_phnum = 72;
	ck_assert(segments_at(&s, (uint64_t)page));
	e->e_phoff = UINT64_MAX;
	ck_assert(!segments_at(&s, (uint64_t)page));
	e->e_phoff = sizeof(*e);
	e->e_ident[EI_CLASS] = ELFCLASS32;
	ck_assert(!segments_at(&s, (uint64_t)page));
	page[0] = 0;
	ck_assert(!segments_at(&s, (uint64_t)page));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("segment");
	TCase *tc = tcase_create("segment");

	tcase_add_test(tc, a_library_is_text_relro_and_data);
	tcase_add_test(tc, a_page_that_relro_shares_with_data_is_data);
	tcase_add_test(tc, relro_of_less_than_a_page_is_none);
	tcase_add_test(tc, headers_out_of_order_and_out_of_the_address_space_end_or_are_left_out);
	tcase_add_test(tc, holes_that_are_mapped_belong_to_what_lies_before_them);
	tcase_add_test(tc, more_pieces_than_there_is_room_for_are_cut);
	tcase_add_test(tc, headers_are_found_by_a_sound_first_page_only);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
