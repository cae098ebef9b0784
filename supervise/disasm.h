/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include "common/fmt.h"

void disasm_insn(const uint8_t *code, size_t n, uint64_t addr, struct fmt *f);
