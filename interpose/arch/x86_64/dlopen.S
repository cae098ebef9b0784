/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * dlopen(3) and dlmopen(3): the library looks at the flags, and libc at the return address, by which
 * it knows who calls. So they end in a jump to libc's.
 */

#include <cet.h>

	.macro	wrapper name, flags, enter
	.globl	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	_CET_ENDBR
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	pushq	%rsi
	.cfi_adjust_cfa_offset 8
	pushq	%rdx
	.cfi_adjust_cfa_offset 8
	movl	\flags, %edi
	call	\enter
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	popq	%rsi
	.cfi_adjust_cfa_offset -8
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	testq	%rax, %rax
	jz	1f
	jmp	*%rax
1:	ret
	.cfi_endproc
	.size	\name, .-\name
	.endm

	.text
	wrapper	dlopen, %esi, dlopen_enter
	wrapper	dlmopen, %edx, dlmopen_enter

	.section .note.GNU-stack, "", @progbits
