/* SPDX-License-Identifier: BSD-2-Clause */

/* Provenance: what counts as a memory object, as settled, as trusted. */

#include "supervise/object.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>
#include "tests/unit/unit.h"

static struct object_rules rules;
static char path[] = "/tmp/cookiemap-object-XXXXXX";

static void setup(void)
{
	int gate = memfd_create("gate", MFD_CLOEXEC);

	strcpy(path, "/tmp/cookiemap-object-XXXXXX");
	close(mkstemp(path));
	usleep(20000); /* the file systems' clock is coarse */
	ck_assert_int_eq(object_rules_init(&rules, gate), 0);
	usleep(20000);
}

static void teardown(void)
{
	unlink(path);
}

static struct object of_fd(int fd)
{
	struct object o;

	ck_assert_int_eq(object_of_fd(&rules, getpid(), fd, true, &o), 0);
	return o;
}

static struct object of_mapping(void *at)
{
	int maps = vma_open(getpid());
	struct object o;
	struct vma v;

	ck_assert_int_eq(vma_at(maps, (uintptr_t)at, &v), 0);
	ck_assert_int_eq(object_of_vma(&rules, getpid(), &v, true, &o), 0);
	close(maps);
	return o;
}

START_TEST(a_memfd_is_a_memory_object_whatever_its_name)
{
	int fd = memfd_create("../../usr/bin/true", 0);

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert(of_fd(fd).file.memfd);
	ck_assert(!of_fd(fd).file.settled);
	ck_assert(of_mapping(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0)).file.memfd);
}
END_TEST

START_TEST(a_memfd_opened_again_by_path_is_one_still)
{
	char link[64];
	int fd = memfd_create("x", 0);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ck_assert(of_fd(open(link, O_RDONLY)).file.memfd);
}
END_TEST

START_TEST(shared_anonymous_memory_is_one)
{
	ck_assert(of_mapping(mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0))
			  .file.memfd);
}
END_TEST

START_TEST(a_segment_is_one)
{
	int id = shmget(IPC_PRIVATE, 4096, 0600);
	void *at = shmat(id, NULL, SHM_RDONLY);

	shmctl(id, IPC_RMID, NULL);
	ck_assert(of_mapping(at).file.memfd);
}
END_TEST

START_TEST(a_file_from_before_is_settled)
{
	int fd = open(path, O_RDONLY);

	ck_assert(of_fd(fd).file.settled);
	ck_assert(!of_fd(fd).file.memfd);
	ck_assert_str_eq(of_fd(fd).name, path);
}
END_TEST

/* Loop: every way to change a file or what its name leads to. */
START_TEST(a_file_that_changed_is_not)
{
	char other[64];
	int fd = open(path, O_RDWR);

	snprintf(other, sizeof(other), "%s-2", path);
	switch (_i) {
	case 0:
		ck_assert_int_eq(write(fd, "x", 1), 1);
		break;
	case 1:
		ck_assert_int_eq(ftruncate(fd, 100), 0);
		break;
	case 2:
		ck_assert_int_eq(fchmod(fd, 0700), 0);
		break;
	case 3:
		ck_assert_int_eq(link(path, other) | unlink(other), 0);
		break;
	case 4:
		ck_assert_int_eq(rename(path, other) | rename(other, path), 0);
		break;
	case 5:
		ck_assert_int_eq(unlink(path), 0);
		break;
	case 6: /* an old time of modification does not help */
		ck_assert_int_eq(write(fd, "x", 1), 1);
		ck_assert_int_eq(futimens(fd, (struct timespec[]){{1, 0}, {1, 0}}), 0);
		break;
	}
	ck_assert(!of_fd(fd).file.settled);
}
END_TEST

START_TEST(a_file_in_tmp_is_not_trusted)
{
	ck_assert(!of_fd(open(path, O_RDONLY)).file.trusted); /* /tmp is anyone's */
}
END_TEST

START_TEST(libc_is_trusted)
{
	struct object o = of_fd(open("/bin/sh", O_RDONLY));

	ck_assert(o.file.settled);
	ck_assert(o.file.trusted);
	ck_assert(o.regular);
}
END_TEST

START_TEST(a_mapping_is_judged_by_the_file_that_is_mapped)
{
	int fd = open(path, O_RDWR);
	void *at;

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	usleep(20000);
	ck_assert_int_eq(object_rules_init(&rules, memfd_create("gate", 0)), 0);
	usleep(20000);
	at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert(of_mapping(at).file.settled);
	/* Another file takes the name: what is mapped cannot be found again. */
	unlink(path);
	close(open(path, O_CREAT | O_RDWR, 0600));
	ck_assert(!of_mapping(at).file.settled);
}
END_TEST

START_TEST(a_device_is_not_regular)
{
	ck_assert(!of_fd(open("/dev/zero", O_RDONLY)).regular);
}
END_TEST

START_TEST(a_closed_descriptor_is_ebadf)
{
	struct object o;

	ck_assert_int_eq(object_of_fd(&rules, getpid(), 999, true, &o), -EBADF);
	ck_assert_int_eq(object_of_fd(&rules, getpid(), -1, true, &o), -EBADF);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("object");
	TCase *t = tcase_create("object");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_memfd_is_a_memory_object_whatever_its_name);
	tcase_add_test(t, a_memfd_opened_again_by_path_is_one_still);
	tcase_add_test(t, shared_anonymous_memory_is_one);
	tcase_add_test(t, a_segment_is_one);
	tcase_add_test(t, a_file_from_before_is_settled);
	tcase_add_loop_test(t, a_file_that_changed_is_not, 0, 7);
	tcase_add_test(t, a_file_in_tmp_is_not_trusted);
	tcase_add_test(t, libc_is_trusted);
	tcase_add_test(t, a_mapping_is_judged_by_the_file_that_is_mapped);
	tcase_add_test(t, a_device_is_not_regular);
	tcase_add_test(t, a_closed_descriptor_is_ebadf);
	suite_add_tcase(s, t);
	return unit_run(s);
}
