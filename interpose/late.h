/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "common/range.h"

void late_note(int flags);
void late_protected(struct range relro);
