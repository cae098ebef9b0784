/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * One raw system call on x86-64.
 *
 * The kernel takes the number in rax, the arguments in rdi rsi rdx r10 r8 r9, and clobbers rcx
 * and r11 (syscall(2), "Architecture calling conventions"). Nothing else changes, so this may be
 * used at any place and time. The result is what the kernel gave: -4095..-1 is -errno.
 */
static inline __attribute__((always_inline)) long sys_raw6(long nr, long a, long b, long c, long d,
							   long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}
