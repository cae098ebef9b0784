/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The control channel: how a process of the tree speaks to its supervisor.
 *
 * A request is munmap(2) of an address that no user range can contain, so every kernel refuses it
 * with EINVAL (mm/vma.c, do_vmi_munmap(): start > TASK_SIZE) and no sane sandbox forbids it. Under
 * the filter it arrives as a notification; the operation is in the address's low byte, arguments in
 * the other five registers. The answer is a value, -errno, or a descriptor
 * (SECCOMP_IOCTL_NOTIF_ADDFD) that the caller owns. EINVAL means: no supervisor.
 *
 * Everything here is input from a process that may be hostile: nothing asked for gives a right that
 * the policy does not give anyway.
 *
 * Context: anywhere a system call may be made.
 */

#include <stdint.h>
#include "common/sys.h"

#define CONTROL_ADDR 0xc00c1e0000000000ull
#define CONTROL_MASK 0xffffffffffffff00ull

#define CONTROL_VERSION 4

enum control_op {
	/* (version) → the tree's gate address; 0: this image runs without a gate; with
	 * HELLO_SEALS where mseal(2) works. EPROTO: another version of the library; the image is
	 * policed by notification. */
	CONTROL_HELLO = 1,
	/* () → descriptor of the gate's page, to be mapped at the gate address, and in the upper 32
	 * bits CONTROL_POLICY's answer */
	CONTROL_GATE = 2,
	/* () → descriptor of this image's policy, a sealed memfd */
	CONTROL_POLICY = 3,
	/* (sites patched of libc, of ld.so, 1 where the library has sealed what policy wants
	 * sealed) → 0: start-up is over; from here on no gate is mapped, nothing is patched, and
	 * `raw` applies */
	CONTROL_SEALED = 4,
	/* (caller's address) → 0: who makes the next call of this thread */
	CONTROL_CALLER = 5,
	/* (key << 8 | verdict, caller's address, call number, first, second argument) → 0: a
	 * violation that was decided in the process. REPORT_STORE instead of a call: (…, address of
	 * the instruction, REPORT_STORE, address stored to, an address of the module that may) */
	CONTROL_REPORT = 6,
	/* (address, what, offset) → the executable VMA at that address: its start, its end, its
	 * module's number in the tree (0: anonymous), or seven bytes of its path from the offset
	 * on, first byte lowest, zeroes past the end. ENOENT: nothing executable there. */
	CONTROL_MODULE = 7,
	/* (descriptor of a sealed memfd with a compiled policy) → 0: from now on this process and
	 * what it starts get the narrower of their policy and this one */
	CONTROL_NARROW = 8,
	/* (CHAIN_ON or CHAIN_OFF) → 0: whether the library's handler of SIGSEGV is installed in
	 * this process; with CHAIN_ON, rt_sigaction(2) of that signal is not made for anybody but
	 * the library: the thread gets a SIGSEGV with CHAIN_CODE instead */
	CONTROL_CHAIN = 9,
	/* (verdict, address, its first eight bytes, the next eight, caller's address) → 0: code
	 * that wx.inspect has found */
	CONTROL_FOUND = 10,
	/* (where libc is loaded, where ld.so is or 0, address of the stubs) → descriptor of a patch
	 * kit (common/kit.h). ENOENT: there is nothing to patch; EPERM: policy, or start-up is over
	 */
	CONTROL_SITES = 11,
	/* (start, length, seals of common/seal.h, policy key they are by, or KEY_NONE: the
	 * program's own) → 0: what a call past the gate may not do to this range any more. ENOSPC:
	 * there are more already than the supervisor remembers. */
	CONTROL_SEAL = 12,
};

#define HELLO_SEALS   1 /* an address of a page has room for it */
#define REPORT_STORE  0x10000
#define REPORT_COOKIE 0x20000 /* with the call's number: on memory that a cookie names */

/*
 * mprotect(2) and pkey_mprotect(2) through the gate may have in the last register, which the kernel
 * does not read for them, CONTROL_TOLD and what of: then the one before it is the address of who
 * asks, as CONTROL_CALLER would tell it. With TOLD_FLIP the fourth of mprotect is how often pages
 * were made writable so far. With TOLD_DOWNGRADE the call is only made where it gives no page a
 * right that it lacks, and is EPERM otherwise.
 */
#define CONTROL_TOLD 0xc00c1e0100000000ull
enum control_told { TOLD_CALL, TOLD_FLIP, TOLD_DOWNGRADE };

/* si_code of the SIGSEGV that stands for an rt_sigaction(2): see CONTROL_CHAIN. Of the negative
 * ones, which the kernel lets processes send (rt_tgsigqueueinfo(2)) and never sends itself. */
#define CHAIN_CODE (-0x636b)

enum control_sealed {
	SEALED_DONE = 1 << 0,   /* the library has sealed what policy wants sealed */
	SEALED_PARTLY = 1 << 1, /* but for objects whose headers it could not find */
};

enum control_chain {
	CHAIN_OFF,
	CHAIN_ON,
	CHAIN_SHARES, /* → 1: it shares its memory with its parent; 0: it does not */
	CHAIN_NUMBER, /* → a number that no other process of the tree has */
};

enum control_module { MODULE_START, MODULE_END, MODULE_ID, MODULE_NAME };

static inline long control(enum control_op op, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
			   uint64_t e)
{
	return sys_raw6(SYS_munmap, (long)(CONTROL_ADDR | op), (long)a, (long)b, (long)c, (long)d,
			(long)e);
}
