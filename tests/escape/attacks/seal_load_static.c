/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/seal.h"

/* seal_load.c for static programs, which load nothing. */

void *seal_load(const char *library, int flags, const char *symbol)
{
	attack_broken("static");
}
