/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <linux/filter.h>
#include <stdint.h>

/* Where the kernel sees a call of the gate come from: behind `endbr64; syscall`. */
#define FILTER_GATE_RETURN 6

int filter_build(uint64_t gate, struct sock_fprog *progp);
void filter_deinit(struct sock_fprog *prog);
