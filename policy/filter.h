/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

/* Where the kernel sees a call of the gate come from: behind `endbr64; syscall`. */
#define FILTER_GATE_RETURN 6

enum filter_flag {
	FILTER_NOTIFY_DISCARDS = 1 << 0, /* the gate lets no discard of memory pass unseen */
	FILTER_NO_MSEAL = 1 << 1, /* … and nothing that could replace what the kernel cannot seal */
};

int filter_build(uint64_t gate, unsigned flags, struct sock_fprog *progp);
void filter_deinit(struct sock_fprog *prog);
