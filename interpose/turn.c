/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/turn.h"

#include "common/arch/x86_64/thread.h"
#include "common/rest.h"
#include "interpose/gate.h"
#include "interpose/forbid.h"

/*
 * Several threads that store into a page and execute it at the same time take it from each other.
 * Each must get something done before it loses the page again: whoever has made it writable needs
 * to come back from the handler and store, whoever has made it executable to execute. So a page
 * that one thread has just got is held for a moment against others that want it the other way.
 *
 * A thread that was not on a processor in that moment has got nothing done, and faults again at the
 * same place with the same registers. Then the page's hold is doubled, up to HOLD_MAX, longer
 * than the scheduler lets others go first on two busy processors; and it shrinks again when that
 * does not happen. Those that wait give up the processor: by a request to the supervisor for
 * nothing, since the program may have forbidden itself all system calls but those of the family.
 *
 * Threads are told apart by their stacks, since nothing else about them can be had in a handler
 * without a system call. The slots are shared by pages that hash alike and are written without a
 * lock: what is lost is time.
 *
 * Context: the handler of SIGSEGV.
 */

#define SLOTS      256
#define HOLD_MIN   20000u
#define HOLD_MAX   8000000u
#define SAME_STACK 65536u
#define SPINS      500

struct slot {
	uint64_t page;
	uint64_t since;
	uint64_t stack;  /* of who made it what it is */
	uint64_t who[2]; /* by enum fault_kind: the last that had to wait for it */
	uint32_t hold;
	uint32_t kind;
};

static struct slot slots[SLOTS];

#define GET(x)    __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define SET(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)

/* The time, in cycles. Of no certain length, and not quite the same on every processor: a wait that
 * seems to take too long is none. */
static uint64_t cycles(void)
{
	return __builtin_ia32_rdtsc();
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

/* A rest is as long as the shortest hold, so a wait begins with a while of spinning. */
static void wait_a_little(unsigned *np)
{
	if (*np < SPINS)
		*np += 1;
	else
		rest();
	thread_pause();
}

static void wait_until(uint64_t then)
{
	unsigned n = 0;

	for (uint64_t now = cycles(); now < then && then - now <= HOLD_MAX; now = cycles())
		wait_a_little(&n);
}

static void take(struct slot *s, uint64_t page, enum fault_kind kind, const ucontext_t *uc)
{
	SET(s->page, page);
	SET(s->kind, kind);
	SET(s->stack, (uint64_t)uc->uc_mcontext.gregs[REG_RSP]);
	SET(s->since, cycles());
}

/* Another thread has just got the page the other way: it is let be for the page's hold, which is
 * adapted to whether that is long enough. */
static void contend(struct slot *s, enum fault_kind kind, const ucontext_t *uc)
{
	uint64_t who = who_is(uc);
	uint32_t hold = GET(s->hold);

	wait_until(GET(s->since) + hold);
	if (GET(s->who[kind]) == who)
		hold = hold < HOLD_MAX / 2 ? 2 * hold : HOLD_MAX;
	else if (hold > HOLD_MIN)
		hold -= hold / 4;
	SET(s->hold, hold);
	SET(s->who[kind], who);
}

/*
 * Waits until it is this thread's turn to have `page` for `kind`. Context: as the file; at most
 * HOLD_MAX.
 */
void turn_wait(uint64_t page, enum fault_kind kind, const ucontext_t *uc)
{
	struct slot *s = &slots[(page >> 12) % SLOTS];

	if (GET(s->page) != page)
		SET(s->hold, HOLD_MIN);
	else if (GET(s->kind) == kind)
		return;
	else if (!is_same_stack(GET(s->stack), (uint64_t)uc->uc_mcontext.gregs[REG_RSP]))
		contend(s, kind, uc);
	take(s, page, kind, uc);
}

/*
 * Waits for the end of what another thread does about the page of this word (PAGE_PENDING,
 * PAGE_BUSY). Context: as the file; `most` cycles, after which the caller goes on: it may be this
 * thread that a handler has interrupted, or one that a fork has left behind.
 *
 * Return: whether the call is over, and what faulted is to be tried again.
 */
bool turn_pass(const page_word *word, uint64_t most)
{
	uint64_t since = cycles();
	unsigned n = 0;

	while (page_get(word) & (PAGE_PENDING | PAGE_BUSY)) {
		if (cycles() - since > most)
			return false;
		wait_a_little(&n);
	}
	return true;
}
