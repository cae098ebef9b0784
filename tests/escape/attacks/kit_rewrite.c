/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Puts something else where a patch kit's pages are libc's text, or into them:
 *
 *   unmap     munmap a page of them
 *   replace   map anonymous memory over it
 *   code      map the same page of libc's file over it, which undoes the patch
 *   protect   make it writable
 *   move      mremap it away
 *   cover     mremap another page onto it
 *   discard   MADV_REMOVE what it holds
 *   forget    MADV_DONTNEED: what was stored into it is gone, what is the file's comes back
 *   write     pwrite to its memfd, opened again by /proc/self/map_files
 *   share     map that memfd shared and writable
 *
 * Whoever succeeds has no libc to go on with, so it ends by system calls of its own.
 *
 * Without a kit it is a page that the program maps itself, from a memfd that is not sealed.
 */

#include "tests/escape/attacks/kit.h"

static uintptr_t own_page(int flags)
{
	int fd = memfd_create("cookiemap-patch", 0);
	void *p;

	if (fd < 0 || ftruncate(fd, ATTACK_PAGE))
		attack_broken("memfd");
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RW, flags, fd, 0);
	if (p == MAP_FAILED)
		attack_broken("mmap");
	attack_plant(p);
	return (uintptr_t)p;
}

static int reopen(struct kit_pages at)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", at.start, at.start + at.size);
	fd = open(path, O_RDWR);
	if (fd < 0)
		attack_refused("open");
	return fd;
}

static int map_over(void *at, int prot, int flags, int fd)
{
	return mmap(at, ATTACK_PAGE, prot, MAP_PRIVATE | MAP_FIXED | flags, fd, 0) == MAP_FAILED;
}

static int move(void *from, void *to)
{
	return mremap(from, ATTACK_PAGE, ATTACK_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to) ==
	       MAP_FAILED;
}

/* Whether what is there stays what it was. */
static int forget(unsigned char *at)
{
	unsigned char before[ATTACK_PAGE];

	memcpy(before, at, sizeof(before));
	if (madvise(at, ATTACK_PAGE, MADV_DONTNEED))
		return -1;
	errno = EEXIST;
	return !memcmp(before, at, sizeof(before));
}

static int rewrite(const char *how, struct kit_pages pages)
{
	void *at = (void *)pages.start, *other = attack_page(ATTACK_RW, ATTACK_ANON);

	if (attack_is(how, "unmap"))
		return munmap(at, ATTACK_PAGE);
	if (attack_is(how, "replace"))
		return map_over(at, ATTACK_RW, MAP_ANONYMOUS, -1);
	if (attack_is(how, "code"))
		return map_over(at, ATTACK_RX, 0, open(KIT_LIBC, O_RDONLY | O_CLOEXEC));
	if (attack_is(how, "protect"))
		return mprotect(at, ATTACK_PAGE, ATTACK_RW);
	if (attack_is(how, "move"))
		return move(at, other);
	if (attack_is(how, "cover"))
		return move(other, at);
	if (attack_is(how, "discard"))
		return madvise(at, ATTACK_PAGE, MADV_REMOVE);
	if (attack_is(how, "forget"))
		return forget(at);
	if (attack_is(how, "share"))
		return mmap(NULL, ATTACK_PAGE, ATTACK_RW, MAP_SHARED, reopen(pages), 0) ==
		       MAP_FAILED;
	return pwrite(reopen(pages), attack_code, sizeof(attack_code), ATTACK_PAGE) < 0;
}

int main(int argc, char **argv)
{
	struct kit_pages pages = kit_find();

	if (argc != 2)
		attack_broken("usage");
	if (!pages.size)
		pages = (struct kit_pages){
			own_page(attack_is(argv[1], "forget") ? MAP_PRIVATE : MAP_SHARED),
			ATTACK_PAGE};
	if (rewrite(argv[1], pages))
		attack_refused(argv[1]);
	sys_write(STDOUT_FILENO, "EXECUTED\n", 9);
	sys_exit_group(0);
}
