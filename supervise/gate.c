/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include "common/kit.h"

/*
 * The gate: one page of code from a sealed memfd, and the tree's address for it. Beside the entry
 * that the filter lets pass there is one for each stub (common/kit.h), from which nothing passes
 * unseen.
 *
 * The address lies below where the kernel starts to lay out libraries (at most 2^28 pages under the
 * stack's 128 TiB with mmap_rnd_bits 28: arch/x86/mm/mmap.c) and above 0x7e8000000000, where every
 * runtime that minds its address space still takes a mapping for a library: ASan, MSan and TSan
 * (compiler-rt lib/tsan/rtl/tsan_platform.h, Mapping48AddressSpace: HiAppMem).
 */

#define GATE_LOWEST 0x7e8000000000ull
#define GATE_PAGES  (0x6800000000ull / CM_PAGE)

static const unsigned char gate_code[] = {
	0xf3, 0x0f, 0x1e, 0xfa, /* endbr64 */
	0x0f, 0x05,             /* syscall */
	0xc3,                   /* ret */
};

/*
 * Makes the page and draws its address. Return: 0, the descriptor the caller's; or -errno.
 */
int gate_make(uint64_t *gatep, int *memfdp)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	unsigned char page[CM_PAGE];
	uint64_t random;
	int fd;

	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	memset(page, 0xcc, sizeof(page)); /* int3 */
	memcpy(page, gate_code, sizeof(gate_code));
	for (unsigned i = 0; i < KIT_SITES; i++)
		memcpy(page + kit_entry(i), gate_code, sizeof(gate_code));
	fd = memfd_create("cookiemap-gate", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	if (write(fd, page, sizeof(page)) != sizeof(page) || fcntl(fd, F_ADD_SEALS, seals) < 0) {
		close(fd);
		return -EIO;
	}
	*gatep = GATE_LOWEST + random % GATE_PAGES * CM_PAGE;
	*memfdp = fd;
	return 0;
}
