/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * More than a cookie is for, asked of the interface itself:
 *
 *   cookie_widen HOW bounded|free
 *
 * HOW is in cookie_wider.c. `free` is the twin: the same calls by a cookie that was not bounded,
 * or on memory that is no cookie's.
 */

#include "tests/escape/attacks/cookie_widen.h"

int main(int argc, char **argv)
{
	if (argc != 3)
		attack_broken("usage");
	for (const struct widen *w = widen_all; w->name; w++) {
		if (!attack_is(argv[1], w->name))
			continue;
		w->fn(attack_is(argv[2], "bounded"));
		attack_executed();
	}
	for (const struct widen *w = widen_sealed; w->name; w++) {
		if (!attack_is(argv[1], w->name))
			continue;
		w->fn(attack_is(argv[2], "bounded"));
		attack_executed();
	}
	attack_broken("how");
}
