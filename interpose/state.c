/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/state.h"

#include <sys/mman.h>
#include "interpose/gate.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * Everything the wrappers go by, in one page of its own: written once, then read-only and sealed,
 * so that a stray or chosen write into the library cannot turn a policy off.
 *
 * Holds: `gate` is written last. A wrapper that sees it sees all the rest.
 *
 * Context: any code may read; the constructor alone writes.
 */

_Alignas(4096) union state_page state_page;

_Static_assert(sizeof(union state_page) == 4096, "the state has outgrown its page");

/*
 * Copies `s` into the page, publishes it, and closes the page for good. Where the kernel has no
 * mseal (before 6.10) it stays merely read-only.
 *
 * Context: the constructor, once, with the gate mapped if s->gate names it.
 */
void state_publish(const struct state *s)
{
	uint64_t page = (uint64_t)&state_page;
	uint64_t gate = s->gate;

	memcpy(&state_page.s, s, sizeof(*s));
	state_page.s.gate = 0;
	/* pairs with the acquire in gate_call6() */
	__atomic_store_n(&state_page.s.gate, gate, __ATOMIC_RELEASE);
	gate_call6(SYS_mprotect, (long)page, sizeof(state_page), PROT_READ, 0, 0, 0);
	if (gate && s->kernel_seals) /* without a gate there is nothing in it to protect */
		gate_call6(SYS_mseal, (long)page, sizeof(state_page), 0, 0, 0, 0);
}
