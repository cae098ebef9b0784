/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What is remembered of files from start to start: the right answer in every case, from the cache
 * only where that is whole, ours, and of the very file. As root the tests take another user, since
 * root's cache is the machine's.
 */

#include "supervise/sitecache.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "tests/unit/unit.h"

#define LIBC   "/lib/x86_64-linux-gnu/libc.so.6"
#define NOBODY 65534
#define SUM    16 /* where the checksum stands, and the first record */
#define RECORD 24
#define SITE   (RECORD + 56)

static char home[64], folder[128], path[160], lock_path[160];
static struct site_list right; /* what sites_find() says of libc */

/* Return: whether it came from the cache. */
static bool ask(const char *name, struct site_list *lp)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat st;
	bool cached;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(sites_of_file(fd, &st, lp, &cached), 0);
	close(fd);
	return cached;
}

/* Asks for libc's, which must be right. Return: whether they came from the cache. */
static bool is_cached(void)
{
	struct site_list l;
	bool cached = ask(LIBC, &l);

	ck_assert_uint_eq(l.n, right.n);
	for (size_t i = 0; i < l.n; i++)
		ck_assert(l.at[i].offset == right.at[i].offset &&
			  l.at[i].addr == right.at[i].addr && l.at[i].nr == right.at[i].nr &&
			  l.at[i].kind == SITE_SYSCALL && l.at[i].patchable);
	site_list_deinit(&l);
	return cached;
}

static void find_right(void)
{
	static uint8_t bytes[16 << 20];
	int fd = open(LIBC, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	ck_assert_int_eq(sites_find(bytes, (size_t)n, SITES_PATCHABLE, &right), 0);
	ck_assert_uint_gt(right.n, 3);
}

static void setup(void)
{
	strcpy(home, "/tmp/cookiemap-sites-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(home));
	if (!geteuid()) {
		ck_assert_int_eq(chown(home, NOBODY, NOBODY), 0);
		ck_assert_int_eq(seteuid(NOBODY), 0);
	}
	snprintf(folder, sizeof(folder), "%s/.cache/cookiemap", home);
	snprintf(path, sizeof(path), "%s/sites", folder);
	snprintf(lock_path, sizeof(lock_path), "%s/lock", folder);
	setenv("HOME", home, 1);
	unsetenv("XDG_CACHE_HOME");
	find_right();
}

static void teardown(void)
{
	char command[192];

	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
	snprintf(command, sizeof(command), "chmod -R u+rwX %s; rm -rf %s", home, home);
	ck_assert_int_eq(system(command), 0);
}

static uint8_t cache[65536];

static size_t load(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, cache, sizeof(cache));

	ck_assert_int_gt(n, RECORD);
	close(fd);
	return (size_t)n;
}

/* In the place of the cache, by rename, as others do. */
static void save(size_t n)
{
	char other[168];
	int fd;

	snprintf(other, sizeof(other), "%s.test", path);
	fd = open(other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, cache, n), n);
	close(fd);
	ck_assert_int_eq(rename(other, path), 0);
}

/* Fills in the checksum, FNV-1a with its own bytes as 0. */
static void seal(size_t n)
{
	uint64_t h = 0xcbf29ce484222325;

	memset(cache + SUM, 0, 8);
	for (size_t i = 0; i < n; i++)
		h = (h ^ cache[i]) * 0x100000001b3;
	memcpy(cache + SUM, &h, 8);
}

/* The same of any file, without a look at the answer. */
static bool is_program_cached(const char *name)
{
	struct site_list l;
	bool cached = ask(name, &l);

	site_list_deinit(&l);
	return cached;
}

START_TEST(the_second_time_it_comes_from_the_cache)
{
	struct stat st;
	size_t n;

	ck_assert(!is_cached());
	ck_assert(is_cached());
	ck_assert_int_eq(stat(folder, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
	n = load(); /* these tests seal as the cache does: so what they change is found for itself
		     */
	seal(n);
	save(n);
	ck_assert(is_cached());
}
END_TEST

START_TEST(the_place_is_told_by_the_environment)
{
	char xdg[128];

	snprintf(xdg, sizeof(xdg), "%s/xdg", home);
	ck_assert_int_eq(mkdir(xdg, 0700), 0);
	setenv("XDG_CACHE_HOME", xdg, 1);
	ck_assert(!is_cached() && is_cached());
	ck_assert_int_ne(access(folder, F_OK), 0);
	setenv("XDG_CACHE_HOME", "relative", 1);
	ck_assert(!is_cached() && is_cached());
	ck_assert_int_eq(access(path, F_OK), 0);
	setenv("HOME", "relative", 1);
	ck_assert(!is_cached() && !is_cached());
	unsetenv("HOME");
	ck_assert(!is_cached() && !is_cached());
}
END_TEST

static void write_file(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* As root of a user namespace, with a /var/cache of its own; in a process of its own, since there
 * is no way back. */
static void ask_as_root(void)
{
	char uid_map[32], gid_map[32];

	snprintf(uid_map, sizeof(uid_map), "0 %u 1", getuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1", getgid());
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_msg(!unshare(CLONE_NEWUSER | CLONE_NEWNS), "user namespaces: %s",
		      strerror(errno));
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/uid_map", uid_map);
	write_file("/proc/self/gid_map", gid_map);
	ck_assert_uint_eq(geteuid(), 0);
	ck_assert_int_eq(mount("none", "/var/cache", "tmpfs", 0, NULL), 0);
	ck_assert(!is_cached() && is_cached());
}

START_TEST(root_believes_no_environment)
{
	struct stat st;
	int status;
	pid_t child = fork();

	if (!child) {
		ask_as_root();
		ck_assert_int_eq(stat("/var/cache/cookiemap", &st), 0);
		ck_assert_uint_eq(st.st_mode & 0777, 0755);
		ck_assert_int_eq(access("/var/cache/cookiemap/sites", F_OK), 0);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_ne(access(folder, F_OK), 0);
	ck_assert(!is_cached() && is_cached()); /* the same for others, whose it is */
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(every_changed_byte_is_noticed)
{
	size_t n;

	ck_assert(!is_cached());
	n = load();
	for (size_t i = 0; i < n; i++) {
		cache[i] ^= (uint8_t)(1 << i % 8);
		save(n);
		ck_assert_msg(!is_cached(), "byte %zu", i);
		ck_assert_msg(is_cached(), "not rebuilt after byte %zu", i);
		ck_assert_uint_eq(load(), n);
	}
}
END_TEST

START_TEST(every_truncated_one_is_noticed)
{
	size_t n;

	ck_assert(!is_cached());
	n = load();
	for (size_t i = 0; i <= n + 1; i++) {
		save(i);
		ck_assert_msg(is_cached() == (i == n), "length %zu", i);
		load();
	}
}
END_TEST

/* Sealed again, so that nothing but the change itself tells: version, identity, and what cannot be
 * true of the file. */
static const struct {
	const char *name;
	size_t at;
	uint64_t value;
	unsigned n_bytes;
	bool add;
} lies[] = {
	{"magic", 0, 1, 1, true},
	{"version", 8, 1, 1, true},
	{"no record", 12, 0, 4, false},
	{"one record more", 12, 2, 4, false},
	{"very many records", 12, 0xffffffff, 4, false},
	{"device", RECORD, 1, 8, true},
	{"inode", RECORD + 8, 1, 8, true},
	{"size", RECORD + 16, 1, 8, true},
	{"second of modification", RECORD + 24, 1, 8, true},
	{"second of change", RECORD + 32, 1, 8, true},
	{"time of modification", RECORD + 40, 1, 4, true},
	{"time of change", RECORD + 44, 1, 4, true},
	{"one site less", RECORD + 48, (uint64_t)-1, 4, true},
	{"one site more", RECORD + 48, 1, 4, true},
	{"very many sites", RECORD + 48, 0xffffffff, 4, false},
	{"a site before its mov", SITE, 4, 8, false},
	{"a site behind the file", SITE, 1ull << 40, 8, false},
	{"a site at the end of numbers", SITE, UINT64_MAX, 8, false},
	{"sites in the wrong order", SITE + 24, 5, 8, false},
	{"an address before its mov", SITE + 8, 4, 8, false},
	{"another call", SITE + 16, 59, 4, false},
	{"an unknown call", SITE + 16, 0xffffffff, 4, false},
};

START_TEST(what_is_not_of_this_file_is_not_taken)
{
	uint64_t v = 0;
	size_t n;

	ck_assert(!is_cached());
	n = load();
	memcpy(&v, cache + lies[_i].at, lies[_i].n_bytes);
	v = lies[_i].value + (lies[_i].add ? v : 0);
	memcpy(cache + lies[_i].at, &v, lies[_i].n_bytes);
	seal(n);
	save(n);
	ck_assert_msg(!is_cached(), "%s", lies[_i].name);
	ck_assert_msg(is_cached(), "%s: not rebuilt", lies[_i].name);
}
END_TEST

static const struct {
	uint32_t n_records, n_sites;
	bool good;
} sizes[] = {{1, 256, true}, {1, 257, false}, {32, 9, true}, {33, 9, false}};

/* Sound but for its size: libc's record, and others like it. */
START_TEST(there_is_an_end_to_records_and_sites)
{
	uint64_t entry[3] = {0, 4096, 9};
	uint8_t record[SITE - RECORD];
	size_t n = RECORD;

	ck_assert(!is_cached());
	load();
	memcpy(record, cache + RECORD, sizeof(record));
	memcpy(record + 48, &sizes[_i].n_sites, 4);
	memcpy(cache + 12, &sizes[_i].n_records, 4);
	for (uint32_t i = 0; i < sizes[_i].n_records; i++) {
		memcpy(cache + n, record, sizeof(record));
		n += sizeof(record);
		for (uint32_t k = 0; k < sizes[_i].n_sites; k++, n += sizeof(entry)) {
			entry[0] = 4096 + 8 * k;
			memcpy(cache + n, entry, sizeof(entry));
		}
		record[8]++; /* another inode */
	}
	seal(n);
	save(n);
	ck_assert(is_program_cached(LIBC) == sizes[_i].good);
}
END_TEST

static void make_odd(int what)
{
	char other[200];

	snprintf(other, sizeof(other), "%s.other", path);
	switch (what) {
	case 0:
		ck_assert_int_eq(chmod(path, 0602), 0);
		break;
	case 1:
		ck_assert_int_eq(chmod(path, 0620), 0);
		break;
	case 2:
		ck_assert_int_eq(rename(path, other) | symlink(other, path), 0);
		break;
	case 3:
		ck_assert_int_eq(unlink(path) | mkfifo(path, 0600), 0);
		break;
	case 4:
		ck_assert_int_eq(chmod(path, 0), 0);
		break;
	case 5: /* of somebody else: only root can make that */
		ck_assert_int_eq(seteuid(getuid()), 0);
		ck_assert_int_eq(chown(path, 1, 1), getuid() ? -1 : 0);
		if (getuid())
			ck_assert_int_eq(chmod(path, 0602), 0);
		else
			ck_assert_int_eq(chmod(path, 0644) | seteuid(NOBODY), 0);
		break;
	}
}

START_TEST(a_cache_that_others_may_have_made_is_not_taken)
{
	ck_assert(!is_cached() && is_cached());
	make_odd(_i);
	ck_assert(!is_cached()); /* and replaced */
	ck_assert(is_cached());
}
END_TEST

/* Places where nothing can be stored: the answer comes without. */
START_TEST(without_a_place_it_is_found_each_time)
{
	char elsewhere[200];

	snprintf(elsewhere, sizeof(elsewhere), "%s.elsewhere", folder);
	ck_assert(!is_cached() && is_cached());
	switch (_i) {
	case 0:
		ck_assert_int_eq(unlink(path) | chmod(folder, 0500), 0);
		break;
	case 1:
		ck_assert_int_eq(chmod(folder, 0702), 0);
		break;
	case 2:
		ck_assert_int_eq(rename(folder, elsewhere) | symlink(elsewhere, folder), 0);
		break;
	case 3:
		ck_assert_int_eq(unlink(path) | mkdir(path, 0700), 0);
		break;
	case 4:
		ck_assert_int_eq(unlink(path) | unlink(lock_path) | mkfifo(lock_path, 0600), 0);
		break;
	case 5:
		ck_assert_int_eq(unlink(path) | unlink(lock_path) | symlink("x", lock_path), 0);
		break;
	}
	ck_assert(!is_cached());
	ck_assert(!is_cached());
}
END_TEST

/* Without Check's own files, which a limit of sizes would end as well. Return: 1 cached, 0 not. */
static int ask_quietly(void)
{
	int fd = open(LIBC, O_RDONLY | O_CLOEXEC);
	struct site_list l;
	struct stat st;
	bool cached;

	if (fstat(fd, &st) < 0 || sites_of_file(fd, &st, &l, &cached) < 0 || l.n != right.n)
		return 2;
	return cached;
}

/* What a full disk does; and a write would be the end of us, by SIGXFSZ. */
START_TEST(without_room_for_the_file_it_is_found_each_time)
{
	static const rlim_t limits[] = {0, 100, 4096};
	pid_t child = fork();
	int status;

	if (!child) {
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){limits[_i], limits[_i]});
		status = ask_quietly();
		_exit(status << 4 | ask_quietly());
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, (limits[_i] == 4096) << 8);
}
END_TEST

START_TEST(a_lock_that_is_held_is_not_waited_for)
{
	struct timespec start, end;
	int fd;

	ck_assert(!is_cached() && is_cached());
	ck_assert_int_eq(unlink(path), 0);
	fd = open(lock_path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 4; i++)
		ck_assert(!is_cached());
	clock_gettime(CLOCK_MONOTONIC, &end);
	ck_assert_int_lt(
		(end.tv_sec - start.tv_sec) * 1000 + (end.tv_nsec - start.tv_nsec) / 1000000, 2000);
	close(fd);
	ck_assert(!is_cached());
	ck_assert(is_cached());
}
END_TEST

/* What a killed writer left behind is in nobody's way. */
START_TEST(a_remainder_is_cleared_away)
{
	char other[200];

	snprintf(other, sizeof(other), "%s.new", path);
	ck_assert(!is_cached() && is_cached());
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(symlink("/etc/passwd", other), 0);
	ck_assert(!is_cached() && is_cached());
	ck_assert_int_ne(access(other, F_OK), 0);
}
END_TEST

/* Objects of this machine, old enough to be stored; libc is not among them. */
static glob_t programs(size_t n)
{
	glob_t g = {0};
	size_t k = 0;

	glob("/usr/lib/x86_64-linux-gnu/lib*.so.?", 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc && k < n; i++) {
		struct stat st, last = {0};
		char magic[4] = "";
		int fd = open(g.gl_pathv[i], O_RDONLY | O_CLOEXEC);
		bool good = read(fd, magic, 4) == 4 && !memcmp(magic, "\177ELF", 4) &&
			    !fstat(fd, &st) && st.st_size < 1 << 20 &&
			    !strstr(g.gl_pathv[i], "/libc.");

		for (size_t old = 0; good && old < k; old++) /* other names of the same */
			good = stat(g.gl_pathv[old], &last) || last.st_ino != st.st_ino;
		if (good) {
			char *name = g.gl_pathv[k];

			g.gl_pathv[k++] = g.gl_pathv[i];
			g.gl_pathv[i] = name;
		}
		close(fd);
	}
	ck_assert_msg(k == n, "only %zu libraries on this machine", k);
	return g;
}

START_TEST(what_was_used_longest_ago_falls_out)
{
	glob_t g = programs(48);

	ck_assert(!is_cached());
	for (int i = 0; i < 31; i++)
		ck_assert(!is_program_cached(g.gl_pathv[i]));
	ck_assert(is_cached()); /* the last of them, and in front now */
	for (int i = 31; i < 46; i++)
		ck_assert(!is_program_cached(g.gl_pathv[i]));
	ck_assert(is_cached());
	for (int i = 15; i < 46; i++)
		ck_assert(is_program_cached(g.gl_pathv[i]));
	for (int i = 0; i < 15; i++)
		ck_assert(!is_program_cached(g.gl_pathv[i]));
	globfree(&g);
}
END_TEST

static void ask_often(glob_t *g, int who)
{
	for (int i = 0; i < 60; i++) {
		is_cached();
		is_program_cached(g->gl_pathv[(who * 3 + i) % 10]);
		if (i % 20 == 10 + who)
			unlink(path);
	}
}

/* Several at once, one of them now and then taking the cache away: each answer is right
 * (is_cached() checks), and what is there in the end is whole. */
START_TEST(many_at_once_do_no_harm)
{
	glob_t g = programs(10);
	pid_t child[4];
	int status;

	for (int i = 0; i < 4; i++) {
		child[i] = fork();
		if (!child[i]) {
			ask_often(&g, i);
			_exit(0);
		}
	}
	for (int i = 0; i < 4; i++) {
		ck_assert_int_eq(waitpid(child[i], &status, 0), child[i]);
		ck_assert_int_eq(status, 0);
	}
	is_cached();
	for (int i = 0; i < 10; i++)
		is_program_cached(g.gl_pathv[i]);
	ck_assert(is_cached());
	for (int i = 0; i < 10; i++)
		ck_assert(is_program_cached(g.gl_pathv[i]));
	globfree(&g);
}
END_TEST

/* It could change again within the same tick of the clock. */
START_TEST(what_changed_just_now_is_not_stored)
{
	char copy[128], command[256];
	struct site_list l;

	snprintf(copy, sizeof(copy), "%s/libc", home);
	snprintf(command, sizeof(command), "cp %s %s", LIBC, copy);
	ck_assert_int_eq(system(command), 0);
	ck_assert(!ask(copy, &l));
	site_list_deinit(&l);
	ck_assert(!ask(copy, &l));
	site_list_deinit(&l);
	sleep(4);
	ck_assert(!ask(copy, &l));
	site_list_deinit(&l);
	ck_assert(ask(copy, &l));
	ck_assert_uint_eq(l.n, right.n);
	site_list_deinit(&l);
}
END_TEST

static int error_of(const char *name, uint64_t other_ino)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC), r;
	struct site_list l;
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	st.st_ino += other_ino;
	r = sites_of_file(fd, &st, &l, NULL);
	close(fd);
	return r;
}

START_TEST(what_is_not_to_be_read_is_refused)
{
	char big[128];
	int fd;

	ck_assert_int_eq(error_of(LIBC, 1), -ESTALE);
	ck_assert_int_eq(error_of("/dev/null", 0), -EINVAL);
	ck_assert_int_eq(error_of("/", 0), -EINVAL);
	ck_assert_int_eq(error_of("/etc/passwd", 0), -ENOEXEC);
	snprintf(big, sizeof(big), "%s/big", home);
	fd = open(big, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, SITECACHE_MAX_FILE_BYTES + 1), 0);
	close(fd);
	ck_assert_int_eq(error_of(big, 0), -EFBIG);
	ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("sitecache");
	TCase *t = tcase_create("sitecache");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_second_time_it_comes_from_the_cache);
	tcase_add_test(t, the_place_is_told_by_the_environment);
	tcase_add_test(t, root_believes_no_environment);
	tcase_add_test(t, every_changed_byte_is_noticed);
	tcase_add_test(t, every_truncated_one_is_noticed);
	tcase_add_loop_test(t, what_is_not_of_this_file_is_not_taken, 0,
			    sizeof(lies) / sizeof(*lies));
	tcase_add_loop_test(t, there_is_an_end_to_records_and_sites, 0, 4);
	tcase_add_loop_test(t, a_cache_that_others_may_have_made_is_not_taken, 0, 6);
	tcase_add_loop_test(t, without_a_place_it_is_found_each_time, 0, 6);
	tcase_add_loop_test(t, without_room_for_the_file_it_is_found_each_time, 0, 3);
	tcase_add_test(t, a_lock_that_is_held_is_not_waited_for);
	tcase_add_test(t, a_remainder_is_cleared_away);
	tcase_add_test(t, what_was_used_longest_ago_falls_out);
	tcase_add_test(t, many_at_once_do_no_harm);
	tcase_add_test(t, what_changed_just_now_is_not_stored);
	tcase_add_test(t, what_is_not_to_be_read_is_refused);
	suite_add_tcase(s, t);
	return unit_run(s);
}
