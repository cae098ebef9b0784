/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/sitecache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>
#include "supervise/sitestore.h"

/*
 * The patchable sites of files, remembered from start to start: to find them in a libc costs
 * milliseconds, to look them up a tenth of one.
 *
 * There is one file, $XDG_CACHE_HOME/cookiemap/sites ($HOME/.cache where that is not set;
 * /var/cache/cookiemap/sites for root, who believes no environment), of what supervise/sitestore.c
 * tells. A file is known again by device, inode, size, times of modification and of change. The
 * last is one that nobody can set; files changed within the last seconds, which might be changed
 * again without it telling, are not stored.
 *
 * A new state is written under another name and renamed, so readers need no lock; a lock on a file
 * of its own orders the writers. Whatever goes wrong leaves the cache as it was, and the answer is
 * found without it: no home, a foreign, writable or damaged file, a lock that is held for more than
 * a few milliseconds, a full disk. A use is noted, by moving the record to the front, only once it
 * has come to the back half: a start that finds what it looks for mostly does not write.
 *
 * What is read is not believed, since any process of the user's may have written it: who patches
 * compares the bytes (site_is_intact()).
 *
 * Blocks only where the file system does: nothing but regular files of our own is read, but a home
 * whose server does not answer stops open(2), as it stops the shell that started us.
 */

#define FRESH_S    2 /* the coarsest clock of a file system in use */
#define LOCK_TRIES 3
#define LOCK_NS    1000000

/* Whether nobody else can have put it there, or change it. */
static bool is_our_own(int fd, mode_t type, struct stat *stp)
{
	return !fstat(fd, stp) && (stp->st_mode & S_IFMT) == type && stp->st_uid == geteuid() &&
	       !(stp->st_mode & (S_IWGRP | S_IWOTH));
}

/* The folder's path; false: there is no place for a cache. */
static bool folder_path(char *path, size_t n, bool make)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	int length;

	if (!geteuid()) {
		length = snprintf(path, n, "/var/cache/cookiemap");
	} else if (xdg && xdg[0] == '/') {
		length = snprintf(path, n, "%s/cookiemap", xdg);
	} else if (home && home[0] == '/') {
		length = snprintf(path, n, "%s/.cache", home);
		if (make && length > 0 && (size_t)length < n)
			mkdir(path, 0700);
		length = snprintf(path, n, "%s/.cache/cookiemap", home);
	} else {
		return false;
	}
	return length > 0 && (size_t)length < n;
}

/* The folder, made where it was not yet there and `make`. Return: a descriptor, or < 0. */
static int open_folder(bool make)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (!folder_path(path, sizeof(path), make))
		return -1;
	if (make)
		mkdir(path, geteuid() ? 0700 : 0755);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && !is_our_own(fd, S_IFDIR, &st)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads until `n` bytes or the end. Return: how many, or -errno. */
static ssize_t read_all(int fd, uint8_t *bytes, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t r = pread(fd, bytes + at, n - at, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -errno;
		if (!r)
			break;
		at += (size_t)r;
	}
	return (ssize_t)at;
}

/* The cache as it is now; empty where it is not to be had or not to be believed. */
static struct sitestore cache_read(int folder)
{
	struct sitestore c = {0};
	struct stat st;
	int fd = openat(folder, "sites", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return c;
	if (is_our_own(fd, S_IFREG, &st) && st.st_size >= 1 &&
	    st.st_size <= (off_t)SITESTORE_MAX_BYTES)
		c.bytes = malloc((size_t)st.st_size);
	if (c.bytes && read_all(fd, c.bytes, (size_t)st.st_size) == st.st_size &&
	    sitestore_is_valid(c.bytes, (size_t)st.st_size))
		c.n = (size_t)st.st_size;
	close(fd);
	return c;
}

static bool write_all(int fd, const uint8_t *bytes, size_t n)
{
	for (size_t at = 0; at < n;) {
		ssize_t r = pwrite(fd, bytes + at, n - at, (off_t)at);

		if (r < 0 && errno == EINTR)
			continue;
		if (r <= 0)
			return false;
		at += (size_t)r;
	}
	return true;
}

/* Whether a write of that size would end us by SIGXFSZ. */
static bool is_too_large(size_t n)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_FSIZE, &limit) < 0 || limit.rlim_cur < n;
}

/* Puts a new state in the place of the old one, or leaves that. The lock is held. */
static void cache_write(int folder, const uint8_t *bytes, size_t n)
{
	int fd;

	if (is_too_large(n))
		return;
	unlinkat(folder, "sites.new", 0); /* of a writer that was killed */
	fd = openat(folder, "sites.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return;
	if (!write_all(fd, bytes, n) || renameat(folder, "sites.new", folder, "sites") < 0)
		unlinkat(folder, "sites.new", 0);
	close(fd);
}

/* The writers' lock, or < 0: not in time. */
static int lock(int folder)
{
	const struct timespec pause = {.tv_nsec = LOCK_NS};
	struct stat st;
	int fd = openat(folder, "lock",
			O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);

	if (fd < 0)
		return -1;
	if (!is_our_own(fd, S_IFREG, &st)) {
		close(fd);
		return -1;
	}
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return fd;
		nanosleep(&pause, NULL);
	}
	close(fd);
	return -1;
}

/* Stores what was found, in front. */
static void cache_store(const struct site_identity *id, const struct site_list *l)
{
	uint8_t *bytes = l->n <= SITESTORE_N_SITES ? malloc(SITESTORE_MAX_BYTES) : NULL;
	int folder = bytes ? open_folder(true) : -1;
	int held = folder < 0 ? -1 : lock(folder);
	struct sitestore c;

	if (held >= 0) {
		c = cache_read(folder);
		cache_write(folder, bytes, sitestore_put(&c, id, l, bytes));
		free(c.bytes);
		close(held);
	}
	if (folder >= 0)
		close(folder);
	free(bytes);
}

/* Whether the cache has an answer; *lp is then it. */
static bool cache_look_up(const struct site_identity *id, struct site_list *lp)
{
	int folder = open_folder(false);
	struct sitestore c = {0};
	bool found, old;

	if (folder < 0)
		return false;
	c = cache_read(folder);
	close(folder);
	found = !sitestore_find(&c, id, lp, &old);
	free(c.bytes);
	if (found && old)
		cache_store(id, lp);
	return found;
}

/* Does not ask a file system's server: reading may have to, and nothing is read that was found. */
static int identify(int fd, struct site_identity *idp, mode_t *modep)
{
	struct statx x;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &x) < 0)
		return -errno;
	*idp = (struct site_identity){.dev = makedev(x.stx_dev_major, x.stx_dev_minor),
				      .ino = x.stx_ino,
				      .size = x.stx_size,
				      .mtime_s = x.stx_mtime.tv_sec,
				      .mtime_ns = x.stx_mtime.tv_nsec,
				      .ctime_s = x.stx_ctime.tv_sec,
				      .ctime_ns = x.stx_ctime.tv_nsec};
	*modep = x.stx_mode;
	return 0;
}

static bool is_same(const struct site_identity *id, const struct stat *st)
{
	return id->dev == st->st_dev && id->ino == st->st_ino &&
	       id->size == (uint64_t)st->st_size && id->ctime_s == st->st_ctim.tv_sec &&
	       id->ctime_ns == st->st_ctim.tv_nsec;
}

/* A change within the same tick of the file system's clock would leave the times as they are. */
static bool is_fresh(const struct site_identity *id)
{
	struct timespec now;

	return clock_gettime(CLOCK_REALTIME, &now) < 0 || id->ctime_s + FRESH_S >= now.tv_sec;
}

/* The sites as the file itself tells them. Return: 0 and *lp written, -ESTALE it changed, or what
 * went wrong. */
static int find_in_file(int fd, const struct site_identity *id, struct site_list *lp)
{
	uint8_t *bytes = malloc(id->size ? id->size : 1);
	struct site_list l = {0};
	struct site_identity after;
	mode_t mode;
	ssize_t n;
	int r;

	if (!bytes)
		return -ENOMEM;
	n = read_all(fd, bytes, id->size);
	r = n < 0 ? (int)n : identify(fd, &after, &mode);
	if (!r && (n != (ssize_t)id->size || memcmp(&after, id, sizeof(after))))
		r = -ESTALE;
	if (!r)
		r = sites_find(bytes, id->size, SITES_PATCHABLE, &l);
	free(bytes);
	if (!r)
		*lp = l;
	return r;
}

/*
 * The patchable sites of the file that `fd`, open for reading, stands for, which must be the one
 * that `st` tells of (device, inode, size and time of change; object_stat() tells those). From the
 * cache, or found, and then stored. *lp is the caller's to deinit; *cachedp, where not NULL, tells
 * whether it came from the cache: then it is as good as any process of our user wants it to be.
 *
 * The file is read, never mapped: another process may cut it off meanwhile.
 *
 * Return: 0 and both written, -ESTALE it is another file or changed while it was read, -EINVAL it
 * is not a regular file, -EFBIG it has more than SITECACHE_MAX_FILE_BYTES, what sites_find() tells,
 * or -errno. Context: blocks where reading the file or the cache's folder does.
 */
int sites_of_file(int fd, const struct stat *st, struct site_list *lp, bool *cachedp)
{
	struct site_identity id;
	mode_t mode;
	bool cached;
	int r = identify(fd, &id, &mode);

	if (r < 0)
		return r;
	if (!S_ISREG(mode))
		return -EINVAL;
	if (!is_same(&id, st))
		return -ESTALE;
	if (id.size > SITECACHE_MAX_FILE_BYTES)
		return -EFBIG;
	cached = cache_look_up(&id, lp);
	r = cached ? 0 : find_in_file(fd, &id, lp);
	if (!r && !cached && !is_fresh(&id))
		cache_store(&id, lp);
	if (!r && cachedp)
		*cachedp = cached;
	return r;
}
