/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * How a thread of a process of the tree waits for another without a system call that a filter of
 * the program's own may have forbidden: by a request on the control channel that is for nothing.
 * The thread sleeps for the time of the answer, some 5 µs, and on a busy processor whoever it waits
 * for may come next. Where there is no supervisor it fails at once.
 *
 * Separate from control.h because it asks nothing of anybody: no operation has this number, and the
 * answer is EINVAL with a supervisor as without one.
 *
 * Context: anywhere a system call may be made.
 */

#include "common/control.h"

#define REST_OP 0xff

static inline void rest(void)
{
	control((enum control_op)REST_OP, 0, 0, 0, 0, 0);
}
