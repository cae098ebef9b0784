/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/region.h"

#include <errno.h>
#include <stdlib.h>
#include "tests/unit/region_model.h"
#include "tests/unit/unit.h"

static uint64_t seed;

static uint64_t draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static struct region region(uint64_t start, uint64_t end, uint8_t prot)
{
	return (struct region){
		.range = {start, end}, .owner = 7, .prot = prot, .max_prot = 7, .seals = 0xa5};
}

static struct regions table_new(void)
{
	struct regions t;

	model_pages_fail(0, 0);
	ck_assert_int_eq(regions_init(&t, model_pages), 0);
	return t;
}

static void set(struct regions *t, uint64_t start, uint64_t end, uint8_t prot)
{
	struct region r = region(start, end, prot);
	int error;

	while ((error = regions_set(t, &r)) == -ENOMEM)
		ck_assert_int_eq(regions_grow(t, model_pages), 0);
	ck_assert_int_eq(error, 0);
}

static void protect(struct regions *t, uint64_t start, uint64_t end, uint8_t prot)
{
	int error;

	while ((error = regions_protect(t, (struct range){start, end}, prot)) == -ENOMEM)
		ck_assert_int_eq(regions_grow(t, model_pages), 0);
	ck_assert_int_eq(error, 0);
}

/* The i-th region of the table is this one. */
static void expect(const struct regions *t, unsigned i, uint64_t start, uint64_t end, uint8_t prot)
{
	struct range rest = {0, UINT64_MAX};
	struct region r;

	for (unsigned k = 0; k <= i; k++) {
		ck_assert(regions_first(t, rest, &r));
		rest.start = r.range.end;
	}
	ck_assert_uint_eq(r.range.start, start);
	ck_assert_uint_eq(r.range.end, end);
	ck_assert_uint_eq(r.prot, prot);
	ck_assert_uint_eq(r.owner, 7);
	ck_assert_uint_eq(r.max_prot, 7);
	ck_assert_uint_eq(r.seals, 0xa5);
}

START_TEST(an_empty_table_knows_nothing)
{
	struct regions t = table_new();
	struct region r = {.owner = 99};

	ck_assert(!regions_first(&t, (struct range){0, UINT64_MAX}, &r));
	ck_assert_uint_eq(r.owner, 99);
	ck_assert_int_eq(regions_clear(&t, (struct range){0x1000, 0x2000}), 0);
	ck_assert_int_eq(regions_protect(&t, (struct range){0x1000, 0x2000}, 1), 0);
	ck_assert_uint_eq(t.n, 0);
}
END_TEST

START_TEST(an_empty_range_is_refused_and_overlaps_nothing)
{
	struct regions t = table_new();
	struct region r = region(0x2000, 0x2000, 3);

	ck_assert_int_eq(regions_set(&t, &r), -EINVAL);
	ck_assert_int_eq(regions_clear(&t, r.range), -EINVAL);
	ck_assert_int_eq(regions_protect(&t, (struct range){0x3000, 0x2000}, 1), -EINVAL);
	ck_assert_uint_eq(t.n, 0);
	set(&t, 0x1000, 0x4000, 3);
	ck_assert(!regions_first(&t, (struct range){0x2000, 0x2000}, &r));
	regions_forget(&t, (struct range){0x2000, 0x2000});
	ck_assert_uint_eq(t.n, 1);
}
END_TEST

START_TEST(a_region_is_found_by_any_of_its_pages_and_by_no_other)
{
	struct regions t = table_new();
	struct region r;

	set(&t, 0x2000, 0x5000, 3);
	for (uint64_t p = 0x2000; p < 0x5000; p += 0x1000)
		ck_assert(regions_first(&t, (struct range){p, p + 1}, &r));
	ck_assert(!regions_first(&t, (struct range){0x1000, 0x2000}, &r));
	ck_assert(!regions_first(&t, (struct range){0x5000, 0x6000}, &r));
	ck_assert(regions_first(&t, (struct range){0, 0x2001}, &r));
}
END_TEST

START_TEST(clearing_the_middle_leaves_both_ends)
{
	struct regions t = table_new();

	set(&t, 0x1000, 0x9000, 3);
	ck_assert_int_eq(regions_clear(&t, (struct range){0x3000, 0x4000}), 0);
	ck_assert_uint_eq(t.n, 2);
	expect(&t, 0, 0x1000, 0x3000, 3);
	expect(&t, 1, 0x4000, 0x9000, 3);
}
END_TEST

START_TEST(clearing_across_regions_trims_both_edges)
{
	struct regions t = table_new();

	set(&t, 0x1000, 0x3000, 1);
	set(&t, 0x3000, 0x5000, 3);
	set(&t, 0x5000, 0x7000, 5);
	ck_assert_int_eq(regions_clear(&t, (struct range){0x2000, 0x6000}), 0);
	ck_assert_uint_eq(t.n, 2);
	expect(&t, 0, 0x1000, 0x2000, 1);
	expect(&t, 1, 0x6000, 0x7000, 5);
}
END_TEST

START_TEST(setting_replaces_what_it_overlaps)
{
	struct regions t = table_new();

	set(&t, 0x1000, 0x9000, 3);
	set(&t, 0x3000, 0x5000, 0);
	ck_assert_uint_eq(t.n, 3);
	expect(&t, 0, 0x1000, 0x3000, 3);
	expect(&t, 1, 0x3000, 0x5000, 0);
	expect(&t, 2, 0x5000, 0x9000, 3);
}
END_TEST

START_TEST(protecting_keeps_all_else_and_leaves_unknown_pages_unknown)
{
	struct regions t = table_new();

	set(&t, 0x1000, 0x3000, 3);
	set(&t, 0x5000, 0x7000, 3);
	ck_assert_int_eq(regions_protect(&t, (struct range){0x2000, 0x6000}, 1), 0);
	ck_assert_uint_eq(t.n, 4);
	expect(&t, 1, 0x2000, 0x3000, 1);
	expect(&t, 2, 0x5000, 0x6000, 1);
	expect(&t, 3, 0x6000, 0x7000, 3);
}
END_TEST

START_TEST(sealing_adds_to_what_is_known_and_makes_the_rest_known)
{
	struct regions t = table_new();
	struct region r;

	set(&t, 0x2000, 0x4000, 3);
	ck_assert_int_eq(regions_seal(&t, (struct range){0x1000, 0x3000}, 0x0a, 9), 0);
	ck_assert(regions_first(&t, (struct range){0x1000, 0x2000}, &r));
	ck_assert_uint_eq(r.owner, 9);
	ck_assert_uint_eq(r.seals, 0x0a);
	ck_assert_uint_eq(r.range.end, 0x2000);
	ck_assert(regions_first(&t, (struct range){0x2000, 0x3000}, &r));
	ck_assert_uint_eq(r.owner, 7);
	ck_assert_uint_eq(r.seals, 0xa5 | 0x0a);
	ck_assert_uint_eq(r.range.end, 0x3000);
	expect(&t, 2, 0x3000, 0x4000, 3);
	ck_assert_int_eq(regions_seal(&t, (struct range){0x1000, 0x1000}, 1, 1), -EINVAL);
}
END_TEST

START_TEST(a_piece_that_is_protected_back_joins_its_region)
{
	struct regions t = table_new();

	set(&t, 0x100000, 0x200000, 3);
	for (uint64_t p = 0x100000; p < 0x200000; p += 0x1000) {
		protect(&t, p, p + 0x1000, 5);
		ck_assert_uint_le(t.n, 3);
		protect(&t, p, p + 0x1000, 3);
		ck_assert_uint_eq(t.n, 1);
	}
	expect(&t, 0, 0x100000, 0x200000, 3);
}
END_TEST

/* Random pages of one region over several leaves, among them pairs that a leaf's edge divides. */
START_TEST(toggling_single_pages_at_random_does_not_make_the_table_grow)
{
	struct regions t = table_new();
	uint64_t base = 0x10000000, n_pages = 4000;

	seed = 1 + (uint64_t)_i;
	set(&t, base, base + n_pages * CM_PAGE, 3);
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t p = base + draw() % n_pages * CM_PAGE;

		protect(&t, p, p + CM_PAGE, draw() & 1 ? 5 : 3);
	}
	ck_assert_uint_gt(t.n, 500);
	model_check_tree(&t);
	for (uint64_t p = base; p < base + n_pages * CM_PAGE; p += CM_PAGE)
		protect(&t, p, p + CM_PAGE, 3);
	ck_assert_uint_eq(t.n, 1);
}
END_TEST

START_TEST(mapping_and_unmapping_one_place_takes_no_memory)
{
	struct regions t = table_new();
	struct region r = region(0x1000, 0x2000, 3);
	uint64_t arena;

	for (uint64_t i = 0; i < 5000; i++)
		set(&t, 0x100000 + 2 * i * CM_PAGE, 0x100000 + (2 * i + 1) * CM_PAGE, 3);
	arena = t.arena_bytes;
	for (unsigned i = 0; i < 100000; i++) {
		ck_assert_int_eq(regions_set(&t, &r), 0);
		ck_assert_int_eq(regions_clear(&t, r.range), 0);
	}
	ck_assert_uint_eq(t.arena_bytes, arena);
	ck_assert_uint_eq(t.n, 5000);
}
END_TEST

/* A churn of 300 000 regions, three levels of inner nodes: random, ascending, descending. */
START_TEST(many_regions_stay_in_order_and_take_at_most_64_bytes_each)
{
	struct regions t = table_new();
	unsigned n = 300000, *order = calloc(n, sizeof(*order));

	seed = 99;
	ck_assert_ptr_nonnull(order);
	for (unsigned i = 0; i < n; i++)
		order[i] = _i == 2 ? n - 1 - i : i;
	for (unsigned i = n - 1; _i == 0 && i; i--) {
		unsigned j = (unsigned)(draw() % (i + 1)), swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
	for (unsigned i = 0; i < n; i++)
		set(&t, (2 + 2ull * order[i]) * CM_PAGE, (3 + 2ull * order[i]) * CM_PAGE, 3);
	model_check_tree(&t);
	ck_assert_uint_eq(t.n, n);
	ck_assert_uint_le(t.arena_bytes, 64ull * n);
	for (unsigned i = 0; i < n; i++) {
		uint64_t p = (2 + 2ull * order[(i * 7ull) % n]) * CM_PAGE;

		ck_assert_int_eq(regions_clear(&t, (struct range){p, p + CM_PAGE}), 0);
		if (i % 50000 == 0)
			model_check_tree(&t);
	}
	model_check_tree(&t);
	ck_assert_uint_eq(t.n, 0);
	ck_assert_uint_eq(t.height, 0);
	free(order);
}
END_TEST

struct shape {
	unsigned n_pages; /* in the model */
	unsigned max_len; /* pages an operation is for */
	unsigned n_ops;
	unsigned compare; /* whole, after every so many operations */
};

static const struct shape shapes[] = {
	{64, 16, 20000, 1},        /* everything collides */
	{3000, 4, 30000, 50},      /* one level of inner nodes */
	{30000, 2, 60000, 2000},   /* two */
	{30000, 3000, 20000, 100}, /* large ranges over small ones */
};

#define N_SHAPES 4
#define N_SEEDS  6

/* Return: how many operations failed for want of memory. */
static unsigned run(struct model *m, const struct shape *s, uint64_t with_seed)
{
	unsigned failed = 0;

	seed = 0x9e3779b97f4a7c15ull * (with_seed + 1);
	for (unsigned i = 0; i < s->n_ops; i++) {
		/* sets are the most frequent, large forgets rare, or the table would stay empty */
		static const uint8_t kinds[] = {0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 5, 3, 3, 5};
		enum model_op op = i % 500 == 499 ? MODEL_FORGET : kinds[draw() % 16];
		unsigned len = 1 + (unsigned)(draw() % s->max_len);
		int r;

		if (s->max_len > 100 && draw() % 64)
			len = 1 + len % 3;
		r = model_do(m, op, (unsigned)(draw() % s->n_pages), len, (uint8_t)draw());
		failed += r == -ENOMEM;
		if (r || i % s->compare == 0) {
			model_compare(m);
			model_check_tree(&m->t);
		}
	}
	model_compare(m);
	model_check_tree(&m->t);
	return failed;
}

START_TEST(random_operations_do_what_an_array_of_pages_does)
{
	struct model m;

	model_pages_fail(0, 0);
	ck_assert_int_eq(model_init(&m, shapes[_i % N_SHAPES].n_pages), 0);
	ck_assert_uint_eq(run(&m, &shapes[_i % N_SHAPES], (uint64_t)_i / N_SHAPES), 0);
	model_deinit(&m);
}
END_TEST

START_TEST(without_memory_an_operation_fails_and_the_table_is_whole)
{
	struct shape s = {40000, 8, 40000, 8000};
	struct model m;
	unsigned n, failed = 0;

	model_pages_fail(0, 0);
	ck_assert_int_eq(model_init(&m, s.n_pages), 0);
	ck_assert_uint_eq(run(&m, &s, 1), 0);
	n = model_pages_calls();
	ck_assert_uint_ge(n, 10);
	model_deinit(&m);

	model_pages_fail(1, 1);
	ck_assert_int_eq(model_init(&m, s.n_pages), -ENOMEM);
	for (unsigned k = 2; k <= n; k++) {
		/* once, and then there is memory again; or never again */
		model_pages_fail(k, _i ? k + 200 : k);
		ck_assert_int_eq(model_init(&m, s.n_pages), 0);
		failed = run(&m, &s, 1);
		ck_assert_msg(failed >= 1, "allocation %u of %u was not asked for", k, n);
		model_deinit(&m);
	}
}
END_TEST

START_TEST(without_memory_a_hole_that_needs_a_node_is_refused)
{
	struct regions t = table_new();
	uint64_t base = 0x10000000, at = base, n;
	int r;

	set(&t, base, base + 20000 * CM_PAGE, 3);
	model_pages_fail(1, UINT32_MAX);
	do {
		at += 2 * CM_PAGE;
		n = t.n;
		r = regions_clear(&t, (struct range){at, at + CM_PAGE});
	} while (!r && n < 9000);
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert_uint_eq(t.n, n);
	model_check_tree(&t);
	regions_forget(&t, (struct range){at, at + CM_PAGE});
	ck_assert_uint_eq(t.n, n - 1);
	expect(&t, 0, base, base + 2 * CM_PAGE, 3);
	model_check_tree(&t);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("regions");
	TCase *plain = tcase_create("plain"), *large = tcase_create("large");

	tcase_add_test(plain, an_empty_table_knows_nothing);
	tcase_add_test(plain, an_empty_range_is_refused_and_overlaps_nothing);
	tcase_add_test(plain, a_region_is_found_by_any_of_its_pages_and_by_no_other);
	tcase_add_test(plain, clearing_the_middle_leaves_both_ends);
	tcase_add_test(plain, clearing_across_regions_trims_both_edges);
	tcase_add_test(plain, setting_replaces_what_it_overlaps);
	tcase_add_test(plain, protecting_keeps_all_else_and_leaves_unknown_pages_unknown);
	tcase_add_test(plain, sealing_adds_to_what_is_known_and_makes_the_rest_known);
	tcase_add_test(plain, a_piece_that_is_protected_back_joins_its_region);
	suite_add_tcase(suite, plain);
	tcase_set_timeout(large, 60);
	tcase_add_loop_test(large, toggling_single_pages_at_random_does_not_make_the_table_grow, 0,
			    3);
	tcase_add_test(large, mapping_and_unmapping_one_place_takes_no_memory);
	tcase_add_loop_test(large, many_regions_stay_in_order_and_take_at_most_64_bytes_each, 0, 3);
	tcase_add_loop_test(large, random_operations_do_what_an_array_of_pages_does, 0,
			    N_SHAPES * N_SEEDS);
	tcase_add_loop_test(large, without_memory_an_operation_fails_and_the_table_is_whole, 0, 2);
	tcase_add_test(large, without_memory_a_hole_that_needs_a_node_is_refused);
	suite_add_tcase(suite, large);
	return unit_run(suite);
}
