/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include "cookie/cookies.h"
#include "interpose/judge.h"

/* Whether calls touch what cookies name; see touch.c. */

#define TOUCH_OTHER 0x80 /* a deed that no seal is for */

unsigned touch_deeds(const struct mm_call *c, struct seal_deed deed[SEAL_DEEDS]);
void touch_widen(struct cookies *c, const struct mm_call *call, struct seal_deed *d);
bool touch_is(struct cookies *c, const struct seal_deed *d);
bool touch_concerns(struct cookies *c, const struct seal_deed *d);
