/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Changes the program's own code:
 *
 *   rwx         mprotect to RWX
 *   toggle      mprotect to RW-, change it, mprotect to R-X
 *   replace     map anonymous memory RWX over it
 *   span        mprotect to R-X a range of which the first page is R-X already
 *   proc_mem PATH    write through /proc/self/mem, which heeds no protection
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

static void write_proc_mem(const char *path)
{
	int fd = open(path, O_RDWR);

	if (fd < 0)
		attack_refused("open");
	if (pwrite(fd, attack_code, sizeof(attack_code), (off_t)(uintptr_t)victim) !=
	    sizeof(attack_code))
		attack_refused("pwrite");
}

/* One page of a file that is R-X, and behind it one with our code. */
static _Noreturn void span(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	char *p = mmap(NULL, 2 * ATTACK_PAGE, ATTACK_RW, ATTACK_ANON, -1, 0);

	if (fd < 0 || p == MAP_FAILED)
		attack_broken("mmap");
	attack_plant(p + ATTACK_PAGE);
	if (mmap(p, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
		attack_broken("mmap");
	if (mprotect(p, 2 * ATTACK_PAGE, ATTACK_RX))
		attack_refused("mprotect");
	attack_run(p + ATTACK_PAGE);
}

int main(int argc, char **argv)
{
	const char *how = argc >= 2 ? argv[1] : "";

	if (victim() != 7)
		attack_broken("victim");
	if (attack_is(how, "span"))
		span();
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
	} else if (argc == 3 && attack_is(how, "proc_mem")) {
		write_proc_mem(argv[2]);
	} else {
		attack_broken("usage");
	}
	attack_run((void *)victim);
}
