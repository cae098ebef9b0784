/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Sends the supervisor forged requests: every operation with registers of all kinds, many times,
 * as an enemy in the program would; and policies that are not quite one. Then it asks for what it
 * wanted: RWX memory, and to execute a memfd. Nothing that was asked before may have made that
 * possible. The descriptors it was given are tried as well: none may be one that can be written.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include "common/control.h"

#define ROUNDS     40
#define N_POLICIES 500

static uint64_t state = 88172645463325252ull;

/* xorshift64. Source: Marsaglia, "Xorshift RNGs", 2003. */
static uint64_t next(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A register: small, a descriptor, an address of ours, a boundary, or anything. */
static uint64_t any(void)
{
	static const uint64_t edges[] = {0,          1,     0x7ffffffff000, 0x800000000000,
					 1ull << 63, ~0ull, 0xffffffff,     4096};

	switch (next() % 5) {
	case 0:
		return next() % 16;
	case 1:
		return (uint64_t)&state + next() % 64;
	case 2:
		return (uint64_t)any;
	case 3:
		return edges[next() % 8];
	default:
		return next();
	}
}

static void forge(void)
{
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned op = 0; op < 256; op++)
			control((enum control_op)op, any(), any(), any(), any(), any());
	}
	for (int i = 0; i < 256; i++)
		sys_munmap(CONTROL_ADDR + next() % (1ull << 33), any());
}

/* A policy of one's own: the true one, with a few bytes changed. It may only narrow. */
static void forge_policies(void)
{
	int seals = F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
	int fd = (int)control(CONTROL_POLICY, 0, 0, 0, 0, 0);
	static unsigned char blob[65536];
	ssize_t len = fd < 0 ? 4096 : pread(fd, blob, sizeof(blob), 0);

	for (int i = 0; i < N_POLICIES && len > 0; i++) {
		int forged = memfd_create("policy", MFD_ALLOW_SEALING);
		size_t at = next() % (size_t)len;
		unsigned char was = blob[at];

		blob[at] = (unsigned char)next();
		if (write(forged, blob, next() % 8 ? (size_t)len : next() % (size_t)len) < 0 ||
		    fcntl(forged, F_ADD_SEALS, seals))
			attack_broken("policy");
		control(CONTROL_NARROW, (uint64_t)forged, 0, 0, 0, 0);
		blob[at] = was;
		close(forged);
	}
}

/* What the supervisor handed out must not be a way to write what others trust. */
static void try_descriptors(void)
{
	for (int fd = 3; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		if (pwrite(fd, attack_code, sizeof(attack_code), 4) > 0 || !ftruncate(fd, 0))
			attack_executed();
		close(fd);
	}
}

int main(void)
{
	int fd;
	void *p;

	forge_policies();
	forge();
	try_descriptors();
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, -1, 0);
	if (p != MAP_FAILED) {
		attack_plant(p);
		attack_run(p);
	}
	fd = memfd_create("object", 0);
	if (fd < 0 || write(fd, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("memfd");
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	attack_run(p);
}
