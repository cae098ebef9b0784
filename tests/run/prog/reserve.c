/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tests/run/prog/reserve.h"

/*
 * Where memory lies that a program has not said a place for, and what is behind it.
 *
 *   reserve memory KIB        how mmap(2)'s memory of that length lies
 *   reserve malloc KIB        how malloc(3)'s does
 *   reserve tail NAME         one thing that is done to a mapping with a tail; reserve_tail.c
 *   reserve walk ROUNDS KIB GROWS, threads ROUNDS KIB
 *                             after how much an address is used again; reserve_walk.c
 */

static int tell(char *p, size_t len, size_t head)
{
	if (!p)
		return 1;
	memset(p, 1, len);
	printf("%saligned, %ld KiB of %zu in superpages, %s behind\n",
	       ((size_t)p - head) % (2 * MIB) ? "not " : "", maps_huge_kib(p), len / KIB,
	       maps_any(p - head + ((len + head + 4095) & ~(size_t)4095), 4096) ? "something"
										: "nothing");
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	size_t len = argc > 2 ? (size_t)atol(argv[2]) * KIB : 0;

	if (!strcmp(what, "memory"))
		return tell(memory(len), len, 0);
	if (!strcmp(what, "malloc"))
		return tell(malloc(len), len, 16);
	if (!strcmp(what, "tail") && argc > 2)
		return tails(argv[2]);
	if (!strcmp(what, "walk"))
		return walk(argc - 2, argv + 2);
	if (!strcmp(what, "threads"))
		return walk_threads(argc - 2, argv + 2);
	return 2;
}
