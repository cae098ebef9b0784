/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/table_util.h"

#include <check.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * One locked table and short words for what is done to it. Separate because the cases (table.c) and
 * the storms (table_storm.c) are two programs.
 */

struct table table;

void (*hook)(void);
bool no_memory;

static uint64_t pages(size_t len)
{
	void (*h)(void) = hook;
	void *p;

	hook = NULL;
	if (h)
		h();
	if (no_memory)
		return 0;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? 0 : (uint64_t)p;
}

void table_make(void)
{
	void *page = (void *)pages(CM_PAGE);

	ck_assert_int_eq(table_init(&table, pages, page), 0);
}

struct range range_at(uint64_t first_page, uint64_t n_pages)
{
	return (struct range){first_page * CM_PAGE, (first_page + n_pages) * CM_PAGE};
}

void map(uint64_t first_page, uint64_t n_pages, uint32_t owner)
{
	struct region r = {
		.range = range_at(first_page, n_pages), .owner = owner, .prot = 3, .max_prot = 7};

	table_map(&table, &r);
}

void unmap(uint64_t first_page, uint64_t n_pages)
{
	table_unmap(&table, range_at(first_page, n_pages));
}

/* The owner of a page; 0: none known. */
int owner_of(uint64_t page)
{
	struct region r;
	int e = table_find(&table, page * CM_PAGE, &r);

	if (e)
		return e == -ENOENT ? 0 : e;
	return (int)r.owner;
}

/* The table can be used: exit status of a child that says so. */
int check_usable(void)
{
	alarm(20);
	for (unsigned i = 0; i < 2000; i++)
		map(5000 + 2 * i, 1, 1 + i);
	for (unsigned i = 0; i < 2000; i++) {
		if (owner_of(5000 + 2 * i) != (int)(1 + i))
			return 1;
	}
	unmap(5000, 4000);
	return owner_of(5000) == 0 ? 0 : 2;
}

void expect_success(pid_t pid)
{
	int status;

	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}
