/* SPDX-License-Identifier: BSD-2-Clause */

/* The kernel's view of mappings, asked by ioctl and read as text: both must say the same. */

#include "supervise/vma.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit/unit.h"

static int self;

static void open_self(void)
{
	self = vma_open(getpid());
	ck_assert_int_ge(self, 0);
}

static void close_self(void)
{
	vma_force_text(false);
	close(self);
}

static unsigned walk(bool text, enum vma_filter filter, struct vma *out, unsigned max)
{
	unsigned n = 0;
	uint64_t at = 0;

	vma_force_text(text);
	while (n < max && !vma_next(self, at, filter, &out[n]))
		at = out[n++].range.end;
	vma_force_text(false);
	return n;
}

/* The stack may grow, and [vsyscall] stands in the text only: neither is compared. */
static bool is_steady(const struct vma *v)
{
	return strcmp(v->name, "[stack]") && strcmp(v->name, "[vsyscall]") &&
	       strcmp(v->name, "[heap]");
}

static void compare(enum vma_filter filter)
{
	static struct vma a[512], b[512];
	unsigned n = walk(false, filter, a, 512), m = walk(true, filter, b, 512), j = 0;

	ck_assert_uint_gt(n, 3);
	for (unsigned i = 0; i < n; i++) {
		if (!is_steady(&a[i]))
			continue;
		while (j < m && b[j].range.start != a[i].range.start)
			j++;
		ck_assert_msg(j < m, "text lacks %s", a[i].name);
		ck_assert_uint_eq(a[i].range.end, b[j].range.end);
		ck_assert_uint_eq(a[i].prot, b[j].prot);
		ck_assert_int_eq(a[i].shared, b[j].shared);
		ck_assert_uint_eq(a[i].offset_bytes, b[j].offset_bytes);
		ck_assert_uint_eq(a[i].ino, b[j].ino);
		ck_assert_uint_eq(a[i].dev, b[j].dev);
		ck_assert_str_eq(a[i].name, b[j].name);
	}
}

START_TEST(text_and_ioctl_agree_on_every_mapping)
{
	compare(VMA_ALL);
}
END_TEST

START_TEST(text_and_ioctl_agree_on_executable_mappings)
{
	compare(VMA_EXEC);
}
END_TEST

/* Loop: by ioctl, by text; all mappings, executable ones. */
/* The text has one position for all who read by a descriptor; enough of it that it is read in
 * parts. */
START_TEST(a_walk_goes_on_where_it_was_when_something_else_was_looked_up)
{
	const size_t page = 4096, n_pages = 400;
	char *at = mmap(NULL, n_pages * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned found = 0;
	struct vma_walk w;
	struct vma v, other;
	int r;

	for (size_t i = 0; i < n_pages; i += 2)
		ck_assert_int_eq(mprotect(at + i * page, page, PROT_NONE), 0);
	vma_force_text(_i);
	vma_walk_begin(&w, self, (uint64_t)at, VMA_ALL);
	while (!(r = vma_walk_next(&w, &v)) && v.range.start < (uint64_t)at + n_pages * page) {
		found++;
		ck_assert_int_eq(vma_at(self, (uint64_t)at + page, &other), 0);
	}
	vma_walk_end(&w);
	vma_force_text(false);
	ck_assert_int_eq(r, 0);
	ck_assert_uint_ge(found, n_pages - 1);
	munmap(at, n_pages * page);
}
END_TEST

START_TEST(a_walk_tells_what_one_question_after_the_other_tells)
{
	static struct vma by_one[512];
	enum vma_filter filter = _i & 2 ? VMA_EXEC : VMA_ALL;
	unsigned n = walk(_i & 1, filter, by_one, 512), i = 0;
	struct vma_walk w;
	struct vma v;
	int r;

	vma_force_text(_i & 1);
	vma_walk_begin(&w, self, by_one[1].range.start, filter);
	for (i = 1; !(r = vma_walk_next(&w, &v)); i++) {
		ck_assert_uint_lt(i, n);
		if (is_steady(&v))
			ck_assert_uint_eq(v.range.start, by_one[i].range.start);
		ck_assert_uint_eq(w.at, v.range.end);
	}
	vma_walk_end(&w);
	vma_force_text(false);
	ck_assert_int_eq(r, -ENOENT);
	ck_assert_uint_ge(i + 1, n);
}
END_TEST

/* Loop: by ioctl, by text. */
START_TEST(a_point_is_found_only_inside_its_mapping)
{
	char *p = mmap(NULL, 3 * CM_PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vma v;

	munmap(p + CM_PAGE, CM_PAGE);
	vma_force_text(_i);
	ck_assert_int_eq(vma_at(self, (uintptr_t)p, &v), 0);
	ck_assert_uint_eq(v.prot, PROT_READ);
	ck_assert_int_eq(vma_at(self, (uintptr_t)p + CM_PAGE, &v), -ENOENT);
	ck_assert_int_eq(vma_next(self, (uintptr_t)p + CM_PAGE, VMA_ALL, &v), 0);
	ck_assert_uint_eq(v.range.start, (uintptr_t)p + 2 * CM_PAGE);
	ck_assert_int_eq(vma_next(self, UINT64_MAX, VMA_ALL, &v), -ENOENT);
}
END_TEST

/* A descriptor that is kept over an execve tells of no other image. Loop: by ioctl, by text. */
START_TEST(an_old_descriptor_is_dead_after_execve)
{
	int ready[2], go[2], maps;
	char c;
	struct vma v;
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC) | pipe2(go, 0), 0);
	pid = fork();
	if (!pid) {
		read(go[0], &c, 1);
		execl("/bin/sh", "sh", "-c", "read x", NULL);
		_exit(1);
	}
	close(ready[1]);
	vma_force_text(_i);
	maps = vma_open(pid);
	ck_assert_int_eq(vma_next(maps, 0, VMA_ALL, &v), 0);
	dup2(go[0], 0);
	ck_assert_int_eq(write(go[1], "x", 1), 1);
	ck_assert_int_eq(read(ready[0], &c, 1), 0); /* closed by the execve */
	ck_assert_int_eq(vma_next(maps, 0, VMA_ALL, &v), -ESRCH);
	ck_assert_int_eq(vma_at(maps, (uintptr_t)vma_next, &v), -ESRCH);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ck_assert_int_eq(vma_next(maps, 0, VMA_ALL, &v), -ESRCH);
	close(maps);
}
END_TEST

START_TEST(lines_that_no_kernel_writes_are_refused)
{
	static const char *const lines[] = {"",
					    "-",
					    "1-2",
					    "1-2 r",
					    "1-2 rwxp",
					    "1-2 rwxp 0 0:0 0",
					    "g-2 rwxp 0 0:0 0",
					    "11111111111111111-2 rwxp 0 0:0 0 x",
					    "1-2 rwxp 0 00:00"};
	struct vma v;
	unsigned refused = 0;

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		refused += vma_parse(lines[i], strlen(lines[i]), &v) < 0;
	ck_assert_uint_eq(refused,
			  sizeof(lines) / sizeof(*lines) - 1); /* "…0 0:0 0" has all fields */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vma");
	TCase *t = tcase_create("vma");

	tcase_add_checked_fixture(t, open_self, close_self);
	tcase_add_test(t, text_and_ioctl_agree_on_every_mapping);
	tcase_add_test(t, text_and_ioctl_agree_on_executable_mappings);
	tcase_add_loop_test(t, a_walk_goes_on_where_it_was_when_something_else_was_looked_up, 0, 2);
	tcase_add_loop_test(t, a_walk_tells_what_one_question_after_the_other_tells, 0, 4);
	tcase_add_loop_test(t, a_point_is_found_only_inside_its_mapping, 0, 2);
	tcase_add_loop_test(t, an_old_descriptor_is_dead_after_execve, 0, 2);
	tcase_add_test(t, lines_that_no_kernel_writes_are_refused);
	suite_add_tcase(s, t);
	return unit_run(s);
}
