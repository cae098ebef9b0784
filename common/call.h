/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The system calls that cookiemap knows, in one list. The filter, the supervisor, the wrappers, the
 * reports and the tests are all generated from it, so that a call cannot be policed in one place
 * and forgotten in another.
 *
 *   CM_MM_CALLS(X)      X(NAME, name, number of arguments, how): the mmap family
 *   CM_KERNEL_CALLS(X)  X(NAME, name, number of arguments, KEY): other calls that rewrite, create
 * or reach memory behind mmap's back; KEY is the policy key that rules them
 *
 * how: GATE   allowed by the filter when it comes through the gate and grants no execution
 *      NOTIFY always goes to the supervisor
 *
 * Source: Linux 6.18 mm/ and arch/x86/entry/syscalls/syscall_64.tbl; architecture.md "The floor".
 */

#include <sys/syscall.h>

/* Numbers that Debian 12's headers (Linux 6.1) do not have yet. */
#ifndef SYS_mseal
#define SYS_mseal 462 /* 6.10 */
#endif
#ifndef SYS_map_shadow_stack
#define SYS_map_shadow_stack 453 /* 6.6 */
#endif

#define CM_MM_CALLS(X)                                   \
	X(MMAP, mmap, 6, GATE)                           \
	X(MUNMAP, munmap, 2, GATE)                       \
	X(MPROTECT, mprotect, 3, GATE)                   \
	X(PKEY_MPROTECT, pkey_mprotect, 4, GATE)         \
	X(MREMAP, mremap, 5, GATE)                       \
	X(MADVISE, madvise, 3, GATE)                     \
	X(SHMAT, shmat, 3, GATE)                         \
	X(SHMDT, shmdt, 1, GATE)                         \
	X(MSEAL, mseal, 3, GATE)                         \
	X(REMAP_FILE_PAGES, remap_file_pages, 5, NOTIFY) \
	X(PROCESS_MADVISE, process_madvise, 5, NOTIFY)   \
	X(MAP_SHADOW_STACK, map_shadow_stack, 3, NOTIFY)

#define CM_KERNEL_CALLS(X)                                                                      \
	X(IO_URING_SETUP, io_uring_setup, 2, K_IO_URING)                                        \
	X(USERFAULTFD, userfaultfd, 1, K_USERFAULTFD)                                           \
	X(IOCTL, ioctl, 3, K_USERFAULTFD) /* USERFAULTFD_IOC_NEW on /dev/userfaultfd only */    \
	X(PERSONALITY, personality, 1, K_PERSONALITY) /* READ_IMPLIES_EXEC only */              \
	X(PRCTL, prctl, 5, K_PRCTL_MM)                /* PR_SET_MM, CHILD_SUBREAPER, SECCOMP */ \
	X(ARCH_PRCTL, arch_prctl, 2, K_MAP_VDSO)      /* ARCH_MAP_VDSO_* only */                \
	X(MODIFY_LDT, modify_ldt, 3, K_MODIFY_LDT)                                              \
	X(IO_SETUP, io_setup, 2, K_AIO)                                                         \
	X(PERF_EVENT_OPEN, perf_event_open, 5, K_PERF_EVENT)                                    \
	X(BPF, bpf, 3, K_BPF)                                                                   \
	X(PTRACE, ptrace, 4, K_PTRACE) /* TRACEME, ATTACH and SEIZE only */                     \
	X(PROCESS_VM_WRITEV, process_vm_writev, 6, K_PROCESS_VM_WRITEV)

/* Calls that are looked at for what they tell, and ruled by no key of their own; uselib(2) maps a
 * file's segment RWX on kernels that still have it (fs/binfmt_elf.c, load_elf_library()). */
#define CM_OTHER_CALLS(X)                                                 \
	X(EXECVE, execve, 3, NONE)                                        \
	X(EXECVEAT, execveat, 5, NONE)                                    \
	X(USELIB, uselib, 1, NONE)                                        \
	X(SECCOMP, seccomp, 3, NONE)           /* SET_MODE_FILTER only */ \
	X(RT_SIGACTION, rt_sigaction, 4, NONE) /* of SIGSEGV only */

#define CM_ALL_CALLS(X) CM_MM_CALLS(X) CM_KERNEL_CALLS(X) CM_OTHER_CALLS(X)
