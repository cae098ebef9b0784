/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Calls through the gate: the one page of `syscall; ret` from which the filter lets the mmap
 * family pass without asking the supervisor.
 *
 * The page keeps the kernel's calling convention (rcx and r11 clobbered, nothing else), so the
 * call is `call *gate` with the registers of a system call. Whoever includes this is compiled with
 * -mno-red-zone: the return address lands below rsp.
 *
 * A call that the filter sends to the supervisor all the same (it grants execution, or there is no
 * gate) is answered EINTR when a signal arrives before the supervisor has taken it and its handler
 * lacks SA_RESTART. The kernel itself gives EINTR for none of these calls except to a dying task,
 * so it is never the program's to see: the call is made again.
 *
 * Context: anywhere.
 */

#include <errno.h>
#include <stdint.h>
#include "common/control.h"
#include "common/sys.h"
#include "interpose/state.h"

#if defined(__x86_64__)
#include "interpose/arch/x86_64/gate.h"
#else
#error "no gate for this architecture yet"
#endif

/* A call by an entry of the gate's page, `entry` bytes into it (common/kit.h). */
static inline long gate_call_by(uint64_t entry, long nr, long a, long b, long c, long d, long e,
				long f)
{
	/* pairs with the release in state_publish(): the page is mapped by then */
	uint64_t gate = __atomic_load_n(&state()->gate, __ATOMIC_ACQUIRE);
	long r;

	do {
		if (__builtin_expect(gate != 0, 1))
			r = gate_enter(gate + entry, nr, a, b, c, d, e, f);
		else
			r = sys_raw6(nr, a, b, c, d, e, f);
	} while (__builtin_expect(r == -EINTR, 0));
	return r;
}

static inline long gate_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	return gate_call_by(0, nr, a, b, c, d, e, f);
}

/* control() without the interruptions. */
static inline long gate_control(enum control_op op, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
				uint64_t e)
{
	long r;

	do {
		r = control(op, a, b, c, d, e);
	} while (r == -EINTR);
	return r;
}
