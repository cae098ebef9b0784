/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Changes the program's own code:
 *
 *   rwx         mprotect to RWX
 *   toggle      mprotect to RW-, change it, mprotect to R-X
 *   replace     map anonymous memory RWX over it
 *   proc_mem    write through /proc/self/mem, which heeds no protection
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <stdint.h>

/* A page of text of its own, so that changing it does not stop the changer. */
__attribute__((noinline, section(".text.victim"), aligned(4096))) static int victim(void)
{
	__asm__ volatile(".balign 64");
	return 7;
}

__attribute__((noinline, used, section(".text.victim"), aligned(4096))) static void victim_end(void)
{
}

static void protect(int prot, const char *step)
{
	if (mprotect((void *)victim, ATTACK_PAGE, prot))
		attack_refused(step);
}

static void write_proc_mem(void)
{
	int fd = open("/proc/self/mem", O_RDWR);

	if (fd < 0)
		attack_refused("open");
	if (pwrite(fd, attack_code, sizeof(attack_code), (off_t)(uintptr_t)victim) !=
	    sizeof(attack_code))
		attack_refused("pwrite");
}

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";

	if (victim() != 7)
		attack_broken("victim");
	if (attack_is(how, "rwx")) {
		protect(ATTACK_RWX, "mprotect_rwx");
		attack_plant((void *)victim);
	} else if (attack_is(how, "toggle")) {
		protect(ATTACK_RW, "mprotect_rw");
		attack_plant((void *)victim);
		protect(ATTACK_RX, "mprotect_rx");
	} else if (attack_is(how, "replace")) {
		if (mmap((void *)victim, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON | MAP_FIXED, -1, 0) ==
		    MAP_FAILED)
			attack_refused("mmap");
		attack_plant((void *)victim);
	} else if (attack_is(how, "proc_mem")) {
		write_proc_mem();
	} else {
		attack_broken("usage");
	}
	attack_run((void *)victim);
}
