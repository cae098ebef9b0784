/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Jumps to a system call that libc's own calls are made by, with registers of its own:
 *
 *   kit_jump FROM WHAT [CALLER]
 *
 *   FROM   a number: the gate's entry of that stub · all: of every stub, one after the other ·
 *          site: the `syscall` that stands in libc's text behind the jump · main: the gate's own
 *          entry · own: one in this program
 *   WHAT   rwx rx addx pkey shm memfd · plain: memory that is not executable
 *   CALLER a library that generates code, mapped and named as the caller
 *
 * Where no gate is mapped this program's own instruction stands for its entries.
 */

#include "tests/escape/attack.h"
#include <dlfcn.h>
#include <sys/shm.h>
#include "tests/escape/attacks/gate.h"
#include "tests/escape/attacks/kit.h"

static uintptr_t at; /* of the instruction */
static int in_libc;  /* whose function says -1 and sets errno */

/* Comes back by the `ret` that follows. */
static long jump(long nr, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = 0;
	long r;

	__asm__ volatile("sub $128, %%rsp\n\t"
			 "call *%[at]\n\t"
			 "add $128, %%rsp"
			 : "=a"(r), "+d"(c), "+r"(r10), "+r"(r8), "+r"(r9)
			 : "a"(nr), "D"(a), "S"(b), [at] "r"(at)
			 : "rcx", "r11", "memory");
	if (!sys_is_error(r))
		return r;
	if (!in_libc)
		errno = (int)-r;
	return -1;
}

__asm__(".text\n"
	"own_call: syscall\n"
	"ret\n");
extern const char own_call[];

/* That of munmap(2), since its function does nothing else: `syscall`, look at the result, `ret`. */
static uintptr_t find_site(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	const unsigned char *f = libc ? dlsym(libc, "munmap") : NULL;

	for (int i = 0; f && i < 32; i++)
		if (f[i + 5] == 0x0f && f[i + 6] == 0x05 && (f[i] == 0xb8 || f[i] == 0xe9)) {
			in_libc = 1;
			return (uintptr_t)f + (unsigned)i + KIT_JUMP_BYTES;
		}
	attack_broken("site");
}

static uintptr_t find_entry(const char *from)
{
	uintptr_t gate = gate_find();

	if (attack_is(from, "site"))
		return find_site();
	if (attack_is(from, "own") || !gate)
		return (uintptr_t)own_call;
	return gate + 4 + (attack_is(from, "main") ? 0 : kit_entry((unsigned)atoi(from)));
}

static void *map(int prot, int flags, int fd)
{
	long p = jump(SYS_mmap, 0, ATTACK_PAGE, prot, flags, fd);

	if (p == -1)
		attack_refused("mmap");
	return (void *)p;
}

static void *protect(long nr)
{
	void *p = attack_page(ATTACK_RW, ATTACK_ANON);

	attack_plant(p);
	if (jump(nr, (long)p, ATTACK_PAGE, ATTACK_RX, -1, 0))
		attack_refused("mprotect");
	return p;
}

static void *attach(void)
{
	int id = shmget(IPC_PRIVATE, ATTACK_PAGE, IPC_CREAT | 0700);
	long p = jump(SYS_shmat, id, 0, SHM_EXEC, 0, 0);
	int error = errno;

	shmctl(id, IPC_RMID, NULL);
	errno = error;
	if (p == -1)
		attack_refused("shmat");
	attack_plant((void *)p);
	return (void *)p;
}

static void *map_memfd(void)
{
	int fd = memfd_create("object", 0);

	if (fd < 0 || write(fd, attack_code, sizeof(attack_code)) != sizeof(attack_code))
		attack_broken("memfd");
	return map(ATTACK_RX, MAP_PRIVATE, fd);
}

/* One attack. Return: what is to be run; NULL: it has succeeded as it is. */
static void *attempt(const char *what)
{
	void *p;

	if (attack_is(what, "addx"))
		return protect(SYS_mprotect);
	if (attack_is(what, "pkey"))
		return protect(SYS_pkey_mprotect);
	if (attack_is(what, "shm"))
		return attach();
	if (attack_is(what, "memfd"))
		return map_memfd();
	if (attack_is(what, "plain")) {
		attack_plant(map(ATTACK_RW, ATTACK_ANON, -1));
		return NULL;
	}
	if (!attack_is(what, "rwx") && !attack_is(what, "rx"))
		attack_broken("usage");
	p = map(attack_is(what, "rx") ? ATTACK_RX : ATTACK_RWX, ATTACK_ANON, -1);
	if (attack_is(what, "rwx"))
		attack_plant(p);
	return attack_is(what, "rwx") ? p : NULL;
}

static void name_as_caller(const char *path)
{
	void *p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, open(path, O_RDONLY), 0);

	if (p == MAP_FAILED)
		attack_broken("map");
	control(CONTROL_CALLER, (uint64_t)p, 0, 0, 0, 0);
}

/* The first that is let through ends it. */
static _Noreturn void attempt_all(const char *what)
{
	char stub[8];
	pid_t pid;
	int status;

	for (unsigned i = 0; i < KIT_SITES - 1; i++) {
		snprintf(stub, sizeof(stub), "%u", i);
		at = find_entry(stub);
		pid = fork();
		if (!pid) {
			close(STDOUT_FILENO);
			attempt(what);
			_exit(0);
		}
		if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) ||
		    WEXITSTATUS(status) > 1)
			attack_broken("child");
		if (!WEXITSTATUS(status))
			attack_executed();
	}
	snprintf(stub, sizeof(stub), "%u", KIT_SITES - 1);
	at = find_entry(stub);
	attack_run(attempt(what));
}

int main(int argc, char **argv)
{
	void *code;

	if (argc < 3)
		attack_broken("usage");
	if (argc == 4)
		name_as_caller(argv[3]);
	if (attack_is(argv[1], "all"))
		attempt_all(argv[2]);
	at = find_entry(argv[1]);
	code = attempt(argv[2]);
	if (code)
		attack_run(code);
	attack_executed();
}
