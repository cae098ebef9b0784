/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/maps.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/unit/unit.h"

static struct maps_entry parse(const char *line)
{
	struct maps_entry e;

	ck_assert_msg(!maps_parse(line, strlen(line), &e), "%s", line);
	return e;
}

START_TEST(a_file_mapping_is_read_whole)
{
	struct maps_entry e = parse("7f0000001000-7f0000003000 r-xp 00026000 fe:00 332383"
				    "                     /usr/lib/libc.so.6");

	ck_assert_uint_eq(e.range.start, 0x7f0000001000);
	ck_assert_uint_eq(e.range.end, 0x7f0000003000);
	ck_assert_int_eq(e.prot, PROT_READ | PROT_EXEC);
	ck_assert(!e.shared);
	ck_assert_uint_eq(e.inode, 332383);
	ck_assert_uint_eq(e.path_len, strlen("/usr/lib/libc.so.6"));
	ck_assert(!memcmp(e.path, "/usr/lib/libc.so.6", e.path_len));
}
END_TEST

START_TEST(anonymous_memory_has_no_path)
{
	struct maps_entry e = parse("7f00-8000 rw-s 00000000 00:00 0 ");

	ck_assert_ptr_null(e.path);
	ck_assert_int_eq(e.prot, PROT_READ | PROT_WRITE);
	ck_assert(e.shared);
}
END_TEST

START_TEST(a_path_keeps_its_spaces)
{
	struct maps_entry e = parse("1000-2000 ---p 0 00:01 5 /tmp/a b (deleted)");

	ck_assert_uint_eq(e.path_len, strlen("/tmp/a b (deleted)"));
	ck_assert_int_eq(e.prot, PROT_NONE);
}
END_TEST

START_TEST(the_highest_addresses_fit)
{
	struct maps_entry e =
		parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0      [vsyscall]");

	ck_assert_uint_eq(e.range.end, 0xffffffffff601000);
	ck_assert_uint_eq(e.path_len, strlen("[vsyscall]"));
}
END_TEST

static const char *const bad[] = {
	"",
	"-",
	"1000",
	"1000-2000",
	"1000-2000 ",
	"1000-2000 r-x",
	"1000-2000 r-xp",
	"1000-2000 r-xp 0",
	"1000-2000 r-xp 0 00:00",
	"1000-2000 r-xp 0 00:00 ",
	"1000-2000 r-xp 0 0000 5 /x",
	"1000-2000 r-xp0 00:00 5 /x",
	"2000-1000 r-xp 0 00:00 5 /x",
	"1000-1000 r-xp 0 00:00 5 /x",
	"g000-2000 r-xp 0 00:00 5 /x",
	"1000-2000 r-xp 0 00:00 z /x",
	"10000000000000000-2000 r-xp 0 00:00 5 /x",
	"1000-20000000000000000 r-xp 0 00:00 5 /x",
	"1000-2000 r-xp 0 00:00 99999999999999999999 /x",
	"-2000 r-xp 0 00:00 5 /x",
};

START_TEST(what_is_no_line_is_refused)
{
	struct maps_entry e;

	ck_assert_msg(maps_parse(bad[_i], strlen(bad[_i]), &e) == -EINVAL, "%s", bad[_i]);
}
END_TEST

struct count {
	unsigned n, n_code, n_order;
	uint64_t last;
	uint64_t wanted;
	bool found;
};

static int count(void *arg, const struct maps_entry *e)
{
	struct count *c = arg;

	c->n++;
	c->n_code += e->prot & PROT_EXEC ? 1 : 0;
	c->n_order += e->range.start < c->last;
	c->last = e->range.end;
	c->found |= e->range.start <= c->wanted && c->wanted < e->range.end;
	return 0;
}

/* A buffer that holds a line at a time, and one that holds most of the list. */
START_TEST(the_process_is_walked_in_order)
{
	const size_t sizes[] = {MAPS_PATH_MAX + 128, 512, 65536};
	static char buf[65536];
	static char mark;

	for (size_t i = 0; i < 3; i++) {
		struct count c = {.wanted = (uint64_t)&mark};

		ck_assert_int_eq(maps_walk(buf, sizes[i], count, &c), 0);
		ck_assert_uint_gt(c.n, 10);
		ck_assert_uint_gt(c.n_code, 2);
		ck_assert_uint_eq(c.n_order, 0);
		ck_assert(c.found);
	}
}
END_TEST

START_TEST(a_line_longer_than_the_buffer_is_said)
{
	struct count c = {0};
	char buf[16];

	ck_assert_int_eq(maps_walk(buf, sizeof(buf), count, &c), -E2BIG);
}
END_TEST

static int stop(void *arg, const struct maps_entry *e)
{
	++*(unsigned *)arg;
	return 42;
}

START_TEST(the_callback_ends_the_walk)
{
	static char buf[8192];
	unsigned n = 0;

	ck_assert_int_eq(maps_walk(buf, sizeof(buf), stop, &n), 42);
	ck_assert_uint_eq(n, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("maps");
	TCase *t = tcase_create("maps");

	tcase_add_test(t, a_file_mapping_is_read_whole);
	tcase_add_test(t, anonymous_memory_has_no_path);
	tcase_add_test(t, a_path_keeps_its_spaces);
	tcase_add_test(t, the_highest_addresses_fit);
	tcase_add_loop_test(t, what_is_no_line_is_refused, 0, sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, the_process_is_walked_in_order);
	tcase_add_test(t, a_line_longer_than_the_buffer_is_said);
	tcase_add_test(t, the_callback_ends_the_walk);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
