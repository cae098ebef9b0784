/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/pages.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include "interpose/arena.h"
#include "interpose/state.h"
#include "tests/unit/unit.h"

/*
 * The words of pages. pages.c is compiled into this program, with an arena that can fail, and that
 * can let something else happen just when it is asked: each test is a process of its own, so each
 * begins with nothing prepared.
 */

#define GIB         (1ull << 30)
#define TOP         (1ull << 47)
#define HERE        (5 * GIB)
#define WORD        (PAGE_MANAGED | 7 << PAGE_OWNER_SHIFT)
#define N_THREADS   2
#define N_LEAVES    2000
#define MODEL_PAGES 3000
#define MODEL_STEPS 20000

union state_page state_page; /* no gate: calls are raw */

static unsigned n_asked, fail_at; /* the call of the arena's that fails, from 1; 0: none */
static void (*meanwhile)(void);
static uint64_t last_given;

uint64_t arena_pages(size_t len_bytes)
{
	void (*other)(void) = meanwhile;
	void *p;

	if (__atomic_add_fetch(&n_asked, 1, __ATOMIC_RELAXED) == fail_at)
		return 0;
	p = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return 0;
	meanwhile = NULL;
	if (other)
		other();
	last_given = (uint64_t)p;
	return (uint64_t)p;
}

static struct range range_of(uint64_t start, uint64_t n_pages)
{
	return (struct range){start, start + n_pages * CM_PAGE};
}

static void prepare(uint64_t start, uint64_t n_pages)
{
	ck_assert_int_eq(pages_prepare(range_of(start, n_pages)), 0);
}

static page_word word_at(uint64_t addr)
{
	const page_word *word = pages_find(addr);

	ck_assert_ptr_nonnull(word);
	return page_get(word);
}

static void count_word(page_word *word, uint64_t np)
{
	ck_assert_ptr_nonnull(word);
	++*(uint64_t *)np;
}

static uint64_t words_in(struct range range)
{
	uint64_t n = 0;

	pages_each(range, count_word, (uint64_t)&n);
	return n;
}

START_TEST(before_anything_is_prepared_nothing_is_managed)
{
	const struct range all = {0, TOP};

	ck_assert_ptr_null(pages_find(HERE));
	ck_assert(!page_is_managed(HERE));
	ck_assert_uint_eq(words_in(all), 0);
	ck_assert(!pages_any(all));
	ck_assert(!pages_all(all));
	pages_set(range_of(HERE, 10), 0); /* as every munmap does */
	ck_assert_uint_eq(n_asked, 0);
}
END_TEST

START_TEST(what_is_prepared_is_zero_and_not_managed)
{
	prepare(HERE, 10);
	for (uint64_t i = 0; i < 10; i++)
		ck_assert_uint_eq(word_at(HERE + i * CM_PAGE), 0);
	ck_assert(!pages_any(range_of(HERE, 10)));
	ck_assert_ptr_null(pages_find(HERE + GIB));
}
END_TEST

START_TEST(a_range_is_set_and_nothing_beside_it)
{
	prepare(HERE, 10);
	pages_set(range_of(HERE + 3 * CM_PAGE, 4), WORD);
	for (uint64_t i = 0; i < 10; i++) {
		uint64_t addr = HERE + i * CM_PAGE;
		bool in = i >= 3 && i < 7;

		ck_assert_uint_eq(word_at(addr), in ? WORD : 0);
		ck_assert(page_is_managed(addr) == in);
		ck_assert(page_is_managed(addr + CM_PAGE - 1) == in);
	}
	ck_assert(pages_any(range_of(HERE, 4)));
	ck_assert(!pages_any(range_of(HERE, 3)));
	ck_assert(!pages_any(range_of(HERE + 7 * CM_PAGE, 3)));
	ck_assert(pages_all(range_of(HERE + 3 * CM_PAGE, 4)));
	ck_assert(!pages_all(range_of(HERE + 2 * CM_PAGE, 4)));
	ck_assert(!pages_all(range_of(HERE + 4 * CM_PAGE, 4)));
}
END_TEST

START_TEST(a_range_may_lie_in_three_gib)
{
	const struct range range = {HERE - 2 * CM_PAGE, HERE + GIB + 3 * CM_PAGE};

	ck_assert_int_eq(pages_prepare(range), 0);
	pages_set(range, WORD);
	ck_assert(pages_all(range));
	ck_assert_uint_eq(word_at(range.start), WORD);
	ck_assert_uint_eq(word_at(HERE), WORD);
	ck_assert_uint_eq(word_at(HERE + GIB), WORD);
	ck_assert_uint_eq(word_at(range.end - 1), WORD);
	ck_assert(!page_is_managed(range.start - 1));
	ck_assert(!page_is_managed(range.end));
	ck_assert_uint_eq(words_in(range), range_len(range) / CM_PAGE);
}
END_TEST

START_TEST(a_range_of_which_a_part_was_never_prepared_is_not_managed_as_a_whole)
{
	prepare(HERE + GIB - 4 * CM_PAGE, 4);
	pages_set(range_of(HERE + GIB - 4 * CM_PAGE, 4), WORD);
	ck_assert(!pages_all(range_of(HERE + GIB - 4 * CM_PAGE, 5)));
	ck_assert(pages_any(range_of(HERE, GIB)));
	ck_assert(!pages_all(range_of(HERE - GIB, 2 * GIB / CM_PAGE)));
}
END_TEST

struct rising {
	const page_word *last;
	uint64_t n;
};

static void is_next(page_word *word, uint64_t arg)
{
	struct rising *r = (struct rising *)arg;

	ck_assert(!r->last || word == r->last + 1);
	r->last = word;
	r->n++;
}

START_TEST(words_come_by_rising_address_and_only_where_some_were_prepared)
{
	struct rising r = {NULL, 0};

	prepare(HERE + 100 * CM_PAGE, 5);
	prepare(HERE + 200 * CM_PAGE, 5);
	pages_each((struct range){0, TOP}, is_next, (uint64_t)&r);
	ck_assert_uint_eq(r.n, 105);
	prepare(HERE + 50 * CM_PAGE, 1);
	ck_assert_uint_eq(words_in((struct range){0, TOP}), 155);
	ck_assert_uint_eq(words_in(range_of(HERE, 60)), 10);
	ck_assert_uint_eq(words_in(range_of(HERE + 204 * CM_PAGE, 60)), 1);
}
END_TEST

START_TEST(the_first_and_the_last_page_have_words_and_what_lies_beyond_has_none)
{
	const struct range beyond = {TOP - CM_PAGE, TOP + CM_PAGE};

	prepare(0, 1);
	prepare(TOP - CM_PAGE, 1);
	pages_set(range_of(0, 1), WORD);
	pages_set(range_of(TOP - CM_PAGE, 1), WORD);
	ck_assert(page_is_managed(0));
	ck_assert(page_is_managed(TOP - 1));
	ck_assert(!page_is_managed(CM_PAGE));
	ck_assert_int_eq(pages_prepare(beyond), -ERANGE);
	ck_assert_int_eq(pages_prepare(range_of(TOP, 1)), -ERANGE);
	ck_assert_ptr_null(pages_find(TOP));
	ck_assert_ptr_null(pages_find(UINT64_MAX));
	ck_assert_uint_eq(words_in(beyond), 1);
}
END_TEST

START_TEST(without_memory_nothing_is_prepared_and_it_can_be_tried_again)
{
	/* the root, the first leaf, the second */
	fail_at = (unsigned)_i + 1;
	ck_assert_int_eq(pages_prepare(range_of(HERE - CM_PAGE, 2)), -ENOMEM);
	ck_assert(!pages_any(range_of(HERE - CM_PAGE, 2)));
	prepare(HERE - CM_PAGE, 2);
	pages_set(range_of(HERE - CM_PAGE, 2), WORD);
	ck_assert(pages_all(range_of(HERE - CM_PAGE, 2)));
}
END_TEST

START_TEST(what_is_prepared_already_needs_no_memory)
{
	unsigned asked;

	prepare(HERE, 10);
	asked = n_asked;
	prepare(HERE, 10);
	prepare(HERE + GIB / 2, 10);
	ck_assert_uint_eq(n_asked, asked);
}
END_TEST

static void other_thread(void)
{
	prepare(HERE, 2);
	pages_set(range_of(HERE, 2), WORD);
}

START_TEST(of_two_that_prepare_at_once_both_have_the_words_of_the_first)
{
	unsigned char resident;

	if (_i)
		prepare(HERE - GIB, 1); /* then only the leaf is raced for, else the root is */
	meanwhile = other_thread;
	prepare(HERE, 3);
	ck_assert(pages_all(range_of(HERE, 2)));
	ck_assert(!page_is_managed(HERE + 2 * CM_PAGE));
	/* what came too late is given back */
	ck_assert(mincore((void *)last_given, 1, &resident) == -1 && errno == ENOMEM);
}
END_TEST

static pthread_barrier_t together;

static void *widen(void *number)
{
	uint64_t k = (uint64_t)number;

	for (uint64_t i = 0; i < N_LEAVES; i++) {
		/* from the middle outwards, so that bounds grow on both sides */
		uint64_t addr = i * GIB + GIB / 2;

		pthread_barrier_wait(&together);
		for (uint64_t step = 0; step < 8; step++) {
			uint64_t far = (step * N_THREADS + k) * CM_PAGE;

			prepare(addr + far, 1);
			pages_set(range_of(addr + far, 1), WORD);
			prepare(addr - CM_PAGE - far, 1);
			pages_set(range_of(addr - CM_PAGE - far, 1), WORD);
		}
	}
	return NULL;
}

START_TEST(threads_that_prepare_beside_each_other_lose_nothing)
{
	const uint64_t reach = 8 * N_THREADS;
	pthread_t thread[N_THREADS];

	pthread_barrier_init(&together, NULL, N_THREADS);
	for (uint64_t k = 0; k < N_THREADS; k++)
		ck_assert_int_eq(pthread_create(&thread[k], NULL, widen, (void *)k), 0);
	for (uint64_t k = 0; k < N_THREADS; k++)
		pthread_join(thread[k], NULL);
	for (uint64_t i = 0; i < N_LEAVES; i++)
		ck_assert_msg(pages_all(range_of(i * GIB + GIB / 2 - reach * CM_PAGE, 2 * reach)),
			      "GiB %lu", i);
	ck_assert_uint_eq(words_in((struct range){0, TOP}), N_LEAVES * 2 * reach);
}
END_TEST

/* The same as a plain array, over the border of two GiB. */
static page_word model[MODEL_PAGES];

static void model_step(uint64_t base)
{
	uint64_t from = (uint64_t)rand() % MODEL_PAGES;
	uint64_t n = 1 + (uint64_t)rand() % (rand() & 1 ? 8 : MODEL_PAGES);
	page_word value = rand() & 1 ? WORD : 0;
	uint64_t managed = 0;
	struct range range;

	n = from + n > MODEL_PAGES ? MODEL_PAGES - from : n;
	range = range_of(base + from * CM_PAGE, n);
	if (value)
		ck_assert_int_eq(pages_prepare(range), 0);
	if (rand() & 1) {
		pages_set(range, value);
		for (uint64_t i = from; i < from + n; i++)
			model[i] = value;
	}
	for (uint64_t i = from; i < from + n; i++)
		managed += model[i] & PAGE_MANAGED;
	ck_assert(pages_any(range) == (managed != 0));
	ck_assert(pages_all(range) == (managed == n));
}

START_TEST(any_order_of_ranges_gives_what_an_array_would)
{
	const uint64_t base = HERE - MODEL_PAGES / 3 * CM_PAGE;

	srand((unsigned)_i);
	for (unsigned step = 0; step < MODEL_STEPS; step++)
		model_step(base);
	for (uint64_t i = 0; i < MODEL_PAGES; i++)
		ck_assert(page_is_managed(base + i * CM_PAGE) == (model[i] != 0));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pages");
	TCase *tc = tcase_create("words");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, before_anything_is_prepared_nothing_is_managed);
	tcase_add_test(tc, what_is_prepared_is_zero_and_not_managed);
	tcase_add_test(tc, a_range_is_set_and_nothing_beside_it);
	tcase_add_test(tc, a_range_may_lie_in_three_gib);
	tcase_add_test(tc, a_range_of_which_a_part_was_never_prepared_is_not_managed_as_a_whole);
	tcase_add_test(tc, words_come_by_rising_address_and_only_where_some_were_prepared);
	tcase_add_test(tc, the_first_and_the_last_page_have_words_and_what_lies_beyond_has_none);
	tcase_add_loop_test(tc, without_memory_nothing_is_prepared_and_it_can_be_tried_again, 0, 3);
	tcase_add_test(tc, what_is_prepared_already_needs_no_memory);
	tcase_add_loop_test(tc, of_two_that_prepare_at_once_both_have_the_words_of_the_first, 0, 2);
	tcase_add_test(tc, threads_that_prepare_beside_each_other_lose_nothing);
	tcase_add_loop_test(tc, any_order_of_ranges_gives_what_an_array_would, 0, 3);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
