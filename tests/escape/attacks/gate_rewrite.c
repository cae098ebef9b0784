/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Puts something else where the gate is, whose address the filter trusts:
 *
 *   unmap     munmap it
 *   replace   map anonymous memory over it
 *   protect   make it writable
 *   move      mremap it away
 *   cover     mremap another page onto it
 *   discard   MADV_DONTNEED and MADV_REMOVE what it holds
 *   write     pwrite to its memfd, by /proc/self/map_files
 *
 * Natively the gate is a page that the program maps itself, from a memfd sealed as the
 * supervisor's is; "write" is then what an unsealed one allows.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include "tests/escape/attacks/gate.h"

static uintptr_t gate_make(void)
{
	int fd = memfd_create("gate", 0);
	void *p;

	if (fd < 0 || ftruncate(fd, ATTACK_PAGE) ||
	    pwrite(fd, gate_code, sizeof(gate_code), 0) != sizeof(gate_code))
		attack_broken("memfd");
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		attack_broken("mmap");
	return (uintptr_t)p;
}

static int write_backing(uintptr_t gate)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", gate, gate + ATTACK_PAGE);
	fd = open(path, O_RDWR);
	return fd < 0 || pwrite(fd, attack_code, sizeof(attack_code), 4) < 0;
}

static int rewrite(const char *how, void *at)
{
	void *other = attack_page(ATTACK_RW, ATTACK_ANON);

	if (attack_is(how, "unmap"))
		return munmap(at, ATTACK_PAGE);
	if (attack_is(how, "replace"))
		return mmap(at, ATTACK_PAGE, ATTACK_RW, ATTACK_ANON | MAP_FIXED, -1, 0) ==
		       MAP_FAILED;
	if (attack_is(how, "protect"))
		return mprotect(at, ATTACK_PAGE, ATTACK_RW);
	if (attack_is(how, "move"))
		return mremap(at, ATTACK_PAGE, ATTACK_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, other) ==
		       MAP_FAILED;
	if (attack_is(how, "cover"))
		return mremap(other, ATTACK_PAGE, ATTACK_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) ==
		       MAP_FAILED;
	if (attack_is(how, "discard"))
		return madvise(at, ATTACK_PAGE, MADV_REMOVE);
	return write_backing((uintptr_t)at);
}

int main(int argc, char **argv)
{
	uintptr_t gate = gate_find();

	if (argc != 2)
		attack_broken("usage");
	if (!gate)
		gate = gate_make();
	if (rewrite(argv[1], (void *)gate))
		attack_refused(argv[1]);
	attack_executed();
}
