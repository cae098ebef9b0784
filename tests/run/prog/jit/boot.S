/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A boot sector for qemu-system: runs a loop that is translated, patches an instruction of it and
 * runs it again, two hundred times, prints the sum on the serial port and powers off (ACPI's port,
 * as SeaBIOS sets it on the machine `pc`).
 */

	.code16
	.globl _start
_start:
	cli
	xor %ax, %ax
	mov %ax, %ds
	mov %ax, %ss
	mov $0x7c00, %sp
	xor %ebx, %ebx
	mov $200, %si
again:
	mov $20000, %cx
loop:
patched:
	mov $1, %eax		/* its immediate is what changes: two bytes on */
	add %eax, %ebx
	rol $3, %ebx
	dec %cx
	jnz loop
	incb patched + 2
	dec %si
	jnz again

	mov $text, %si
	call print
	mov $8, %di
digit:
	rol $4, %ebx
	mov %bl, %al
	and $15, %al
	add $'0', %al
	cmp $'9', %al
	jbe put
	add $39, %al
put:
	call serial
	dec %di
	jnz digit
	mov $end, %si
	call print
	mov $0x604, %dx
	mov $0x2000, %ax
	out %ax, %dx
halt:
	hlt
	jmp halt

print:
	lodsb
	test %al, %al
	jz printed
	call serial
	jmp print
printed:
	ret

serial:
	mov $0x3f8, %dx
	out %al, %dx
	ret

text:	.asciz "booted "
end:	.asciz "\r\n"

	.org 510
	.word 0xaa55
