/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Jumps to the gate's system call with registers of its own, as code reuse would, for what the
 * gate must never give:
 *
 *   rwx addx memfd shm pkey
 *   jit PATH    rwx, after a library that generates code was mapped and named as the caller
 *
 * Where no gate is mapped it brings its own, so that the attack can be seen to work.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>
#include <sys/shm.h>
#include "tests/escape/attacks/gate.h"
#include "common/control.h"

static uintptr_t gate;

static long jump(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("sub $128, %%rsp\n\t"
			 "call *%[gate]\n\t"
			 "add $128, %%rsp"
			 : "=a"(r), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), [gate] "r"(gate)
			 : "rcx", "r11", "memory");
	if (!sys_is_error(r))
		return r;
	errno = (int)-r;
	return -1;
}

__asm__(".text\n"
	"own_gate: syscall\n"
	"ret\n");
extern const char own_gate[];

static _Noreturn void map(int prot, int flags, int fd)
{
	long p = jump(SYS_mmap, 0, ATTACK_PAGE, prot, flags, fd);

	if (p == -1)
		attack_refused("mmap");
	if (fd < 0)
		attack_plant((void *)p);
	attack_run((void *)p);
}

static _Noreturn void protect(long nr)
{
	void *p = attack_page(ATTACK_RW, ATTACK_ANON);

	attack_plant(p);
	if (jump(nr, (long)p, ATTACK_PAGE, ATTACK_RX, -1, 0))
		attack_refused("mprotect");
	attack_run(p);
}

static _Noreturn void attach(void)
{
	int id = shmget(IPC_PRIVATE, ATTACK_PAGE, IPC_CREAT | 0700);
	long p = jump(SYS_shmat, id, 0, SHM_EXEC, 0, 0);
	int error = errno;

	shmctl(id, IPC_RMID, NULL);
	errno = error;
	if (p == -1)
		attack_refused("shmat");
	attack_plant((void *)p);
	attack_run((void *)p);
}

static void name_as_caller(const char *path)
{
	int fd = open(path, O_RDONLY);
	void *p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, fd, 0);

	if (p == MAP_FAILED)
		attack_broken("map");
	control(CONTROL_CALLER, (uint64_t)p, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	const char *how = argc >= 2 ? argv[1] : "";
	int fd;

	gate = gate_find() + 4; /* past endbr64 */
	if (gate == 4)
		gate = (uintptr_t)own_gate;
	if (argc == 3)
		name_as_caller(argv[2]);
	if (attack_is(how, "rwx") || attack_is(how, "jit"))
		map(ATTACK_RWX, ATTACK_ANON, -1);
	if (attack_is(how, "addx"))
		protect(SYS_mprotect);
	if (attack_is(how, "pkey"))
		protect(SYS_pkey_mprotect);
	if (attack_is(how, "shm"))
		attach();
	if (!attack_is(how, "memfd"))
		attack_broken("usage");
	fd = memfd_create("object", 0);
	if (fd < 0 || write(fd, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("memfd");
	map(ATTACK_RX, MAP_PRIVATE, fd);
}
