/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Writes an image whose only segment lies at the gate's address, and executes it. The image has
 * code of its own there: it makes one ordinary call, which tells the supervisor that it exists, and
 * then one by the instruction at the address that the filter trusts. "silent" leaves the first out.
 */

#include "tests/escape/attack.h"
#include <elf.h>
#include <fcntl.h>
#include "tests/escape/attacks/gate.h"

#define SOMEWHERE 0x600000000000ul /* where there is no gate */

/* The image's page: the gate's code first, the ELF entry at 64, the headers in a page of the file
 * that is not mapped. */
__asm__(".pushsection .rodata\n"
	".balign 8\n"
	"image_start:\n"
	"	endbr64\n"
	"image_gate:\n"
	"	syscall\n"
	"	ret\n"
	".org image_start + 64\n"
	"image_loud:\n"
	"	call image_args\n"
	"	syscall\n"
	"	cmp $-4096, %rax\n"
	"	ja image_no\n"
	".org image_start + 128, 0x90\n"
	"image_silent:\n"
	"	call image_args\n"
	"	call image_gate\n"
	"	cmp $-4096, %rax\n"
	"	ja image_no\n"
	"	mov $1, %eax\n"
	"	mov $1, %edi\n"
	"	lea image_said(%rip), %rsi\n"
	"	mov $9, %edx\n"
	"	syscall\n"
	"	xor %edi, %edi\n"
	"	jmp image_exit\n"
	"image_no:\n"
	"	mov $2, %edi\n"
	"image_exit:\n"
	"	mov $231, %eax\n"
	"	syscall\n"
	"image_args:\n" /* mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) */
	"	mov $9, %eax\n"
	"	xor %edi, %edi\n"
	"	mov $4096, %esi\n"
	"	mov $1, %edx\n"
	"	mov $0x22, %r10d\n"
	"	mov $-1, %r8\n"
	"	xor %r9d, %r9d\n"
	"	ret\n"
	"image_said:\n"
	"	.ascii \"EXECUTED\\n\"\n"
	"image_end:\n"
	".popsection\n");
extern const char image_start[], image_end[];

static void image_write(int fd, uintptr_t at, int silent)
{
	Elf64_Ehdr ehdr = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_EXEC,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_entry = at + (silent ? 128 : 64),
		.e_phoff = sizeof(ehdr),
		.e_ehsize = sizeof(ehdr),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 2,
	};
	Elf64_Phdr phdr[2] = {
		{.p_type = PT_LOAD,
		 .p_flags = PF_R | PF_X,
		 .p_offset = ATTACK_PAGE,
		 .p_vaddr = at,
		 .p_filesz = ATTACK_PAGE,
		 .p_memsz = ATTACK_PAGE,
		 .p_align = ATTACK_PAGE},
		{.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W, .p_align = 16},
	};
	size_t len = (size_t)(image_end - image_start);

	if (pwrite(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr) ||
	    pwrite(fd, phdr, sizeof(phdr), sizeof(ehdr)) != sizeof(phdr) ||
	    pwrite(fd, image_start, len, ATTACK_PAGE) != (ssize_t)len ||
	    ftruncate(fd, 2 * ATTACK_PAGE))
		attack_broken("write");
}

int main(int argc, char **argv)
{
	uintptr_t gate = gate_find();
	int fd = open("./gate-segment", O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0700);

	if (fd < 0)
		attack_broken("open");
	image_write(fd, gate ? gate : SOMEWHERE, argc == 2 && attack_is(argv[1], "silent"));
	close(fd);
	execl("./gate-segment", "gate-segment", NULL);
	attack_refused("execve");
}
