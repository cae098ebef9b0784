/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>
#include "common/fmt.h"

const char *call_name(long nr);
long call_number(const char *name);
unsigned call_n_args(long nr);

void name_prot(struct fmt *f, uint64_t prot);
void name_map_flags(struct fmt *f, uint64_t flags);
void name_call(struct fmt *f, long nr, const uint64_t args[6]);
