/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What a program may do to a range that it believes to be writable and executable: make it so in
 * other ways, take rights away and give them back, cut it, put something over it, discard it. Apart
 * from flip.c because these are calls, and the other cases are accesses.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void add_exec(void)
{
	unsigned char *p = flip_map(NULL, 4 * PAGE, RW, ANON);

	flip_emit(p, 1);
	flip_protect(p, 4, RWX);
	printf("%u\n", flip_call(p));
	flip_fill(p, 4);
	flip_check_filled("filled", p, 0, 4);
}

static void by_syscall(void)
{
	unsigned char *p = (void *)syscall(SYS_mmap, NULL, 4 * PAGE, RWX, ANON, -1, 0l);

	if (p == MAP_FAILED)
		flip_broken("mmap");
	flip_fill(p, 4);
	if (syscall(SYS_mprotect, p, PAGE, RX) || syscall(SYS_mprotect, p, PAGE, RWX))
		flip_broken("mprotect");
	flip_check_filled("filled", p, 0, 4);
	if (syscall(SYS_munmap, p + PAGE, PAGE))
		flip_broken("munmap");
	flip_show("unmapped", 'x', p + PAGE, p);
	flip_check("first", p, 5);
}

static void by_pkey(void)
{
	unsigned char *p = flip_map(NULL, 2 * PAGE, RW, ANON);

	flip_emit(p, 1);
	if (pkey_mprotect(p, 2 * PAGE, RWX, -1))
		flip_broken("pkey_mprotect");
	flip_fill(p, 2);
	flip_check_filled("filled", p, 0, 2);
}

static void flags(void)
{
	static const int each[] = {MAP_POPULATE, MAP_32BIT,  MAP_NORESERVE,
				   MAP_STACK,    MAP_LOCKED, MAP_NONBLOCK | MAP_POPULATE};

	for (size_t i = 0; i < sizeof(each) / sizeof(*each); i++) {
		unsigned char *p = flip_map(NULL, 2 * PAGE, RWX, ANON | each[i]);

		flip_fill(p, 2);
		flip_check_filled("filled", p, 0, 2);
		if (munmap(p, 2 * PAGE))
			flip_broken("munmap");
	}
}

static void exec_only(void)
{
	unsigned char *p = flip_map(NULL, PAGE, PROT_WRITE | PROT_EXEC, ANON);

	flip_check("without PROT_READ", p, 7);
	flip_check("again", p, 8);
	flip_show("read", 'r', p, p);
	flip_show("call", 'x', p, p);
}

static void reserve(void)
{
	unsigned char *p = flip_map(NULL, 64 * PAGE, PROT_NONE, ANON | MAP_NORESERVE);

	flip_protect(p + 4 * PAGE, 4, RWX);
	flip_protect(p + 20 * PAGE, 1, RWX);
	flip_fill(p + 4 * PAGE, 4);
	flip_check("page 20", p + 20 * PAGE, 20);
	flip_show("before", 'x', p + 3 * PAGE, p);
	flip_show("behind", 'w', p + 8 * PAGE, p);
	flip_show("page 19", 'r', p + 19 * PAGE, p);
	flip_show("page 21", 'x', p + 21 * PAGE, p);
	flip_protect(p, 64, RWX);
	flip_check("page 19 at last", p + 19 * PAGE, 19);
	flip_check_filled("filled", p + 4 * PAGE, 0, 4);
	flip_protect(p, 64, PROT_NONE);
	flip_show("taken back", 'x', p + 4 * PAGE, p);
}

/* Rights taken and given back, each page having been executed last, or written last. */
static void rights(int prot)
{
	unsigned char *p = flip_rwx(2);

	flip_check("executed", p, 1);
	flip_emit(p + PAGE, 2);
	flip_protect(p, 2, prot);
	for (int i = 0; i < 2; i++) {
		flip_show("read", 'r', p + i * PAGE, p);
		flip_show("call", 'x', p + i * PAGE, p);
		flip_show("write", 'w', p + i * PAGE, p);
		flip_show("call", 'x', p + i * PAGE, p);
	}
	flip_protect(p, 2, RWX);
	for (int i = 0; i < 2; i++) {
		flip_show("call again", 'x', p + i * PAGE, p);
		flip_show("write again", 'w', p + i * PAGE, p);
		flip_check("anew", p + i * PAGE, 3);
	}
}

static void to_rx(void)
{
	rights(RX);
}

static void to_rw(void)
{
	rights(RW);
}

static void to_r(void)
{
	rights(PROT_READ);
}

static void to_none(void)
{
	rights(PROT_NONE);
}

static void to_x(void)
{
	rights(PROT_EXEC);
}

static void to_rx_in_part(void)
{
	unsigned char *p = flip_rwx(8);

	flip_alternate(p, 8);
	flip_protect(p + 2 * PAGE, 3, RX);
	for (int i = 0; i < 8; i++) {
		flip_show("call", 'x', p + i * PAGE, p);
		flip_show("write", 'w', p + i * PAGE, p);
	}
	flip_protect(p + 1 * PAGE, 3, RWX);
	for (int i = 0; i < 8; i++)
		flip_show("write again", 'w', p + i * PAGE, p);
	flip_protect(p, 8, RWX);
	flip_check_filled("filled", p, 0, 8);
}

static void unmap_middle(void)
{
	unsigned char *p = flip_rwx(9);

	flip_alternate(p, 9);
	if (munmap(p + 3 * PAGE, 3 * PAGE))
		flip_broken("munmap");
	for (int i = 3; i < 6; i++) {
		flip_show("call", 'x', p + i * PAGE, p);
		flip_show("write", 'w', p + i * PAGE, p);
	}
	flip_check_filled("before", p, 0, 3);
	flip_check_filled("behind", p + 6 * PAGE, 6, 3);
}

/* What comes into the hole is not what was there. */
static void hole_reused(void)
{
	unsigned char *p = flip_rwx(3);

	flip_alternate(p, 3);
	if (munmap(p + PAGE, PAGE))
		flip_broken("munmap");
	flip_map(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE);
	flip_look();
	flip_show("write", 'w', p + PAGE, p);
	flip_show("call", 'x', p + PAGE, p);
	flip_check_filled("first", p, 0, 1);
	flip_check_filled("last", p + 2 * PAGE, 2, 1);
	if (munmap(p, 3 * PAGE))
		flip_broken("munmap");
	flip_map(p, 3 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE);
	for (int i = 0; i < 3; i++) {
		flip_show("plain memory, write", 'w', p + i * PAGE, p);
		flip_show("plain memory, call", 'x', p + i * PAGE, p);
	}
}

static void fixed_over(void)
{
	unsigned char *p = flip_rwx(8);

	flip_alternate(p, 8);
	flip_map(p + 1 * PAGE, PAGE, RW, ANON | MAP_FIXED);
	flip_map(p + 3 * PAGE, 2 * PAGE, RWX, ANON | MAP_FIXED);
	flip_map(p + 6 * PAGE, PAGE, PROT_NONE, ANON | MAP_FIXED);
	flip_look();
	for (int i = 0; i < 8; i++)
		flip_show("byte", 'r', p + i * PAGE, p);
	printf("new memory holds %d, %d, %d\n", p[PAGE], p[3 * PAGE], p[4 * PAGE]);
	flip_show("RW", 'w', p + PAGE, p);
	flip_show("RW", 'x', p + PAGE, p);
	flip_show("NONE", 'x', p + 6 * PAGE, p);
	flip_fill(p + 3 * PAGE, 2);
	flip_check_filled("RWX", p + 3 * PAGE, 0, 2);
	flip_check_filled("2", p + 2 * PAGE, 2, 1);
	flip_check_filled("5", p + 5 * PAGE, 5, 1);
	flip_check_filled("7", p + 7 * PAGE, 7, 1);
}

static void discard(void)
{
	unsigned char *p = flip_rwx(6);

	flip_alternate(p, 6);
	if (madvise(p + PAGE, 4 * PAGE, MADV_DONTNEED))
		flip_broken("madvise");
	printf("holds %d %d %d %d\n", p[PAGE], p[2 * PAGE], p[3 * PAGE], p[4 * PAGE]);
	flip_check_filled("first", p, 0, 1);
	flip_check_filled("last", p + 5 * PAGE, 5, 1);
	flip_fill(p, 6);
	flip_check_filled("all", p, 0, 6);
	if (madvise(p, 6 * PAGE, MADV_DONTFORK) || madvise(p, 6 * PAGE, MADV_DOFORK) ||
	    mlock(p, 6 * PAGE) || munlock(p, 6 * PAGE) || msync(p, 6 * PAGE, MS_SYNC))
		flip_broken("advice");
	flip_check_filled("all", p, 0, 6);
}

static void shared(void)
{
	unsigned char *p = flip_map(NULL, 4 * PAGE, RWX, MAP_SHARED | MAP_ANONYMOUS);

	flip_alternate(p, 4);
	for (int i = 0; i < 5; i++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (!pid) {
			flip_check_filled("in the child", p, 0, 4);
			fflush(stdout);
			flip_emit(p, 1000 + (uint32_t)i);
			_exit(0);
		}
		flip_end_of("child", pid);
		printf("the child wrote %u\n", flip_call(p));
		flip_alternate(p, 4);
	}
}

static int temporary(size_t len)
{
	char path[] = "/tmp/cookiemap-flip-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) || ftruncate(fd, (off_t)len))
		flip_broken("file");
	return fd;
}

static void file_private(void)
{
	unsigned char code[CODE], back[CODE];
	int fd = temporary(4 * PAGE);
	unsigned char *p;

	flip_emit(code, 77);
	if (pwrite(fd, code, CODE, PAGE) != CODE)
		flip_broken("pwrite");
	p = mmap(NULL, 4 * PAGE, RWX, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		flip_broken("mmap");
	flip_look();
	printf("from the file: %u\n", flip_call(p + PAGE));
	flip_alternate(p, 4);
	flip_check_filled("filled", p, 0, 4);
	if (pread(fd, back, CODE, PAGE) != CODE)
		flip_broken("pread");
	printf("the file is as it was: %d\n", !memcmp(back, code, CODE));
	if (ftruncate(fd, 2 * PAGE))
		flip_broken("ftruncate");
	flip_show("cut off, call", 'x', p + 3 * PAGE, p);
	flip_show("cut off, write", 'w', p + 3 * PAGE, p);
	flip_check("kept", p, 5);
}

/* A file's page mapped for reading and executing, given W later. */
static void file_add_write(void)
{
	unsigned char code[CODE];
	int fd = temporary(2 * PAGE);
	unsigned char *p;

	flip_emit(code, 78);
	if (pwrite(fd, code, CODE, 0) != CODE)
		flip_broken("pwrite");
	p = mmap(NULL, 2 * PAGE, RX, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		flip_broken("mmap");
	printf("from the file: %u\n", flip_call(p));
	flip_protect(p, 2, RWX);
	printf("from the file: %u\n", flip_call(p));
	flip_alternate(p, 2);
	flip_check_filled("filled", p, 0, 2);
}

/* Code in an array of the caller's, as nested functions once had it. */
static void on_stack(void)
{
	unsigned char array[12 * PAGE], *p = array + 2 * PAGE - (uintptr_t)array % PAGE;

	memset(array, 0, sizeof(array));
	flip_protect(p, 8, RWX);
	flip_alternate(p, 8);
	flip_check_filled("stack", p, 0, 8);
	flip_protect(p, 8, RW);
	flip_show("given back, call", 'x', p, p);
}

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

/* What is sealed keeps the rights it has: of such memory, one of two. It goes on unsealed. */
static void sealed(void)
{
	unsigned char *p = flip_rwx(1);

	flip_check("sealed", p, 1);
	errno = 0;
	printf("mseal: %ld, ", syscall(SYS_mseal, p, PAGE, 0));
	printf("%s\n", strerrorname_np(errno));
	flip_look();
	for (uint32_t i = 2; i < 5; i++)
		flip_check("sealed", p, i);
	printf("and on: %u\n", flip_call(p));
}

const struct flip_case flip_shape[] = {
	{"on_stack", on_stack},
	{"add_exec", add_exec},
	{"by_syscall", by_syscall},
	{"by_pkey", by_pkey},
	{"flags", flags},
	{"exec_only", exec_only},
	{"reserve", reserve},
	{"to_rx", to_rx},
	{"to_rw", to_rw},
	{"to_r", to_r},
	{"to_x", to_x},
	{"to_none", to_none},
	{"to_rx_in_part", to_rx_in_part},
	{"unmap_middle", unmap_middle},
	{"hole_reused", hole_reused},
	{"fixed_over", fixed_over},
	{"discard", discard},
	{"shared", shared},
	{"file_private", file_private},
	{"file_add_write", file_add_write},
	{"sealed", sealed},
	{NULL, NULL},
};
