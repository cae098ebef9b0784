/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An i386 image without PT_GNU_STACK: the kernel gives it READ_IMPLIES_EXEC by itself, so that its
 * writable data is executable. It writes code there and calls it. Its only system calls are
 * write(2) and exit(2). Source: Linux arch/x86/include/asm/elf.h, elf_read_implies_exec().
 */

	.globl	_start
	.text
_start:
	mov	$here, %edi
	movl	$0x00002ab8, (%edi)	/* mov $42, %eax */
	movl	$0x0000c300, 4(%edi)	/* ret */
	call	*%edi
	cmp	$42, %eax
	jne	no
	mov	$4, %eax
	mov	$1, %ebx
	mov	$said, %ecx
	mov	$9, %edx
	int	$0x80
	xor	%ebx, %ebx
	jmp	end
no:
	mov	$2, %ebx
end:
	mov	$1, %eax
	int	$0x80
said:
	.ascii	"EXECUTED\n"

	.data
here:
	.zero	64
