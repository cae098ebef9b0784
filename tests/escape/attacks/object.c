/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Code written into an object and mapped from it, so that no mapping is ever both W and X:
 *
 *   object KIND written       write(2), then map R-X
 *   object KIND alias         map RW-, map R-X, write through the first
 *   object KIND alias_late    map R-X, map RW-, write through the second
 *   object KIND reopened      as written, through a second descriptor from /proc/self/fd
 *   object KIND protected     map R--, then mprotect to R-X
 *
 *   object KIND touched       map RW-, read, and only then write: on some file systems no write is
 *                             noticed then; map R-X
 *
 *   object KIND undumpable    as written, by a process whose descriptors nobody may look at
 *
 * KIND: a path of a file that exists, or memfd, file, tmpfile (O_TMPFILE), unlinked, posix
 * (shm_open).
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <sys/prctl.h>

static int object_new(const char *kind)
{
	char path[] = "./object-XXXXXX";
	int fd = -1;

	if (attack_is(kind, "memfd"))
		fd = memfd_create("object", 0);
	else if (attack_is(kind, "tmpfile"))
		fd = open(".", O_TMPFILE | O_RDWR, 0700);
	else if (attack_is(kind, "file") || attack_is(kind, "unlinked"))
		fd = mkstemp(path);
	else if (attack_is(kind, "posix"))
		fd = shm_open("/cookiemap-test-object", O_CREAT | O_RDWR, 0700);
	else
		fd = open(kind, O_RDWR); /* exists, and its times must not be changed by us */
	if (attack_is(kind, "unlinked"))
		unlink(path);
	if (attack_is(kind, "posix"))
		shm_unlink("/cookiemap-test-object");
	if (fd < 0 || (!strchr(kind, '/') && ftruncate(fd, ATTACK_PAGE)))
		attack_broken("object");
	return fd;
}

static void *object_map(int fd, int prot, int flags)
{
	void *p = mmap(NULL, ATTACK_PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		attack_refused(prot & PROT_EXEC ? "mmap_exec" : "mmap");
	return p;
}

static void object_write(int fd)
{
	if (write(fd, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("write");
}

static int object_reopen(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		attack_broken("open");
	return fd;
}

static void *object_protect(int fd)
{
	void *p = object_map(fd, PROT_READ, MAP_PRIVATE);

	if (mprotect(p, ATTACK_PAGE, ATTACK_RX))
		attack_refused("mprotect");
	return p;
}

int main(int argc, char **argv)
{
	void *rw, *rx;
	int fd;

	if (argc != 3)
		attack_broken("usage");
	fd = object_new(argv[1]);
	if (attack_is(argv[2], "written")) {
		object_write(fd);
		rx = object_map(fd, ATTACK_RX, MAP_PRIVATE);
	} else if (attack_is(argv[2], "undumpable")) {
		prctl(PR_SET_DUMPABLE, 0);
		object_write(fd);
		rx = object_map(fd, ATTACK_RX, MAP_PRIVATE);
	} else if (attack_is(argv[2], "reopened")) {
		object_write(fd);
		rx = object_map(object_reopen(fd), ATTACK_RX, MAP_PRIVATE);
	} else if (attack_is(argv[2], "protected")) {
		object_write(fd);
		rx = object_protect(fd);
	} else if (attack_is(argv[2], "touched")) {
		rw = object_map(fd, ATTACK_RW, MAP_SHARED);
		attack_show(rw);
		if (*(volatile char *)rw != 0)
			attack_broken("touch");
		attack_plant(rw);
		rx = object_map(fd, ATTACK_RX, MAP_PRIVATE);
	} else if (attack_is(argv[2], "alias")) {
		rw = object_map(fd, ATTACK_RW, MAP_SHARED);
		rx = object_map(fd, ATTACK_RX, MAP_SHARED);
		attack_plant(rw);
	} else {
		rx = object_map(fd, ATTACK_RX, MAP_SHARED);
		rw = object_map(fd, ATTACK_RW, MAP_SHARED);
		attack_plant(rw);
	}
	attack_run(rx);
}
