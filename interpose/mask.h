/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>

long mask_rt_sigaction(int sig, const void *new, void *old, size_t size);
long mask_rt_sigprocmask(int how, const void *new, void *old, size_t size);
