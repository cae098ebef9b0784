/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How a process gets its supervisor. Both cmrun itself and the library that was preloaded without
 * cmrun (LD_PRELOAD alone, which executes `cmrun --supervise FD`) take these steps over one
 * SOCK_SEQPACKET pair:
 *
 *   supervisor → process   start_offer, then n_filter filter instructions in the same packet, and,
 *                          with START_LANDLOCK, the descriptor of a Landlock ruleset
 *   process                seccomp(NEW_LISTENER), with PR_SET_NO_NEW_PRIVS only where it is refused
 *                          without (EACCES: no CAP_SYS_ADMIN); nothing that maps memory after it
 *   process → supervisor   start_taken with the listener's descriptor, or with an error
 *   supervisor → process   one byte: it is receiving. The process closes both descriptors,
 *                          enters the Landlock domain with START_LANDLOCK, and goes on.
 *
 * A supervisor that cannot start sends an offer with `error` set, after saying why on its own
 * standard error; the process then exits with status 125.
 */

#include <linux/filter.h>
#include <stdint.h>

#define START_VERSION    1
#define START_MAX_FILTER 4096 /* BPF_MAXINSNS, include/uapi/linux/bpf_common.h */

enum start_flag {
	START_LANDLOCK = 1 << 0, /* landlock_restrict_self() with the descriptor sent along */
};

struct start_offer {
	uint32_t version;
	int32_t error; /* 0, or an errno: do not start */
	uint32_t flags;
	uint32_t n_filter;
	struct sock_filter filter[];
};

struct start_taken {
	uint32_t version;
	int32_t error; /* 0 and a descriptor, or the errno of seccomp(2) */
	int32_t pid;   /* of the process, as it sees itself */
};
