/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A static program (no library, no gate of its own) that puts a page of its own file at the address
 * that the filter trusts, and makes a call from there:
 *
 *   gate_plant HOW PROGRAM    find the gate, and execute PROGRAM (static) as
 *   gate_plant HOW at ADDRESS plant, and call
 *
 *   HOW: fixed hint noreplace   mmap, in three ways
 *        move                   mmap elsewhere, then mremap
 *        cover                  mmap of three pages, the middle one there
 *        protect                mmap R--, then mprotect
 *        dontfork               in the program that has the gate: a child that has not
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <stdint.h>
#include "tests/escape/attacks/gate.h"
#include "common/sys.h"

/* One page of this program's own file, laid out as the gate is. */
__asm__(".pushsection .text.gate, \"ax\"\n"
	".balign 4096\n"
	"plant_page:\n"
	"	endbr64\n"
	"	syscall\n"
	"	ret\n"
	".balign 4096\n"
	".popsection\n");
extern const char plant_page[];

/* Where in the file that page is: found, since only the linker knows. */
static off_t plant_offset(int fd)
{
	static char page[ATTACK_PAGE];

	for (off_t at = 0; pread(fd, page, sizeof(page), at) == sizeof(page); at += ATTACK_PAGE) {
		if (memcmp(page, plant_page, sizeof(page)) == 0)
			return at;
	}
	attack_broken("offset");
}

static void must(long r, const char *step)
{
	if (!sys_is_error(r))
		return;
	errno = (int)-r;
	attack_refused(step);
}

static void put(const char *how, uintptr_t at, int fd, off_t off)
{
	int prot = attack_is(how, "protect") ? PROT_READ : ATTACK_RX;
	size_t around = attack_is(how, "cover") ? ATTACK_PAGE : 0;
	int flags = MAP_PRIVATE;
	long r;

	if (attack_is(how, "noreplace"))
		flags |= MAP_FIXED_NOREPLACE;
	else if (!attack_is(how, "hint") && !attack_is(how, "move"))
		flags |= MAP_FIXED;
	r = sys_mmap(attack_is(how, "move") ? 0 : at - around, ATTACK_PAGE + 2 * around, prot,
		     flags, fd, off - (off_t)around);
	must(r, "mmap");
	if (attack_is(how, "move"))
		must(sys_raw6(SYS_mremap, r, ATTACK_PAGE, ATTACK_PAGE,
			      MREMAP_MAYMOVE | MREMAP_FIXED, (long)at, 0),
		     "mremap");
	if (attack_is(how, "protect"))
		must(sys_mprotect(at, ATTACK_PAGE, ATTACK_RX), "mprotect");
	if (attack_is(how, "hint") && (uintptr_t)r != at) {
		errno = EEXIST;
		attack_refused("hint");
	}
}

static long map_through(uintptr_t gate)
{
	register long r10 __asm__("r10") = ATTACK_ANON;
	register long r8 __asm__("r8") = -1;
	register long r9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("call *%[gate]"
			 : "=a"(r)
			 : "a"(SYS_mmap), "D"(0), "S"(ATTACK_PAGE), "d"(PROT_READ), "r"(r10),
			   "r"(r8), "r"(r9), [gate] "r"(gate)
			 : "rcx", "r11", "memory");
	return r;
}

static _Noreturn void plant(const char *how, uintptr_t at)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	put(how, at, fd, plant_offset(fd));
	/* An ordinary call, so that nobody can say that the supervisor has not heard of it. */
	sys_mmap(0, ATTACK_PAGE, PROT_READ, ATTACK_ANON, -1, 0);
	must(map_through(at + 4), "call");
	attack_executed();
}

/* Natively a page of our own stands for the gate. */
static _Noreturn void plant_in_child(uintptr_t gate)
{
	pid_t pid;

	if (!gate)
		gate = (uintptr_t)attack_page(PROT_READ, ATTACK_ANON);
	if (madvise((void *)gate, ATTACK_PAGE, MADV_DONTFORK))
		attack_refused("madvise");
	pid = fork();
	if (pid < 0)
		attack_broken("fork");
	if (!pid)
		plant("noreplace", gate);
	attack_end_as(pid);
}

int main(int argc, char **argv)
{
	uintptr_t gate = gate_find();
	char address[32];

	if (argc == 4)
		plant(argv[1], strtoul(argv[3], NULL, 16));
	if (argc != 3)
		attack_broken("usage");
	if (attack_is(argv[1], "dontfork"))
		plant_in_child(gate);
	snprintf(address, sizeof(address), "%lx", gate ? gate : 0x600000000000ul);
	execl(argv[2], argv[2], argv[1], "at", address, NULL);
	attack_broken("execve");
}
