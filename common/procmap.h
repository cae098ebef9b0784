/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * PROCMAP_QUERY, the ioctl(2) of /proc/PID/maps that tells one mapping: Linux 6.11,
 * include/uapi/linux/fs.h. Debian 12's headers lack it.
 */

#include <linux/ioctl.h>
#include <stdint.h>

struct procmap_query {
	uint64_t size;
	uint64_t query_flags;
	uint64_t query_addr;
	uint64_t vma_start;
	uint64_t vma_end;
	uint64_t vma_flags;
	uint64_t vma_page_size;
	uint64_t vma_offset;
	uint64_t inode;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint32_t vma_name_size;
	uint32_t build_id_size;
	uint64_t vma_name_addr;
	uint64_t build_id_addr;
};

#define PROCMAP_QUERY _IOWR('f', 17, struct procmap_query)
