/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "common/range.h"

int mseal_range(struct range r, unsigned seals);
bool mseal_is_mapped(struct range r);
bool mseal_is_unmapped(struct range r);
