/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Calls of the family that are wrong in some way, or right in an unusual one. It prints what each
 * returned; the test compares the two lists, native and policed, word for word.
 *
 *   errnos libc|raw
 *
 * Addresses are printed as offsets from the calls' own playground, or as "mapped".
 */

#include "tests/escape/stress/check.h"
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "common/sys.h"

#define PAGE    4096ul
#define N_PAGES 64ul
#define RW      (PROT_READ | PROT_WRITE)
#define ANON    (MAP_PRIVATE | MAP_ANONYMOUS)
#define KERNEL  0xffff800000000000ul

static char *ground; /* page 0..31 mapped RW, 32..63 unmapped */
static int is_raw;
static int file_r, file_w, file_dir, file_pipe, file_memfd;

static long libc_call(long nr, const long *a)
{
	switch (nr) {
	case SYS_mmap:
		return (long)mmap((void *)a[0], (size_t)a[1], (int)a[2], (int)a[3], (int)a[4],
				  a[5]);
	case SYS_munmap:
		return munmap((void *)a[0], (size_t)a[1]);
	case SYS_mprotect:
		return mprotect((void *)a[0], (size_t)a[1], (int)a[2]);
	case SYS_pkey_mprotect:
		return pkey_mprotect((void *)a[0], (size_t)a[1], (int)a[2], (int)a[3]);
	case SYS_mremap:
		return (long)mremap((void *)a[0], (size_t)a[1], (size_t)a[2], (int)a[3],
				    (void *)a[4]);
	case SYS_madvise:
		return madvise((void *)a[0], (size_t)a[1], (int)a[2]);
	case SYS_msync:
		return msync((void *)a[0], (size_t)a[1], (int)a[2]);
	case SYS_mincore:
		return mincore((void *)a[0], (size_t)a[1], (unsigned char *)a[2]);
	case SYS_mlock:
		return mlock((void *)a[0], (size_t)a[1]);
	case SYS_munlock:
		return munlock((void *)a[0], (size_t)a[1]);
	case SYS_shmat:
		return (long)shmat((int)a[0], (void *)a[1], (int)a[2]);
	case SYS_shmdt:
		return shmdt((void *)a[0]);
	default:
		return syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
}

static void show(const char *what, long nr, const long *a)
{
	long r;

	errno = 0;
	if (is_raw) {
		r = sys_raw6(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
		if (sys_is_error(r)) {
			errno = (int)-r;
			r = -1;
		}
	} else {
		r = libc_call(nr, a);
	}
	if (r == -1)
		printf("%s: %s\n", what, strerrorname_np(errno));
	else if (r >= (long)ground && r < (long)(ground + N_PAGES * PAGE))
		printf("%s: ground+%ld, errno %d\n", what, r - (long)ground, errno);
	else
		printf("%s: %s, errno %d\n", what, r ? "mapped" : "0", errno);
}

#define SHOW(name, ...) show(#name "(" #__VA_ARGS__ ")", SYS_##name, (const long[6]){__VA_ARGS__})
#define AT(page)        ((long)(ground + (page)*PAGE))

static void show_mmap(void)
{
	SHOW(mmap, 0, 0, RW, ANON, -1, 0);
	SHOW(mmap, 0, -1, RW, ANON, -1, 0);
	SHOW(mmap, 0, -4096, RW, ANON, -1, 0);
	SHOW(mmap, 0, 1l << 47, RW, ANON, -1, 0);
	SHOW(mmap, 0, PAGE, RW, ANON, -1, 1);
	SHOW(mmap, 0, PAGE, RW, 0, -1, 0);
	SHOW(mmap, 0, PAGE, RW, MAP_ANONYMOUS, -1, 0);
	SHOW(mmap, 0, PAGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS, -1, 0);
	SHOW(mmap, 0, PAGE, RW, MAP_PRIVATE, -1, 0);
	SHOW(mmap, 0, PAGE, RW, MAP_PRIVATE, 9999, 0);
	SHOW(mmap, 0, PAGE, RW, MAP_SHARED, file_r, 0);
	SHOW(mmap, 0, PAGE, PROT_READ, MAP_SHARED, file_w, 0);
	SHOW(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, file_dir, 0);
	SHOW(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, file_pipe, 0);
	SHOW(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, file_r, 1);
	SHOW(mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, file_r, -4096);
	SHOW(mmap, 0, PAGE, PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, file_r, 0);
	SHOW(mmap, 0, PAGE, RW, MAP_SHARED_VALIDATE | 1 << 26, file_memfd, 0);
	SHOW(mmap, 1, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	SHOW(mmap, 0, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 1);
	SHOW(mmap, AT(1) + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	SHOW(mmap, AT(1), PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	SHOW(mmap, KERNEL, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	SHOW(mmap, 0x7ffffffff000, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	SHOW(mmap, 0, PAGE, RW, ANON | MAP_HUGETLB | 63 << MAP_HUGE_SHIFT, -1, 0);
	SHOW(mmap, AT(1), PAGE, RW, ANON | MAP_FIXED, -1, 0);
	SHOW(mmap, 0, 1, RW, ANON, -1, 0);
}

static void show_munmap(void)
{
	SHOW(munmap, AT(1) + 1, PAGE);
	SHOW(munmap, AT(1), 0);
	SHOW(munmap, AT(40), PAGE);
	SHOW(munmap, KERNEL, PAGE);
	SHOW(munmap, AT(1), -1);
	SHOW(munmap, 0, 1l << 57); /* with five levels of pages 1 << 47 is all of the program */
	SHOW(munmap, 0xc00c1e0000000000l, 0);
	SHOW(munmap, AT(30), 4 * PAGE);
}

static void show_mprotect(void)
{
	SHOW(mprotect, AT(1) + 1, PAGE, PROT_READ);
	SHOW(mprotect, AT(1), 0, PROT_READ);
	SHOW(mprotect, AT(1) + 1, 0, PROT_READ);
	SHOW(mprotect, AT(40), PAGE, PROT_READ);
	SHOW(mprotect, AT(29), 4 * PAGE, PROT_READ);
	SHOW(mprotect, AT(1), PAGE, 0x100);
	SHOW(mprotect, AT(1), PAGE, PROT_READ | PROT_GROWSDOWN | PROT_GROWSUP);
	SHOW(mprotect, AT(1), PAGE, PROT_READ | PROT_GROWSDOWN);
	SHOW(mprotect, AT(1), -1, PROT_READ);
	SHOW(mprotect, AT(1), -8192, PROT_READ);
	SHOW(mprotect, KERNEL, PAGE, PROT_READ);
	SHOW(pkey_mprotect, AT(1), PAGE, PROT_READ, -1);
	SHOW(pkey_mprotect, AT(1), PAGE, PROT_READ, 77);
	SHOW(mprotect, AT(1), PAGE, PROT_NONE);
	SHOW(mprotect, AT(1), PAGE, RW);
}

static void show_mremap(void)
{
	SHOW(mremap, AT(1) + 1, PAGE, PAGE, 0, 0);
	SHOW(mremap, AT(1), PAGE, 0, 0, 0);
	SHOW(mremap, AT(1), PAGE, 2 * PAGE, 0, 0);
	SHOW(mremap, AT(40), PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0);
	SHOW(mremap, AT(1), PAGE, PAGE, 1 << 10, 0);
	SHOW(mremap, AT(1), PAGE, PAGE, MREMAP_FIXED, AT(40));
	SHOW(mremap, AT(1), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(1));
	SHOW(mremap, AT(1), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(40) + 1);
	SHOW(mremap, AT(1), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, KERNEL);
	SHOW(mremap, AT(1), PAGE, 1l << 47, MREMAP_MAYMOVE, 0);
	SHOW(mremap, AT(1), 0, PAGE, MREMAP_MAYMOVE, 0);
	SHOW(mremap, AT(1), 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	SHOW(mremap, AT(3), PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, AT(40));
	SHOW(mremap, KERNEL, PAGE, PAGE, MREMAP_MAYMOVE, 0);
}

static void show_advice(void)
{
	SHOW(madvise, AT(5) + 1, PAGE, MADV_NORMAL);
	SHOW(madvise, AT(5), 0, MADV_NORMAL);
	SHOW(madvise, AT(5), PAGE, 9999);
	SHOW(madvise, AT(5), 0, 9999);
	SHOW(madvise, AT(45), PAGE, MADV_DONTNEED);
	SHOW(madvise, AT(5), -1, MADV_NORMAL);
	SHOW(madvise, AT(5), PAGE, MADV_REMOVE);
	SHOW(madvise, KERNEL, PAGE, MADV_NORMAL);
	SHOW(msync, AT(5) + 1, PAGE, MS_SYNC);
	SHOW(msync, AT(5), PAGE, MS_SYNC | MS_ASYNC);
	SHOW(msync, AT(45), PAGE, MS_SYNC);
	SHOW(mincore, AT(5) + 1, PAGE, (long)&is_raw);
	SHOW(mincore, AT(45), PAGE, (long)&is_raw);
	SHOW(mincore, AT(5), PAGE, 1);
	SHOW(mlock, AT(45), PAGE);
	SHOW(munlock, AT(45), PAGE);
	SHOW(mlock, AT(5), -4096);
	SHOW(mlock2, AT(5), PAGE, 8);
	SHOW(process_madvise, -1, 0, 0, MADV_COLD, 0);
}

static void show_sysv(void)
{
	SHOW(shmat, -1, 0, 0);
	SHOW(shmat, 0x7fffffff, 0, 0);
	SHOW(shmat, 0x7fffffff, AT(5) + 1, 0);
	SHOW(shmdt, AT(5));
	SHOW(shmdt, AT(5) + 1);
	SHOW(shmdt, 0);
}

static void show_mseal(void)
{
	SHOW(mseal, AT(5) + 1, PAGE, 0);
	SHOW(mseal, AT(5), PAGE, 1);
	SHOW(mseal, AT(45), PAGE, 0);
	SHOW(mseal, AT(5), -4096, 0);
	SHOW(mseal, AT(10), PAGE, 0);
	SHOW(mseal, AT(10), PAGE, 0);
	SHOW(munmap, AT(10), PAGE);
	SHOW(mprotect, AT(10), PAGE, PROT_NONE);
	SHOW(mremap, AT(10), PAGE, 2 * PAGE, MREMAP_MAYMOVE, 0);
	SHOW(mmap, AT(10), PAGE, RW, ANON | MAP_FIXED, -1, 0);
	SHOW(madvise, AT(10), PAGE, MADV_NORMAL);
}

int main(int argc, char **argv)
{
	int ends[2];

	CHECK(argc == 2);
	is_raw = strcmp(argv[1], "raw") == 0;
	file_r = open("/proc/self/exe", O_RDONLY);
	file_w = open("./errnos-file", O_CREAT | O_WRONLY, 0600);
	file_dir = open("/", O_RDONLY | O_DIRECTORY);
	file_memfd = memfd_create("errnos", 0);
	CHECK(pipe(ends) == 0);
	file_pipe = ends[0];
	ground = mmap(NULL, N_PAGES * PAGE, PROT_NONE, ANON, -1, 0);
	CHECK(ground != MAP_FAILED);
	ground = mmap(ground, 32 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	CHECK(ground != MAP_FAILED);
	CHECK(munmap(ground + 32 * PAGE, 32 * PAGE) == 0);
	show_mmap();
	show_munmap();
	show_mprotect();
	show_mremap();
	show_advice();
	show_sysv();
	show_mseal();
	return 0;
}
