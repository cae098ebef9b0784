/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Requests for memory both writable and executable that the kernel refuses: with the same errno,
 * with errno untouched where they succeed, and with what was there before left as it was.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SHOW(expr)                                                                   \
	do {                                                                         \
		long shown;                                                          \
                                                                                     \
		errno = ENOTNAM;                                                     \
		shown = (long)(expr);                                                \
		printf("%s = %s, %s\n", #expr, text(shown), strerrorname_np(errno)); \
	} while (0)

static const char *text(long v)
{
	static char buf[32];

	snprintf(buf, sizeof(buf), v > 4096 || v < -4096 ? "an address" : "%ld", v);
	return buf;
}

static void errors_of_mmap(void)
{
	unsigned char *p = flip_rwx(4);

	flip_check("there", p, 3);
	SHOW(mmap(NULL, PAGE, RWX, ANON, -1, 0));
	SHOW(mmap(NULL, 0, RWX, ANON, -1, 0));
	SHOW(mmap(NULL, SIZE_MAX, RWX, ANON, -1, 0));
	SHOW(mmap(NULL, 1ul << 47, RWX, ANON, -1, 0));
	SHOW(mmap(NULL, PAGE, RWX, MAP_PRIVATE, 99, 0));
	SHOW(mmap(NULL, PAGE, RWX, MAP_PRIVATE, -1, 0));
	SHOW(mmap(NULL, PAGE, RWX, MAP_ANONYMOUS, -1, 0));
	SHOW(mmap(NULL, PAGE, RWX, 0, -1, 0));
	SHOW(mmap(NULL, PAGE, RWX, ANON, -1, 1));
	SHOW(mmap(p + 1, PAGE, RWX, ANON | MAP_FIXED, -1, 0));
	SHOW(mmap(p, 0, RWX, ANON | MAP_FIXED, -1, 0));
	SHOW(mmap(p, SIZE_MAX - PAGE, RWX, ANON | MAP_FIXED, -1, 0));
	SHOW(mmap((void *)(1ul << 60), PAGE, RWX, ANON | MAP_FIXED, -1, 0));
	SHOW(mmap(p, PAGE, RWX, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	SHOW(mmap(p, PAGE, RWX, MAP_PRIVATE | MAP_FIXED, 99, 0));
	SHOW(mmap(p, 1, RWX, ANON, -1, 0) != MAP_FAILED);
	printf("still %u\n", flip_call(p));
	flip_check("still", p, 4);
}

static int file_of(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC);

	if (fd < 0)
		flip_broken(path);
	return fd;
}

static void errors_of_files(void)
{
	char path[] = "/tmp/cookiemap-flip-XXXXXX";
	int rw = mkstemp(path), ro, wo;
	void *p;

	if (rw < 0 || ftruncate(rw, 4 * PAGE))
		flip_broken("file");
	ro = file_of(path, O_RDONLY);
	wo = file_of(path, O_WRONLY);
	unlink(path);
	SHOW(mmap(NULL, PAGE, RWX, MAP_SHARED, ro, 0));
	SHOW(mmap(NULL, PAGE, RWX, MAP_SHARED, wo, 0));
	SHOW(mmap(NULL, PAGE, RWX, MAP_PRIVATE, wo, 0));
	SHOW(mmap(NULL, PAGE, RWX, MAP_PRIVATE, ro, 1));
	SHOW(mmap(NULL, PAGE, RWX, MAP_PRIVATE, ro, -(long)PAGE));
	SHOW(mmap(NULL, PAGE, RWX, MAP_PRIVATE, file_of("/", O_RDONLY), 0));
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, ro, 0);
	if (p == MAP_FAILED)
		flip_broken("mmap");
	SHOW(mprotect(p, PAGE, RWX));
	flip_show("not writable", 'w', p, p);
	flip_show("readable", 'r', p, p);
}

static void errors_of_mprotect(void)
{
	unsigned char *p = flip_map(NULL, 6 * PAGE, RW, ANON);

	flip_check("elsewhere", flip_rwx(1),
		   1); /* what else is mapped, is not mapped into the gap */
	munmap(p + 3 * PAGE, PAGE);
	flip_emit(p, 1);
	SHOW(mprotect(p, 6 * PAGE, RWX));
	/* what lies before the gap was changed all the same, what lies behind it was not */
	flip_show("before the gap", 'x', p, p);
	flip_check("before the gap", p, 2);
	flip_check("before the gap", p + 2 * PAGE, 2);
	flip_show("behind the gap", 'w', p + 4 * PAGE, p);
	flip_show("behind the gap", 'x', p + 4 * PAGE, p);
	SHOW(mprotect(p + 3 * PAGE, PAGE, RWX));
	SHOW(mprotect(p + 1, PAGE, RWX));
	SHOW(mprotect(p, 0, RWX));
	SHOW(mprotect(p, SIZE_MAX, RWX));
	SHOW(mprotect(p, 1, RWX));
	SHOW(mprotect(p, PAGE, RWX | 1 << 20));
	SHOW(mprotect(p, PAGE, RWX | PROT_GROWSDOWN));
	SHOW(mprotect((void *)PAGE, PAGE, RWX));
	SHOW(pkey_mprotect(p, PAGE, RWX, 99));
	flip_show("still", 'x', p, p);
}

static void errors_of_mremap(void)
{
	unsigned char *p = flip_rwx(4);

	flip_check("there", p, 3);
	flip_check("there", p + 2 * PAGE, 4);
	SHOW(mremap(p, 4 * PAGE, 0, 0));
	SHOW(mremap(p + 1, PAGE, PAGE, 0));
	SHOW(mremap(p, 0, PAGE, MREMAP_MAYMOVE)); /* private */
	SHOW(mremap(p, 4 * PAGE, SIZE_MAX / 2, MREMAP_MAYMOVE));
	SHOW(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_FIXED, p + 16 * PAGE));
	SHOW(mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 2 * PAGE));
	SHOW(mremap(p, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP));
	SHOW(munmap(p + 1, PAGE));
	SHOW(munmap(p, 0));
	SHOW(munmap(p, SIZE_MAX));
	printf("still %u %u\n", flip_call(p), flip_call(p + 2 * PAGE));
	flip_check("still", p, 5);
	flip_check("still", p + 2 * PAGE, 6);
}

const struct flip_case flip_errors[] = {
	{"errors_of_mmap", errors_of_mmap},
	{"errors_of_files", errors_of_files},
	{"errors_of_mprotect", errors_of_mprotect},
	{"errors_of_mremap", errors_of_mremap},
	{NULL, NULL},
};
