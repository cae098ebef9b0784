/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where the kernel enters and leaves the library's handler of SIGSEGV.
 *
 * The kernel has built a frame: rsp points to the restorer's address, behind it the context and the
 * siginfo (Linux 6.18 arch/x86/include/asm/sigframe.h, struct rt_sigframe). Either the handler returns
 * through that restorer, or the program's handler is entered with this frame, or a copy of it
 * elsewhere, as if the kernel had entered it (chain.c, enter()): nothing of ours is left on the
 * stack, and what it returns to is its own restorer.
 */

#include <cet.h>

	.text

/* chain_handler(sig, info, uc) */
	.globl	chain_handler
	.hidden	chain_handler
	.type	chain_handler, @function
	.p2align 4
chain_handler:
	_CET_ENDBR
	jmp	chain_signal
	.size	chain_handler, .-chain_handler

/*
 * rt_sigreturn(2), in the bytes by which unwinders know a frame of a signal (libgcc,
 * config/i386/linux-unwind.h); so without unwind information of its own.
 */
	.globl	chain_restorer
	.hidden	chain_restorer
	.type	chain_restorer, @function
	.p2align 4
	nop
chain_restorer:
	movq	$15, %rax
	syscall
	.size	chain_restorer, .-chain_restorer

/* int chain_copy(to, from, n): copies; -EFAULT where either cannot be reached. */
	.globl	chain_copy
	.hidden	chain_copy
	.type	chain_copy, @function
	.p2align 4
chain_copy:
	movq	%rdx, %rcx
	rep movsb
	.globl	chain_copy_end
	.hidden	chain_copy_end
chain_copy_end:
	xorl	%eax, %eax
	ret
	.globl	chain_copy_failed
	.hidden	chain_copy_failed
chain_copy_failed:
	movl	$-14, %eax
	ret
	.size	chain_copy, .-chain_copy

	.section .note.GNU-stack, "", @progbits
