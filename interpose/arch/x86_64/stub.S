/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Where libc's own calls come to, from the sites that patch.c has turned into jumps: one stub for each
 * site, since a site leaves no return address. What it needs is in its slot of the state page.
 *
 * A stub is entered in the middle of a function of libc's, with the registers of a system call but
 * for its number. It keeps what the system call would have kept: every register but rax, rcx and
 * r11, the flags, and the 128 bytes under rsp, in which leaf functions have their variables. So it
 * tests by jrcxz, which touches no flag, in tables that it reads by a byte of the third argument:
 *
 *   0  the call takes the gate
 *   1  it asks for execution, without W: it takes the entry of the gate's page that is the site's own,
 *      and so is notified; a signal that came before the supervisor took it is not the caller's
 *   2  it is for the C code, like all calls of a process that are to be looked at (interpose/attend.h)
 *
 * Unwinding: the frame is one that the site has called. Its return address is pushed for that; where
 * it is not on the stack yet, or not any more, it is found in the slot, relative to rip.
 *
 * Source: Intel SDM volume 2, JrCXZ, LEA; System V ABI for x86-64, "The Red Zone"; DWARF 5, 2.5 and
 * 6.4.2.
 *
 * Context: anywhere libc maps memory.
 */

#include <cet.h>
#include "common/kit.h"
#include "interpose/slot.h"

#define GATE state_page + STATE_GATE(%rip)
#define BACK SLOT_BACK(%rip)

/*
 * The return address is in the slot. How far that is from the block's first word, the word says, and
 * the word lies K bytes from this instruction: DW_CFA_expression(16): breg16 K; deref; breg16 K; plus.
 * K in two bytes. (Of DWARF's operations these are known to valgrind as well.)
 */
	.macro	back_in_slot low, high
	.cfi_escape 0x10, 0x10, 8, 0x80, \low, \high, 0x06, 0x80, \low, \high, 0x22
	.endm

	.macro	stub i
	.balign	32
	.set	slot_\i, state_page + STATE_SLOTS + SLOT_BYTES * \i
block_\i:
	.quad	slot_\i - .
	.cfi_startproc
	.cfi_def_cfa rsp, 0
	back_in_slot 0xf8, 0x7f			/* -8 */
	leaq	-128(%rsp), %rsp
	.cfi_def_cfa_offset 128
	back_in_slot 0xf3, 0x7f			/* -13 */
	pushq	slot_\i + SLOT_BACK(%rip)
	.cfi_def_cfa_offset 136
	.cfi_offset rip, -136
	movq	slot_\i + SLOT_TABLE(%rip), %rax
	movzbl	%dl, %ecx
	movzbl	(%rax, %rcx), %ecx
	jrcxz	1f
	jmp	3f
1:	movzbl	attention(%rip), %ecx
	jrcxz	2f
	jmp	5f
2:	movl	slot_\i + SLOT_NR(%rip), %eax
	call	*GATE
	.org	block_\i + 60, 0x90
9:	leaq	136(%rsp), %rsp
	.cfi_remember_state
	.cfi_def_cfa_offset 0
	back_in_slot 0xbc, 0x7f			/* -68 */
	notrack jmp *slot_\i + SLOT_BACK(%rip)
	.cfi_restore_state
3:	leal	-1(%rcx), %ecx
	jrcxz	4f
	jmp	5f
4:	movzbl	attention(%rip), %ecx
	jrcxz	6f
5:	leaq	slot_\i(%rip), %r11
	call	stub_enter
	jmp	9b
6:	movl	slot_\i + SLOT_NR(%rip), %eax
	movq	GATE, %r11
	leaq	KIT_ENTRY_FIRST + KIT_ENTRY_BYTES * \i(%r11), %r11
	call	*%r11
	leaq	4(%rax), %rcx			/* EINTR */
	jrcxz	6b
	jmp	9b
	.cfi_endproc
	.org	block_\i + KIT_STUB_BYTES, 0xcc
	.endm

	.section .stubs, "ax", @progbits
	.globl	stub_blocks
	.hidden	stub_blocks
	.type	stub_blocks, @function
	.p2align 6
stub_blocks:
	.set	n, 0
	.rept	KIT_SITES
	.altmacro
	stub	%n
	.noaltmacro
	.set	n, n + 1
	.endr
	.size	stub_blocks, . - stub_blocks

/*
 * The C code: stub_call(arguments, slot), with the slot in r11. Keeps what a stub keeps.
 */
	.text
	.type	stub_enter, @function
	.p2align 4
stub_enter:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	pushfq
	cld
	pushq	%r9
	pushq	%r8
	pushq	%r10
	pushq	%rdx
	pushq	%rsi
	pushq	%rdi
	movq	%rsp, %rdi
	movq	%r11, %rsi
	leaq	16 + STUB_FRAME(%rbp), %rdx	/* rsp at the site */
	andq	$-16, %rsp
	call	stub_call
	leaq	-56(%rbp), %rsp
	popq	%rdi
	popq	%rsi
	popq	%rdx
	popq	%r10
	popq	%r8
	popq	%r9
	popfq
	popq	%rbp
	.cfi_def_cfa rsp, 8
	ret
	.cfi_endproc
	.size	stub_enter, . - stub_enter

	.section .note.GNU-stack, "", @progbits
