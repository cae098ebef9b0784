/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/tag.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/unit.h"

/* The test vectors of SipHash's authors: key 00 01 … 0f, message 00 01 … 07 (reference
 * implementation, vectors.h, vectors_sip64[8]: 62 24 93 9a 79 f5 f5 93). */
START_TEST(the_tag_is_siphash)
{
	const struct tag_key k = {.k = {0x0706050403020100ull, 0x0f0e0d0c0b0a0908ull}};
	uint64_t sip = 0x93f5f5799a932462ull;

	ck_assert_uint_eq(tag_value(&k, 0x03020100, 0x07060504),
			  sip << TAG_INDEX_BITS | 0x03020100);
}
END_TEST

START_TEST(a_value_tells_its_slot)
{
	struct tag_key k;

	ck_assert_int_eq(tag_key_draw(&k), 0);
	for (uint32_t i = 1; i < 1u << TAG_INDEX_BITS; i *= 3)
		ck_assert_uint_eq(tag_index(tag_value(&k, i, 7)), i);
}
END_TEST

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(no_use_of_a_slot_has_the_value_of_another)
{
	enum { N = 100000 };
	uint64_t *value = calloc(N, sizeof(*value));
	struct tag_key k;

	ck_assert_int_eq(tag_key_draw(&k), 0);
	for (uint32_t i = 0; i < N; i++)
		value[i] = tag_value(&k, 5, i);
	qsort(value, N, sizeof(*value), by_value);
	for (uint32_t i = 1; i < N; i++)
		ck_assert_uint_ne(value[i - 1], value[i]);
	free(value);
}
END_TEST

START_TEST(two_processes_draw_other_keys)
{
	struct tag_key a, b;

	ck_assert_int_eq(tag_key_draw(&a), 0);
	ck_assert_int_eq(tag_key_draw(&b), 0);
	ck_assert_uint_ne(tag_value(&a, 1, 0), tag_value(&b, 1, 0));
}
END_TEST

START_TEST(a_fork_child_opens_other_values_than_its_parent_and_its_siblings)
{
	struct tag_key parent, one, other;

	ck_assert_int_eq(tag_key_draw(&parent), 0);
	one = parent;
	other = parent;
	tag_key_fork(&one);
	tag_key_fork(&other);
	ck_assert_uint_ne(tag_value(&parent, 1, 0), tag_value(&one, 1, 0));
	ck_assert_uint_ne(tag_value(&parent, 1, 0), tag_value(&other, 1, 0));
	ck_assert_uint_ne(tag_value(&one, 1, 0), tag_value(&other, 1, 0));
}
END_TEST

START_TEST(what_is_drawn_at_random_is_no_tag)
{
	struct tag_key k;
	uint64_t first, second;

	ck_assert_int_eq(tag_key_draw(&k), 0);
	first = tag_random(&k);
	second = tag_random(&k);
	ck_assert_uint_ne(first, second);
	for (uint32_t i = 1; i < 1000; i++)
		ck_assert_uint_ne(tag_value(&k, i, 0) >> TAG_INDEX_BITS,
				  first << TAG_INDEX_BITS >> TAG_INDEX_BITS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tag");
	TCase *c = tcase_create("tag");

	tcase_add_test(c, the_tag_is_siphash);
	tcase_add_test(c, a_value_tells_its_slot);
	tcase_add_test(c, no_use_of_a_slot_has_the_value_of_another);
	tcase_add_test(c, two_processes_draw_other_keys);
	tcase_add_test(c, a_fork_child_opens_other_values_than_its_parent_and_its_siblings);
	tcase_add_test(c, what_is_drawn_at_random_is_no_tag);
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
