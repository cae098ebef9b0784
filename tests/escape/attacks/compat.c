/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * i386 calls from a 64-bit program that need more than `int $0x80`:
 *
 *   old_mmap    mmap (90), whose arguments lie in memory, where no filter sees them
 *   ipc_shmat   shmat by ipc (117): SHM_EXEC is an argument of a call with another name
 *   far         mmap2 from a 32-bit code segment, entered by a far return
 *
 * It is linked at a low address: 32-bit code can neither run nor point elsewhere.
 */

#include "tests/escape/attack.h"
#include <sys/shm.h>
#include "common/sys.h"

static long finish(int r)
{
	if (r < 0 && r >= -4095) {
		errno = -r;
		attack_refused("compat");
	}
	return (long)(unsigned)r;
}

static int int80(int nr, long a, long b, long c, long d, long e)
{
	int r = nr;

	__asm__ volatile("int $0x80"
			 : "+a"(r)
			 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "r8", "r9", "r10", "r11", "memory");
	return r;
}

/* Source: Linux arch/x86/kernel/sys_ia32.c, struct mmap_arg_struct32. */
static long old_mmap(void)
{
	unsigned *args = attack_page(ATTACK_RW, ATTACK_ANON | MAP_32BIT);
	const unsigned wanted[] = {0, ATTACK_PAGE, ATTACK_RWX, ATTACK_ANON, (unsigned)-1, 0};

	memcpy(args, wanted, sizeof(wanted));
	return finish(int80(90, (long)args, 0, 0, 0, 0));
}

/* ipc(SHMAT, id, flags, &address, at). Source: Linux ipc/syscall.c. */
static long ipc_shmat(void)
{
	unsigned *at = attack_page(ATTACK_RW, ATTACK_ANON | MAP_32BIT);
	int id = shmget(IPC_PRIVATE, ATTACK_PAGE, IPC_CREAT | 0700);
	int r = int80(117, 21, id, SHM_EXEC, (long)at, 0);

	shmctl(id, IPC_RMID, NULL);
	finish(r);
	return (long)*at;
}

/* Runs `code32` in segment 0x23, which Linux gives every process, on a low stack. */
extern const char far_int80[];
int far_call(unsigned long low_stack, const void *code32);
__asm__(".text\n"
	"far_call:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	mov %rsp, far_saved(%rip)\n"
	"	mov %rdi, %rsp\n"
	"	sub $8, %rsp\n"
	"	mov %esi, (%rsp)\n"
	"	movl $0x23, 4(%rsp)\n"
	"	mov $192, %eax\n"
	"	xor %ebx, %ebx\n"
	"	mov $4096, %ecx\n"
	"	mov $7, %edx\n"
	"	mov $0x22, %esi\n"
	"	mov $-1, %edi\n"
	"	xor %ebp, %ebp\n"
	"	lretl\n"
	".code32\n"
	"far_int80:\n"
	"	int $0x80\n"
	"	ljmp $0x33, $far_back\n"
	".code64\n"
	"far_back:\n"
	"	mov far_saved(%rip), %rsp\n"
	"	mov $0x2b, %ecx\n"
	"	mov %ecx, %ss\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n"
	".local far_saved\n"
	".comm far_saved, 8\n");

static long far_mmap(void)
{
	char *stack = attack_page(ATTACK_RW, ATTACK_ANON | MAP_32BIT);

	return finish(far_call((unsigned long)stack + ATTACK_PAGE, far_int80));
}

int main(int argc, char **argv)
{
	const char *how = argc == 2 ? argv[1] : "";
	long p;

	if (attack_is(how, "old_mmap"))
		p = old_mmap();
	else if (attack_is(how, "ipc_shmat"))
		p = ipc_shmat();
	else if (attack_is(how, "far"))
		p = far_mmap();
	else
		attack_broken("usage");
	attack_plant((void *)p);
	attack_run((void *)p);
}
