/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Kernel interfaces that create or rewrite memory behind mmap's back. The attack has succeeded
 * when the kernel did what was asked; what it could be used for is written at each.
 */

#include "tests/escape/attack.h"
#include <asm/ldt.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/bpf.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif
/* ARCH_MAP_VDSO_32 and _64, arch/x86/include/uapi/asm/prctl.h */
#define MAP_VDSO_32 0x2002
#define MAP_VDSO_64 0x2003

/* Its worker threads make calls that no filter sees. */
static long try_io_uring(void)
{
	struct io_uring_params params = {0};

	return syscall(SYS_io_uring_setup, 4, &params);
}

/* Decides what a page holds at the moment it is first touched. */
static long try_userfaultfd(void)
{
	return syscall(SYS_userfaultfd, O_CLOEXEC);
}

static long try_dev_userfaultfd(void)
{
	int fd = open("/dev/userfaultfd", O_RDWR);

	if (fd < 0)
		attack_refused("open");
	return ioctl(fd, USERFAULTFD_IOC_NEW, O_CLOEXEC);
}

/* As above, with bits above the 32 that the kernel looks at. */
static long try_dev_userfaultfd_junk(void)
{
	int fd = open("/dev/userfaultfd", O_RDWR);

	if (fd < 0)
		attack_refused("open");
	return syscall(SYS_ioctl, fd, USERFAULTFD_IOC_NEW | 1l << 40, O_CLOEXEC);
}

/* A code segment of 32 bits, in which i386 calls are made. */
static long try_modify_ldt(void)
{
	struct user_desc desc = {.entry_number = 0,
				 .limit = 0xfffff,
				 .seg_32bit = 1,
				 .contents = MODIFY_LDT_CONTENTS_CODE,
				 .limit_in_pages = 1};

	return syscall(SYS_modify_ldt, 1, &desc, sizeof(desc));
}

/* Forges where the program's text, data, break and arguments lie; brk(2) then maps and unmaps
 * there. The values are those of /proc/self/stat (proc(5)), which change nothing. */
static long try_prctl_map(void)
{
	struct prctl_mm_map map = {.exe_fd = (unsigned)-1};
	char stat[2048];
	unsigned long v[53] = {0};
	int fd = open("/proc/self/stat", O_RDONLY);
	ssize_t len = read(fd, stat, sizeof(stat) - 1);
	char *at = stat;

	if (len <= 0)
		attack_broken("stat");
	stat[len] = 0;
	at = strrchr(stat, ')') + 3;
	for (int i = 4; i <= 52; i++) {
		at = strchr(at, ' ') + 1;
		v[i] = strtoul(at, NULL, 10);
	}
	map.start_code = v[26], map.end_code = v[27], map.start_stack = v[28];
	map.start_data = v[45], map.end_data = v[46], map.start_brk = v[47];
	map.arg_start = v[48], map.arg_end = v[49], map.env_start = v[50], map.env_end = v[51];
	map.brk = (unsigned long)sbrk(0);
	return prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0);
}

/* The first step of the same. */
static long try_prctl_map_size(void)
{
	unsigned size = 0;

	return prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0);
}

/* Maps executable memory: the vDSO once more, after the first has been removed. */
static long map_vdso(int which)
{
	char line[512], name[64];
	unsigned long start, end;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fgets(line, sizeof(line), maps)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %*s %*s %*s %*s %63s", &start, &end, name) != 3)
			continue;
		if (!attack_is(name, "[vdso]") && strncmp(name, "[vvar", 5) != 0)
			continue;
		if (syscall(SYS_munmap, start, end - start))
			attack_refused("munmap");
	}
	return syscall(SYS_arch_prctl, which, 0x10000000);
}

static long try_map_vdso(void)
{
	return map_vdso(MAP_VDSO_64);
}

static long try_map_vdso_32(void)
{
	return map_vdso(MAP_VDSO_32);
}

static long try_aio(void)
{
	aio_context_t context = 0;

	return syscall(SYS_io_setup, 4, &context);
}

static long try_perf_event(void)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_PAGE_FAULTS,
				       .exclude_kernel = 1};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static long try_bpf(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static const struct {
	const char *name;
	long (*try)(void);
} interfaces[] = {
	{"io_uring_setup", try_io_uring},
	{"userfaultfd", try_userfaultfd},
	{"dev_userfaultfd", try_dev_userfaultfd},
	{"dev_userfaultfd_junk", try_dev_userfaultfd_junk},
	{"modify_ldt", try_modify_ldt},
	{"prctl_map", try_prctl_map},
	{"prctl_map_size", try_prctl_map_size},
	{"map_vdso", try_map_vdso},
	{"map_vdso_32", try_map_vdso_32},
	{"io_setup", try_aio},
	{"perf_event_open", try_perf_event},
	{"bpf", try_bpf},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 2 && i < sizeof(interfaces) / sizeof(interfaces[0]); i++) {
		if (!attack_is(argv[1], interfaces[i].name))
			continue;
		/* modify_ldt answers in 32 bits. Source: Linux arch/x86/kernel/ldt.c. */
		if ((int)interfaces[i].try() < 0)
			attack_refused(argv[1]);
		attack_executed();
	}
	attack_broken("usage");
}
