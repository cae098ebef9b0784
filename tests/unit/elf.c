/* SPDX-License-Identifier: BSD-2-Clause */

/* What is executable in an ELF object, and which functions its unwinder tables tell of. */

#include "supervise/elf.h"

#include <check.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

static const struct image_function three[] = {{0, 0x10}, {0x10, 0x23}, {0x40, 0x40}};
static const uint8_t code[0x80] = {0x90};
static struct image m;

static void make(const struct image_tables *how)
{
	image_init(&m, code, sizeof(code));
	if (how)
		image_add_functions(&m, three, 3, how);
}

static Elf64_Ehdr *header(void)
{
	return (Elf64_Ehdr *)m.bytes;
}

static Elf64_Phdr *segment(size_t i)
{
	return (Elf64_Phdr *)(m.bytes + sizeof(Elf64_Ehdr)) + i;
}

static int init(struct elf *e)
{
	return elf_init(e, m.bytes, m.size);
}

/* How many functions are told; *fp is the caller's. */
static size_t functions(struct elf_range **fp)
{
	struct elf e;
	size_t n;

	ck_assert_int_eq(init(&e), 0);
	ck_assert_int_eq(elf_functions(&e, fp, &n), 0);
	return n;
}

static size_t n_functions(void)
{
	struct elf_range *f;
	size_t n = functions(&f);

	free(f);
	return n;
}

START_TEST(text_is_what_is_loaded_executable)
{
	struct elf e;

	make(&(struct image_tables){0x1b, true, 1, "zR"});
	ck_assert_int_eq(init(&e), 0);
	ck_assert_uint_eq(e.n_loads, 2);
	ck_assert_uint_eq(e.n_texts, 1);
	ck_assert_uint_eq(e.text[0].offset, IMAGE_CODE);
	ck_assert_uint_eq(e.text[0].addr, IMAGE_CODE + IMAGE_BASE);
	ck_assert_uint_eq(e.text[0].size, sizeof(code));
}
END_TEST

/* Loop: every way to be no program for this processor. */
START_TEST(what_is_no_program_is_refused)
{
	struct elf e;

	make(NULL);
	ck_assert_int_eq(init(&e), 0);
	switch (_i) {
	case 0:
		m.bytes[1] = 'X';
		break;
	case 1:
		header()->e_ident[EI_CLASS] = ELFCLASS32;
		break;
	case 2:
		header()->e_ident[EI_DATA] = ELFDATA2MSB;
		break;
	case 3:
		header()->e_machine = EM_AARCH64;
		break;
	case 4:
		header()->e_type = ET_REL;
		break;
	case 5:
		header()->e_phentsize--;
		break;
	case 6:
		header()->e_phoff = m.size;
		break;
	case 7:
		header()->e_phoff = UINT64_MAX - 8;
		break;
	case 8:
		header()->e_phnum = 0xffff;
		break;
	case 9:
		segment(0)->p_offset = m.size;
		break;
	case 10:
		segment(0)->p_filesz = UINT64_MAX;
		break;
	case 11:
		segment(0)->p_vaddr = UINT64_MAX - 8;
		break;
	case 12:
		m.size = sizeof(Elf64_Ehdr) - 1;
		break;
	}
	ck_assert_int_eq(init(&e), -ENOEXEC);
}
END_TEST

/* Loop: they overlap in the file, in memory, or come in the wrong order. */
START_TEST(texts_that_overlap_are_refused)
{
	static const struct {
		uint64_t offset, addr;
	} second[] = {{0x20, 0x1000}, {0x40, 0x20}, {0x40, (uint64_t)-0x40}};
	struct elf e;

	make(NULL);
	segment(0)->p_filesz = 0x40;
	*segment(1) = *segment(0);
	header()->e_phnum = 2;
	segment(1)->p_offset += 0x40;
	segment(1)->p_vaddr += 0x40;
	ck_assert_int_eq(init(&e), 0);
	segment(1)->p_offset = segment(0)->p_offset + second[_i].offset;
	segment(1)->p_vaddr = segment(0)->p_vaddr + second[_i].addr;
	ck_assert_int_eq(init(&e), -ENOEXEC);
}
END_TEST

START_TEST(addresses_are_found_in_the_file)
{
	struct elf_range r;
	struct elf e;

	make(NULL);
	ck_assert_int_eq(init(&e), 0);
	ck_assert(elf_find(&e, IMAGE_BASE + IMAGE_CODE + 0x7f, &r));
	ck_assert_uint_eq(r.offset, IMAGE_CODE + 0x7f);
	ck_assert_uint_eq(r.size, 1);
	ck_assert(!elf_find(&e, IMAGE_BASE + IMAGE_CODE + 0x80, &r));
	ck_assert(!elf_find(&e, IMAGE_BASE + IMAGE_CODE - 1, &r));
	ck_assert(!elf_find(&e, 0, &r));
	ck_assert(!elf_find(&e, UINT64_MAX, &r));
}
END_TEST

static const struct image_tables known[] = {
	{0x1b, true, 1, "zR"},   {0x1b, false, 1, "zR"},  {0x00, true, 1, "zR"},
	{0x03, true, 1, "zR"},   {0x04, false, 1, "zR"},  {0x0b, true, 1, "zR"},
	{0x0c, true, 1, "zR"},   {0x14, false, 1, "zR"},  {0x14, true, 1, "zR"},
	{0x1c, true, 1, "zR"},   {0x01, false, 1, "zR"},  {0x19, true, 1, "zR"},
	{0x1b, true, 3, "zR"},   {0x1b, true, 1, "zPLR"}, {0x1b, false, 3, "zPLR"},
	{0x1b, true, 1, "zRSB"}, {0x1b, false, 1, "zRS"}, {0x00, true, 1, ""},
	{0x00, false, 3, ""},
};

START_TEST(functions_are_told_in_every_encoding)
{
	struct elf_range *f;

	make(known + _i);
	ck_assert_uint_eq(functions(&f), 3);
	for (int i = 0; i < 3; i++) {
		ck_assert_uint_eq(f[i].offset, IMAGE_CODE + three[i].at);
		ck_assert_uint_eq(f[i].addr, IMAGE_CODE + IMAGE_BASE + three[i].at);
		ck_assert_uint_eq(f[i].size, three[i].size);
	}
	free(f);
}
END_TEST

/* Indirect, relative to what nobody knows, omitted, no form; versions and augmentations. */
static const struct image_tables unknown[] = {
	{0x9b, true, 1, "zR"},
	{0x2b, false, 1, "zR"},
	{0x3b, true, 1, "zR"},
	{0x4b, true, 1, "zR"},
	{0x5b, true, 1, "zR"},
	{0xff, true, 1, "zR"},
	{0x1d, false, 1, "zR"},
	{0x1b, true, 2, "zR"},
	{0x1b, true, 4, "zR"},
	{0x1b, true, 1, "eh"},
	{0x1b, true, 1, "zXR"},
	{0x1b, true, 1, "R"},
	{0x1b, true, 1, "zSSSSSSSSSSSSSSSSSR"},
};

START_TEST(what_is_not_understood_tells_none)
{
	make(unknown + _i);
	ck_assert_uint_eq(n_functions(), 0);
}
END_TEST

START_TEST(an_object_without_tables_has_no_functions)
{
	make(NULL);
	ck_assert_uint_eq(n_functions(), 0);
}
END_TEST

START_TEST(one_function_ends_where_the_next_begins)
{
	static const struct image_function over[] = {
		{0x40, 0x20}, {0, 0x50}, {0x10, 4}, {0x10, 0x40}, {0x70, 0x11}};
	struct elf_range *f;

	image_init(&m, code, sizeof(code));
	image_add_functions(&m, over, 5, &(struct image_tables){0x1b, true, 1, "zR"});
	ck_assert_uint_eq(functions(&f), 3); /* the last one is not all in the text */
	ck_assert_uint_eq(f[0].size, 0x10);
	ck_assert_uint_eq(f[1].size, 0x30);
	ck_assert_uint_eq(f[2].size, 0x20);
	free(f);
}
END_TEST

/* A count of entries that the header has no room for reads nothing behind it. */
START_TEST(the_search_table_ends_with_its_segment)
{
	size_t at;

	make(&(struct image_tables){0x1b, true, 1, "zR"});
	at = segment(2)->p_offset + 8;
	memset(m.bytes + at, 0xff, 4);
	ck_assert_uint_eq(n_functions(), 3);
	segment(2)->p_filesz -= 1;
	ck_assert_uint_eq(n_functions(), 2);
}
END_TEST

/* Each byte of the object flipped: whatever it then tells lies in the text. */
START_TEST(no_damage_leads_out_of_the_text)
{
	struct elf_range *f;
	struct elf e;
	size_t n;

	for (size_t i = 0; i < 8; i++) {
		make(known + (_i ? 14 : 0));
		for (size_t at = 0; at < m.size; at++) {
			m.bytes[at] ^= 1 << i;
			if (!init(&e) && !elf_functions(&e, &f, &n)) {
				for (size_t k = 0; k < n; k++)
					ck_assert(f[k].offset >= e.text[0].offset &&
						  f[k].offset + f[k].size <=
							  e.text[0].offset + e.text[0].size);
				free(f);
			}
			m.bytes[at] ^= 1 << i;
		}
	}
}
END_TEST

START_TEST(no_length_is_too_short)
{
	struct elf_range *f;
	struct elf e;
	size_t n;

	make(known);
	for (size_t size = 0; size <= m.size; size++) {
		uint8_t *exact = malloc(size + 1);

		memcpy(exact, m.bytes, size);
		ck_assert_int_eq(elf_init(&e, exact, size), size < m.size ? -ENOEXEC : 0);
		if (size == m.size) {
			ck_assert_int_eq(elf_functions(&e, &f, &n), 0);
			ck_assert_uint_eq(n, 3);
			free(f);
		}
		free(exact);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("elf");
	TCase *t = tcase_create("elf");

	tcase_add_test(t, text_is_what_is_loaded_executable);
	tcase_add_loop_test(t, what_is_no_program_is_refused, 0, 13);
	tcase_add_loop_test(t, texts_that_overlap_are_refused, 0, 3);
	tcase_add_test(t, addresses_are_found_in_the_file);
	tcase_add_loop_test(t, functions_are_told_in_every_encoding, 0,
			    sizeof(known) / sizeof(*known));
	tcase_add_loop_test(t, what_is_not_understood_tells_none, 0,
			    sizeof(unknown) / sizeof(*unknown));
	tcase_add_test(t, an_object_without_tables_has_no_functions);
	tcase_add_test(t, one_function_ends_where_the_next_begins);
	tcase_add_test(t, the_search_table_ends_with_its_segment);
	tcase_add_loop_test(t, no_damage_leads_out_of_the_text, 0, 2);
	tcase_add_test(t, no_length_is_too_short);
	suite_add_tcase(s, t);
	return unit_run(s);
}
