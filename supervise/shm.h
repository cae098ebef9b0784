/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* System V segments; see supervise/shm.c. */
uint64_t shm_bytes(pid_t pid, int id);
