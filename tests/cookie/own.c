/* SPDX-License-Identifier: BSD-2-Clause */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * usage: own [layout]
 *
 * Memory of the program's own that lies where regions come from: made before there was a cookie, or
 * put there by the kernel. It is the program's to map over, protect and unmap. The areas begin a
 * page before their first regions; how long they are is said in cmmmap(3).
 */

#define GIB   (1ul << 30)
#define TIB   (1ul << 40)
#define SMALL (256 * GIB)
#define LARGE (24 * TIB)
#define N     48

static char *own[N];

static char *reserve(uintptr_t hint, size_t len, int flags)
{
	void *p = mmap((void *)hint, len, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

/* Commits a part of it, protects that, and gives it back. */
static bool is_usable(char *at)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	if (mmap(at + PAGE, HUGE, RW, flags, -1, 0) != at + PAGE || !look_writes(at + PAGE))
		return false;
	if (mprotect(at + PAGE, PAGE, R) || look_writes(at + PAGE))
		return false;
	if (mmap(at + PAGE, HUGE, PROT_NONE, flags | MAP_NORESERVE, -1, 0) != at + PAGE)
		return false;
	return !munmap(at, PAGE) && !look_reads(at);
}

static void use_all(cm_t first, size_t area_len, const char *how)
{
	char *area = (char *)region_at(first) - PAGE;
	unsigned n = 0, n_inside = 0, n_usable = 0;

	for (size_t i = 0; i < N; i++) {
		if (!own[i])
			continue;
		n++;
		n_inside += own[i] > area && own[i] < area + area_len;
		n_usable += is_usable(own[i]);
	}
	claim(n_inside, "%s lies where regions come from", how);
	claim(n && n_usable == n, "it can be mapped over, protected, and unmapped");
}

/* Every other TiB of what is far from where the kernel puts anything. */
static void made_before(void)
{
	for (size_t i = 0; i < N / 2; i++)
		own[i] = reserve((16 + 2 * i) * TIB, GIB, MAP_FIXED_NOREPLACE);
	use_all(region_new(32 * GIB, 0, CM_RESERVE), LARGE,
		"what was there before the first cookie");
}

/* As much as makes the kernel come to the area of small regions. */
static void put_there(void)
{
	cm_t first = region_new(PAGE, R, 0);

	for (size_t i = 0; i < N; i++)
		own[i] = reserve(0, 32 * GIB, 0);
	use_all(first, SMALL, "some of what the kernel places");
}

/* In a process of the other layout: mappings grow upwards from a third of the address space. */
static int layout(void)
{
	static const char *const names[] = {"libm.so.6", "libresolv.so.2", "libanl.so.1",
					    "libBrokenLocale.so.1"};
	cm_t c = region_new(32 * GIB, 0, CM_RESERVE);

	for (size_t i = 0; i < COUNT(names); i++)
		if (!dlopen(names[i], RTLD_NOW))
			return 2;
	return cmclose(c, CM_CLOSE_UNMAP) ? 3 : 0;
}

static int other_layout(void *name)
{
	int fd = open("/dev/null", O_WRONLY);

	if (personality(ADDR_COMPAT_LAYOUT) < 0 || dup2(fd, STDERR_FILENO) < 0)
		return 4;
	execl("/proc/self/exe", name, "layout", NULL);
	return 5;
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	if (argc > 1)
		return layout();
	for (int i = 0; i < 10; i++)
		n += child_run(other_layout, argv[0]) == 0;
	claim(n == 10, "ten processes laid out upwards load modules beside a large region");
	made_before();
	put_there();
	return claims_end();
}
