/* SPDX-License-Identifier: BSD-2-Clause */

/* The supervisor's list of sealed ranges: what is added and cut, page by page, against an array. */

#include "supervise/seals.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/unit/unit.h"

#define BASE    0x7f0000000000ull
#define N_PAGES 64

static struct seals list;

static void teardown(void)
{
	seals_deinit(&list);
}

static struct range pages(unsigned from, unsigned to)
{
	return (struct range){BASE + from * CM_PAGE, BASE + to * CM_PAGE};
}

static struct seal_deed deed(enum seal seal, unsigned from, unsigned to)
{
	return (struct seal_deed){.range = pages(from, to), .seal = seal};
}

static int add(unsigned from, unsigned to, unsigned seals, enum policy_key key)
{
	return seals_add(&list, pages(from, to), seals, key);
}

static const struct seal_piece *find(enum seal seal, unsigned from, unsigned to)
{
	struct seal_deed d = deed(seal, from, to);

	return seals_find(&list, &d, NULL);
}

static void clear(enum seal seal, unsigned from, unsigned to)
{
	struct seal_deed d = deed(seal, from, to);

	seals_clear(&list, &d);
}

START_TEST(nothing_is_sealed_at_first)
{
	ck_assert_ptr_null(find(SEAL_UNMAP, 0, N_PAGES));
	clear(SEAL_UNMAP, 0, N_PAGES);
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(a_range_is_found_by_what_touches_it)
{
	ck_assert_int_eq(add(4, 6, SEAL_UNMAP, KEY_SEAL_TEXT), 0);
	ck_assert_ptr_null(find(SEAL_UNMAP, 0, 4));
	ck_assert_ptr_null(find(SEAL_UNMAP, 6, 9));
	ck_assert_ptr_nonnull(find(SEAL_UNMAP, 3, 5));
	ck_assert_ptr_nonnull(find(SEAL_UNMAP, 5, 6));
	ck_assert_ptr_nonnull(find(SEAL_UNMAP, 0, N_PAGES));
	ck_assert_int_eq(find(SEAL_UNMAP, 5, 6)->key, KEY_SEAL_TEXT);
}
END_TEST

START_TEST(a_seal_forbids_its_own_deed)
{
	static const enum seal seals[] = {SEAL_PROT, SEAL_UNMAP, SEAL_REPLACE, SEAL_MOVE,
					  SEAL_DISCARD};

	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(add(i, i + 1, seals[i], KEY_SEAL_TEXT), 0);
	for (unsigned i = 0; i < 5; i++)
		for (unsigned k = 0; k < 5; k++)
			ck_assert((find(seals[k], i, i + 1) != NULL) == (i == k));
}
END_TEST

/* The protection's part in it is not the list's to know. */
START_TEST(downgrade_can_forbid_all_but_unmapping)
{
	ck_assert_int_eq(add(1, 2, SEAL_DOWNGRADE, KEY_NONE), 0);
	ck_assert_ptr_null(find(SEAL_UNMAP, 1, 2));
	ck_assert_ptr_nonnull(find(SEAL_PROT, 1, 2));
	ck_assert_ptr_nonnull(find(SEAL_REPLACE, 1, 2));
	ck_assert_ptr_nonnull(find(SEAL_MOVE, 1, 2));
	ck_assert_ptr_nonnull(find(SEAL_DISCARD, 1, 2));
}
END_TEST

START_TEST(seals_grow_and_keep_their_first_key)
{
	const struct seal_piece *p;

	ck_assert_int_eq(add(0, 4, SEAL_UNMAP, KEY_SEAL_DATA), 0);
	ck_assert_int_eq(add(2, 6, SEAL_PROT, KEY_NONE), 0);
	ck_assert_int_eq(add(3, 4, SEAL_MOVE, KEY_SEAL_TEXT), 0);
	p = find(SEAL_MOVE, 0, N_PAGES);
	ck_assert_uint_eq(p->range.start, BASE + 3 * CM_PAGE);
	ck_assert_uint_eq(p->seals, SEAL_UNMAP | SEAL_MOVE);
	ck_assert_uint_eq(p->own, SEAL_PROT);
	ck_assert_int_eq(p->key, KEY_SEAL_DATA);
	p = find(SEAL_PROT, 5, 6);
	ck_assert_uint_eq(p->seals, 0);
	ck_assert_int_eq(p->key, KEY_NONE);
}
END_TEST

START_TEST(neighbours_that_are_alike_are_one)
{
	add(0, 1, SEAL_ALL, KEY_SEAL_TEXT);
	add(2, 3, SEAL_ALL, KEY_SEAL_TEXT);
	ck_assert_uint_eq(list.n, 2);
	add(1, 2, SEAL_ALL, KEY_SEAL_TEXT);
	ck_assert_uint_eq(list.n, 1);
	add(3, 4, SEAL_ALL, KEY_SEAL_DATA);
	ck_assert_uint_eq(list.n, 2);
	add(0, 4, SEAL_ALL, KEY_SEAL_TEXT);
	ck_assert_uint_eq(list.n, 2);
}
END_TEST

START_TEST(all_pieces_that_can_forbid_are_found)
{
	const struct seal_piece *p = NULL;
	struct seal_deed d = deed(SEAL_UNMAP, 0, N_PAGES);
	unsigned n = 0;

	for (unsigned i = 0; i < 30; i++)
		add(2 * i, 2 * i + 1, i % 3 ? SEAL_UNMAP : SEAL_PROT, KEY_NONE);
	while ((p = seals_find(&list, &d, p))) {
		p++;
		n++;
	}
	ck_assert_uint_eq(n, 20);
}
END_TEST

START_TEST(memory_that_goes_is_forgotten)
{
	add(0, 8, SEAL_PROT, KEY_NONE);
	clear(SEAL_UNMAP, 2, 4);
	ck_assert_ptr_nonnull(find(SEAL_PROT, 1, 2));
	ck_assert_ptr_null(find(SEAL_PROT, 2, 4));
	ck_assert_ptr_nonnull(find(SEAL_PROT, 4, 5));
	clear(SEAL_REPLACE, 0, N_PAGES);
	ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(a_seal_is_never_cut_by_what_it_forbids)
{
	add(0, 2, SEAL_ALL, KEY_SEAL_TEXT);
	add(2, 4, SEAL_PROT, KEY_NONE);
	add(4, 6, SEAL_DOWNGRADE, KEY_NONE);
	clear(SEAL_REPLACE, 0, N_PAGES);
	ck_assert_ptr_nonnull(find(SEAL_REPLACE, 0, 2));
	ck_assert_ptr_null(find(SEAL_PROT, 2, 4));
	ck_assert_ptr_nonnull(find(SEAL_PROT, 4, 6));
	clear(SEAL_UNMAP, 0, N_PAGES);
	ck_assert_ptr_nonnull(find(SEAL_UNMAP, 0, 2));
	ck_assert_ptr_null(find(SEAL_PROT, 4, 6));
}
END_TEST

START_TEST(a_list_has_an_end_and_is_whole_there)
{
	size_t n;

	for (unsigned i = 0; i < SEALS_MAX; i++)
		ck_assert_int_eq(add(2 * i, 2 * i + 1, SEAL_PROT, KEY_NONE), 0);
	ck_assert_int_eq(add(2 * SEALS_MAX, 2 * SEALS_MAX + 1, SEAL_PROT, KEY_NONE), -ENOSPC);
	ck_assert_int_eq(add(0, 4, SEAL_MOVE, KEY_NONE), -ENOSPC); /* splits what there is */
	ck_assert_ptr_null(find(SEAL_MOVE, 0, 8));
	ck_assert_uint_eq(list.n, SEALS_MAX);
	/* What makes it shorter goes on. */
	n = list.n;
	ck_assert_int_eq(add(0, 3, SEAL_PROT, KEY_NONE), 0);
	ck_assert_uint_eq(list.n, n - 1);
	ck_assert_int_eq(add(0, 2 * SEALS_MAX, SEAL_PROT, KEY_NONE), 0);
	ck_assert_uint_eq(list.n, 1);
}
END_TEST

START_TEST(a_range_is_covered_without_gaps)
{
	add(1, 3, SEAL_PROT, KEY_NONE);
	add(3, 4, SEAL_MOVE, KEY_NONE);
	add(5, 6, SEAL_PROT, KEY_NONE);
	ck_assert(seals_cover(&list, pages(1, 4)));
	ck_assert(seals_cover(&list, pages(2, 3)));
	ck_assert(!seals_cover(&list, pages(0, 2)));
	ck_assert(!seals_cover(&list, pages(3, 6)));
	ck_assert(!seals_cover(&list, pages(5, 7)));
}
END_TEST

/* --- against an array of pages --- */

struct model {
	uint8_t seals, own, key;
};

static struct model model[N_PAGES];

/* xorshift64: the same in every run. */
static uint64_t draw(uint64_t below)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static void model_add(unsigned from, unsigned to, unsigned seals, enum policy_key key)
{
	for (; from < to; from++) {
		struct model *m = &model[from];

		if (!m->seals)
			m->key = KEY_NONE;
		if (m->key == KEY_NONE)
			m->key = (uint8_t)key;
		if (key == KEY_NONE)
			m->own |= (uint8_t)seals;
		else
			m->seals |= (uint8_t)seals;
	}
}

static void model_clear(enum seal seal, unsigned from, unsigned to)
{
	for (; from < to; from++) {
		unsigned all = model[from].seals | model[from].own;

		if (!(all & seal) && (!(all & SEAL_DOWNGRADE) || seal == SEAL_UNMAP))
			model[from] = (struct model){0, 0, KEY_NONE};
	}
}

static void lists_agree(void)
{
	uint64_t before = 0;

	for (size_t i = 0; i < list.n; i++) {
		ck_assert_uint_ge(list.at[i].range.start, before);
		ck_assert_uint_lt(list.at[i].range.start, list.at[i].range.end);
		before = list.at[i].range.end;
	}
	for (unsigned page = 0; page < N_PAGES; page++) {
		struct model has = {0, 0, KEY_NONE};

		for (size_t i = 0; i < list.n; i++)
			if (range_contains(list.at[i].range, pages(page, page + 1)))
				has = (struct model){list.at[i].seals, list.at[i].own,
						     list.at[i].key};
		ck_assert_msg(has.seals == model[page].seals && has.own == model[page].own &&
				      (has.key == model[page].key || !has.seals),
			      "page %u: %#x %#x by %u, not %#x %#x by %u", page, has.seals, has.own,
			      has.key, model[page].seals, model[page].own, model[page].key);
	}
}

START_TEST(random_changes_come_out_as_in_an_array)
{
	static const enum policy_key keys[] = {KEY_NONE, KEY_SEAL_TEXT, KEY_SEAL_DATA};
	static const enum seal takes[] = {SEAL_UNMAP, SEAL_REPLACE, SEAL_MOVE};

	for (int round = 0; round < 300; round++) {
		seals_deinit(&list);
		for (unsigned i = 0; i < N_PAGES; i++)
			model[i] = (struct model){0, 0, KEY_NONE};
		for (int i = 0; i < 60; i++) {
			unsigned from = (unsigned)draw(N_PAGES), to;
			unsigned seals = 1 + (unsigned)draw(SEAL_KNOWN);
			enum policy_key key = keys[draw(3)];

			to = from + 1 + (unsigned)draw(N_PAGES - from < 9 ? N_PAGES - from : 9);
			if (draw(3)) {
				ck_assert_int_eq(add(from, to, seals, key), 0);
				model_add(from, to, seals, key);
			} else {
				enum seal t = takes[draw(3)];

				clear(t, from, to);
				model_clear(t, from, to);
			}
			lists_agree();
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("seals");
	TCase *t = tcase_create("seals");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, nothing_is_sealed_at_first);
	tcase_add_test(t, a_range_is_found_by_what_touches_it);
	tcase_add_test(t, a_seal_forbids_its_own_deed);
	tcase_add_test(t, downgrade_can_forbid_all_but_unmapping);
	tcase_add_test(t, seals_grow_and_keep_their_first_key);
	tcase_add_test(t, neighbours_that_are_alike_are_one);
	tcase_add_test(t, all_pieces_that_can_forbid_are_found);
	tcase_add_test(t, memory_that_goes_is_forgotten);
	tcase_add_test(t, a_seal_is_never_cut_by_what_it_forbids);
	tcase_add_test(t, a_list_has_an_end_and_is_whole_there);
	tcase_add_test(t, a_range_is_covered_without_gaps);
	tcase_add_test(t, random_changes_come_out_as_in_an_array);
	tcase_set_timeout(t, 30);
	suite_add_tcase(s, t);
	return unit_run(s);
}
