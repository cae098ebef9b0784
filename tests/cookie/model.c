/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * model SEED STEPS [no-faults]: random calls of the C interface, each made of a model as well, in
 * which a region is an array of pages and every page knows all that there is to know of it. What a
 * call returns, what cmstat() tells, what is in the memory, what faults, what the kernel has mapped
 * and what a fork child finds must be what the model says.
 *
 * Cookies are stale, forged or damaged now and then, and arguments are wrong in one or two ways.
 * The same SEED makes the same calls. Where the two differ, the last calls are printed, and the
 * step.
 *
 * no-faults: addresses that fault are not handed to the kernel, for tools that take that for an
 * error of the program's.
 *
 * Not in the model: threads, signal handlers, and want of memory.
 */

#define PIECES_EVERY 40
#define KERNEL_EVERY 2500
#define FORK_EVERY   3000

#define ALL_RESULTS 50000 /* in so many steps each call has ended in each way that there is */

/* A region that has lost its rights to be closed is given up: there is room for so many. */
static void make_room(void)
{
	struct mregion *r = live_any();
	static unsigned given_up;

	if (!r || r->ops & (CM_OP_CLOSE | CM_OP_REVOKE) || given_up == 2000)
		return;
	given_up++;
	live_give_up(r);
}

static void run(uint64_t steps)
{
	for (uint64_t i = 1; i <= steps; i++) {
		struct mregion *r;

		call_any(i);
		if (i % PIECES_EVERY == 0 && (r = live_any()))
			whole_pieces(r);
		if (i % 512 == 0)
			make_room();
		if (i % KERNEL_EVERY == 0)
			whole_kernel();
		if (i % FORK_EVERY == 0)
			whole_fork();
	}
}

int main(int argc, char **argv)
{
	uint64_t steps = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;

	if (argc < 3 || !steps) {
		fprintf(stderr, "usage: model SEED STEPS [no-faults]\n");
		return 2;
	}
	alarm(600);
	draw_seed(strtoull(argv[1], NULL, 10));
	files_open();
	look_init(argc < 4 || strcmp(argv[3], "no-faults"));
	live_init();
	advice_init();
	view_init();
	run(steps);
	for (unsigned i = 0; i < MOST_LIVE; i++)
		if (live[i])
			whole_pieces(live[i]);
	count_print();
	printf("%llu steps, 0 disagreements\n", (unsigned long long)steps);
	return steps >= ALL_RESULTS && count_missing();
}
