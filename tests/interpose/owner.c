/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/interpose/owner.h"

#include <sys/mman.h>
#include <sys/shm.h>

void *owner_map(void *at, size_t len, int prot, int flags)
{
	return mmap(at, len, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int owner_unmap(void *at, size_t len)
{
	return munmap(at, len);
}

void *owner_remap(void *at, size_t len, size_t new_len)
{
	return mremap(at, len, new_len, MREMAP_MAYMOVE);
}

void *owner_attach(int id)
{
	return shmat(id, NULL, 0);
}
