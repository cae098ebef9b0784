/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

int bpf_check(const struct sock_fprog *prog);
int bpf_run(const struct sock_fprog *prog, const struct seccomp_data *data, uint32_t *retp);
bool bpf_is_const_allow(const struct sock_fprog *prog, int nr, uint32_t arch);
