/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>

/* One call through the gate at `gate`, with the registers of a system call. */
static inline __attribute__((always_inline)) long gate_enter(uint64_t gate, long nr, long a, long b,
							     long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("call *%[gate]"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8),
			   "r"(r9), [gate] "r"(gate)
			 : "rcx", "r11", "memory");
	return r;
}
