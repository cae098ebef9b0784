/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Bits that the kernel ignores, set to mislead whoever compares instead of masking:
 *
 *   prot_high prot_low prot_sem   in mmap's protection, with PROT_EXEC
 *   flags_high                    in mmap's flags
 *   fd_high                       in the descriptor of a memfd that is mapped executable
 *   validate                      MAP_SHARED_VALIDATE, a type and not a flag, on a memfd
 *   mprotect_sem                  PROT_SEM, in mprotect's protection
 */

#include "tests/escape/attack.h"
#include <stdint.h>
#include "common/sys.h"

static int memfd_new(void)
{
	int fd = memfd_create("object", 0);

	if (fd < 0 || write(fd, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("memfd");
	return fd;
}

static _Noreturn void map(long prot, long flags, int fd)
{
	long p = sys_raw6(SYS_mmap, 0, ATTACK_PAGE, prot, flags, fd, 0);

	if (sys_is_error(p)) {
		errno = (int)-p;
		attack_refused("mmap");
	}
	attack_plant((void *)p);
	attack_run((void *)p);
}

static _Noreturn void map_memfd(void)
{
	long fd = memfd_new() | 1l << 32;
	long p = sys_raw6(SYS_mmap, 0, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, fd, 0);

	if (sys_is_error(p)) {
		errno = (int)-p;
		attack_refused("mmap");
	}
	attack_run((void *)p);
}

static _Noreturn void protect(void)
{
	void *p = attack_page(ATTACK_RW, ATTACK_ANON);

	attack_plant(p);
	if (syscall(SYS_mprotect, p, ATTACK_PAGE, ATTACK_RX | 8 /* PROT_SEM */))
		attack_refused("mprotect");
	attack_run(p);
}

int main(int argc, char **argv)
{
	const char *bit = argc == 2 ? argv[1] : "";

	if (attack_is(bit, "prot_high"))
		map(ATTACK_RWX | 1l << 40, ATTACK_ANON, -1);
	if (attack_is(bit, "prot_low"))
		map(ATTACK_RWX | 0x70000000, ATTACK_ANON, -1);
	if (attack_is(bit, "prot_sem"))
		map(ATTACK_RWX | 8, ATTACK_ANON, -1);
	if (attack_is(bit, "flags_high"))
		map(ATTACK_RWX, ATTACK_ANON | 1l << 40, -1);
	if (attack_is(bit, "validate"))
		map(ATTACK_RWX, MAP_SHARED_VALIDATE, memfd_new());
	if (attack_is(bit, "fd_high"))
		map_memfd();
	if (attack_is(bit, "mprotect_sem"))
		protect();
	attack_broken("usage");
}
