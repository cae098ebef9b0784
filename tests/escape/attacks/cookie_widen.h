/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "tests/escape/attacks/cookie.h"

/* A way to get more of a cookie than it is for: it returns where it did. See cookie_widen.c. */
struct widen {
	const char *name;
	void (*fn)(bool bounded);
};

extern const struct widen widen_all[], widen_sealed[];
