/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include "common/range.h"
#include "interpose/segment.h"

struct range procmap_vdso(uint64_t base);
bool procmap_segments(struct segments *sp, uint64_t inside, uint64_t bias);
