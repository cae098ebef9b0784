/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/turn.h"

#include <time.h>
#include "interpose/gate.h"
#include "interpose/forbid.h"

/*
 * Several threads that store into a page and execute it at the same time take it from each other.
 * Each must get something done before it loses the page again: whoever has made it writable needs
 * to come back from the handler and store, whoever has made it executable to execute. So a page
 * that one thread has just got is held for a moment against others that want it the other way.
 *
 * A thread that was not on a processor in that moment has got nothing done, and faults again at the
 * same place with the same registers. Then the page's hold is doubled, up to HOLD_MAX_NS, longer
 * than the scheduler lets others go first on two busy processors; and it shrinks again when that
 * does not happen. Those that wait give up the processor.
 *
 * Threads are told apart by their stacks, since nothing else about them can be had in a handler
 * without a system call. The slots are shared by pages that hash alike and are written without a
 * lock: what is lost is time.
 *
 * Context: the handler of SIGSEGV.
 */

#define SLOTS       256
#define HOLD_MIN_NS 20000u
#define HOLD_MAX_NS 8000000u
#define SAME_STACK  65536u

struct slot {
	uint64_t page;
	uint64_t since_ns;
	uint64_t stack;  /* of who made it what it is */
	uint64_t who[2]; /* by enum fault_kind: the last to want it so */
	uint32_t hold_ns;
	uint32_t kind;
};

static struct slot slots[SLOTS];

#define GET(x)    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define SET(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

static uint64_t clock_ns(void)
{
	struct timespec t = {0, 0};

	sys_raw6(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0, 0);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* All general registers, as a number: the same thread at the same point of its work. */
static uint64_t who_is(const ucontext_t *uc)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (int i = REG_R8; i <= REG_RIP; i++)
		h = (h ^ (uint64_t)uc->uc_mcontext.gregs[i]) * 0x100000001b3ull;
	return h;
}

static bool is_same_stack(uint64_t a, uint64_t b)
{
	return a - b + SAME_STACK < 2 * SAME_STACK;
}

static void wait_until(uint64_t then_ns)
{
	for (uint64_t now = clock_ns(); now && now < then_ns && then_ns - now <= HOLD_MAX_NS;
	     now = clock_ns())
		sys_raw6(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
}

static void take(struct slot *s, uint64_t page, enum fault_kind kind, const ucontext_t *uc)
{
	SET(s->page, page);
	SET(s->kind, kind);
	SET(s->stack, (uint64_t)uc->uc_mcontext.gregs[REG_RSP]);
	SET(s->since_ns, clock_ns());
}

/*
 * Waits until it is this thread's turn to have `page` for `kind`. Context: as the file; at most
 * HOLD_MAX_NS.
 */
void turn_wait(uint64_t page, enum fault_kind kind, const ucontext_t *uc)
{
	struct slot *s = &slots[(page >> 12) % SLOTS];
	uint64_t who = who_is(uc);
	uint32_t hold = GET(s->hold_ns);

	if (GET(s->page) != page) {
		SET(s->hold_ns, HOLD_MIN_NS);
		take(s, page, kind, uc);
	} else if (GET(s->kind) != kind) {
		if (!is_same_stack(GET(s->stack), (uint64_t)uc->uc_mcontext.gregs[REG_RSP]))
			wait_until(GET(s->since_ns) + hold);
		if (GET(s->who[kind]) == who)
			hold = hold < HOLD_MAX_NS / 2 ? 2 * hold : HOLD_MAX_NS;
		else if (hold > HOLD_MIN_NS)
			hold -= hold / 4;
		SET(s->hold_ns, hold);
		take(s, page, kind, uc);
	}
	SET(s->who[kind], who);
}
