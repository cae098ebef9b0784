/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Asks for memory that is both writable and executable in a program that may generate code, but
 * past the library, which would see to it that it is never both:
 *
 *   mmap            an inline mmap, RWX
 *   mprotect        an inline mprotect to RWX, of RW memory
 *   managed         the same, of memory that the library manages
 *   managed_run     the same, of memory that the library manages and that has run
 *   pkey            an inline pkey_mprotect
 *   shmat           an inline shmat with SHM_EXEC
 *   shmat_remap     the same, over memory that the library manages
 *   shmat_libc      shmat with SHM_EXEC, through libc
 *   rx_to_rwx       memory granted RX, then inline mprotect to RWX
 *   wx              PROT_WRITE | PROT_EXEC alone
 *   alias           a second view of shared memory by mremap(2); one is made RX, the other is RW
 *   alias_managed   the same of memory that the library manages
 *   alias_memfd     a memfd mapped RW and RX
 *   moved           an inline mremap of managed memory, then inline mprotect to RWX
 *   child           an inline mprotect to RWX, of managed memory, in a child
 *   gate_mmap       mmap, RWX, by a jump to the gate's system call
 *   gate_mprotect   mprotect to RWX, likewise, saying that it is the program itself that asks
 *   gate_flip       the same, saying that it is the library that flips a page
 *
 * `plain` before these: without anything that the library manages.
 */

#include "tests/escape/attack.h"
#include <stdint.h>
#include <sys/shm.h>
#include "tests/escape/attacks/gate.h"
#include "common/control.h"
#include "common/sys.h"

static void *checked(const char *step, long r)
{
	if (sys_is_error(r)) {
		errno = (int)-r;
		attack_refused(step);
	}
	return (void *)r;
}

static void raw_protect(void *p, int prot)
{
	checked("mprotect", sys_mprotect((uintptr_t)p, ATTACK_PAGE, prot));
}

/* RWX memory, as libc gives it; it has been written to, and has run if `run`. */
static void *managed(int flags, int run)
{
	void *p = mmap(NULL, ATTACK_PAGE, ATTACK_RWX, flags, -1, 0);

	if (p == MAP_FAILED)
		attack_broken("managed");
	attack_plant(p);
	if (run && ((int (*)(void))p)() != 42)
		attack_broken("run");
	return p;
}

static _Noreturn void use(void *p)
{
	attack_plant(p);
	attack_run(p);
}

static _Noreturn void by_shmat(const char *how)
{
	int id = shmget(IPC_PRIVATE, ATTACK_PAGE, IPC_CREAT | 0700);
	void *p = attack_is(how, "shmat_remap") ? managed(ATTACK_ANON, 1) : NULL;
	long r;

	if (id < 0)
		attack_broken("shmget");
	if (attack_is(how, "shmat_libc")) {
		r = (long)shmat(id, NULL, SHM_EXEC);
		r = r == -1 ? -errno : r;
	} else {
		r = sys_raw6(SYS_shmat, id, (long)p, SHM_EXEC | (p ? SHM_REMAP : 0), 0, 0, 0);
	}
	shmctl(id, IPC_RMID, NULL);
	use(checked("shmat", r));
}

/* One view to write to and one to execute, which no mapping is both. */
static _Noreturn void by_alias(const char *how)
{
	void *rw, *rx;

	if (attack_is(how, "alias_memfd")) {
		int fd = memfd_create("alias", 0);

		if (fd < 0 || ftruncate(fd, ATTACK_PAGE))
			attack_broken("memfd");
		rw = checked("mmap_rw", sys_mmap(0, ATTACK_PAGE, ATTACK_RW, MAP_SHARED, fd, 0));
		rx = checked("mmap", sys_mmap(0, ATTACK_PAGE, ATTACK_RX, MAP_SHARED, fd, 0));
	} else {
		if (attack_is(how, "alias"))
			rw = attack_page(ATTACK_RW, MAP_SHARED | MAP_ANONYMOUS);
		else
			rw = managed(MAP_SHARED | MAP_ANONYMOUS, 1);
		rx = checked("mremap",
			     sys_raw6(SYS_mremap, (long)rw, 0, ATTACK_PAGE, MREMAP_MAYMOVE, 0, 0));
		raw_protect(rw, ATTACK_RW);
		raw_protect(rx, ATTACK_RX);
	}
	attack_plant(rw);
	attack_run(rx);
}

static _Noreturn void by_child(void *p)
{
	pid_t pid = fork();

	if (!pid) {
		raw_protect(p, ATTACK_RWX);
		use(p);
	}
	attack_end_as(pid);
}

static _Noreturn void by_mprotect(const char *how)
{
	void *p = managed(ATTACK_ANON, !attack_is(how, "managed"));

	if (attack_is(how, "moved"))
		p = checked("mremap", sys_raw6(SYS_mremap, (long)p, ATTACK_PAGE, 2 * ATTACK_PAGE,
					       MREMAP_MAYMOVE, 0, 0));
	if (attack_is(how, "child"))
		by_child(p);
	raw_protect(p, ATTACK_RWX);
	use(p);
}

__asm__(".text\n"
	"own_gate: syscall\n"
	"ret\n");
extern const char own_gate[];

/* Where no gate is mapped it brings its own, so that the attack can be seen to work. */
static long jump(long nr, long a, long b, long c, long d, long e, long f)
{
	uintptr_t gate = gate_find();
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	gate = gate ? gate + 4 /* past endbr64 */ : (uintptr_t)own_gate;
	__asm__ volatile("sub $128, %%rsp\n\t"
			 "call *%[gate]\n\t"
			 "add $128, %%rsp"
			 : "=a"(r), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), [gate] "r"(gate)
			 : "rcx", "r11", "memory");
	return r;
}

static _Noreturn void by_gate(const char *how)
{
	void *p = attack_page(ATTACK_RW, ATTACK_ANON);
	long told = CONTROL_TOLD | (attack_is(how, "gate_flip") ? TOLD_FLIP : TOLD_CALL);

	if (attack_is(how, "gate_mmap"))
		p = checked("mmap", jump(SYS_mmap, 0, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, -1, 0));
	else
		checked("mprotect", jump(SYS_mprotect, (long)p, ATTACK_PAGE, ATTACK_RWX, 0,
					 (long)by_gate, told));
	use(p);
}

int main(int argc, char **argv)
{
	const char *how = argv[argc - 1];
	void *p;

	if (argc < 3 || !attack_is(argv[1], "plain"))
		managed(ATTACK_ANON, 1);
	if (attack_is(how, "mmap") || attack_is(how, "wx"))
		use(checked("mmap",
			    sys_mmap(0, ATTACK_PAGE,
				     attack_is(how, "wx") ? PROT_WRITE | PROT_EXEC : ATTACK_RWX,
				     ATTACK_ANON, -1, 0)));
	if (!strncmp(how, "shmat", 5))
		by_shmat(how);
	if (!strncmp(how, "alias", 5))
		by_alias(how);
	if (!strncmp(how, "gate", 4))
		by_gate(how);
	if (!strncmp(how, "managed", 7) || attack_is(how, "moved") || attack_is(how, "child"))
		by_mprotect(how);
	p = attack_page(ATTACK_RW, ATTACK_ANON);
	attack_plant(p);
	if (attack_is(how, "rx_to_rwx") && mprotect(p, ATTACK_PAGE, ATTACK_RX))
		attack_broken("mprotect to RX");
	if (attack_is(how, "pkey"))
		checked("pkey_mprotect",
			sys_raw6(SYS_pkey_mprotect, (long)p, ATTACK_PAGE, ATTACK_RWX, -1, 0, 0));
	else
		raw_protect(p, ATTACK_RWX);
	use(p);
}
