/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "policy/read.h"

int policy_dirs_init(struct policy_dirs *dp);
void policy_dirs_deinit(struct policy_dirs *dirs);
