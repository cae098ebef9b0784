/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * syscall(3), as libc has it, except that calls of the mmap family, of the exec family, and of signals
 * are handed to the wrappers.
 *
 * In assembly because of what passes through it: a call that clones may come back on another
 * stack, or twice on this one, so there must be no frame, nothing on the stack but the return
 * address, and nothing kept across the system call.
 *
 * The kernel takes the number as an int (arch/x86/entry/common.c, do_syscall_64()), so the low 32
 * bits alone are compared. A number with the x32 bit matches nothing here and meets the filter.
 *
 * The C handler has the same signature and is entered by a jump: it returns to the caller, and its
 * return address is the caller's.
 *
 * Context: anywhere; errno is the only memory written, and only on failure.
 */

#include <cet.h>
#include <asm/unistd.h>
#include "interpose/attend.h"

#ifndef __NR_mseal
#define __NR_mseal 462
#endif

	.text
	.globl	syscall
	.type	syscall, @function
	.p2align 4
syscall:
	.cfi_startproc
	_CET_ENDBR
	cmpl	$31, %edi
	ja	.Lhigh
	movl	$((1 << __NR_mmap) | (1 << __NR_mprotect) | (1 << __NR_munmap) | \
		  (1 << __NR_mremap) | (1 << __NR_madvise) | (1 << __NR_shmat) | \
		  (1 << __NR_rt_sigaction) | (1 << __NR_rt_sigprocmask)), %eax
	btl	%edi, %eax
	jc	syscall_wrapped
.Lraw:
	testb	$ATTEND_FLIP, attention(%rip)
	jnz	.Lstores
.Lmake:
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	movq	%rcx, %rdx
	movq	%r8, %r10
	movq	%r9, %r8
	movq	8(%rsp), %r9
	syscall
	cmpq	$-4095, %rax
	jae	.Lerror
	ret
.Lerror:
	negl	%eax
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	call	*__errno_location@GOTPCREL(%rip)
	popq	%rcx
	.cfi_adjust_cfa_offset -8
	movl	%ecx, (%rax)
	movq	$-1, %rax
	ret
.Lhigh:
	cmpl	$__NR_execve, %edi
	je	syscall_wrapped
	cmpl	$__NR_shmdt, %edi
	je	syscall_wrapped
	cmpl	$__NR_remap_file_pages, %edi
	je	syscall_wrapped
	cmpl	$__NR_execveat, %edi
	je	syscall_wrapped
	cmpl	$__NR_pkey_mprotect, %edi
	je	syscall_wrapped
	cmpl	$__NR_mseal, %edi
	je	syscall_wrapped
	jmp	.Lraw
	/* Memory that flip manages: the call may have to be made again, but for those that come back
	 * twice, or not here. */
.Lstores:
	cmpl	$__NR_clone, %edi
	je	.Lmake
	cmpl	$__NR_fork, %edi
	je	.Lmake
	cmpl	$__NR_vfork, %edi
	je	.Lmake
	cmpl	$__NR_clone3, %edi
	je	.Lmake
	cmpl	$__NR_rt_sigreturn, %edi
	je	.Lmake
	jmp	syscall_stores
	.cfi_endproc
	.size	syscall, .-syscall

	.section .note.GNU-stack, "", @progbits
