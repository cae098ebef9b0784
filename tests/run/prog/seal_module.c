/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A library with something in each part: text, constants, a table that is constant after
 * relocation, data, and more memory that begins as zeroes than its data's last page has room for.
 */

#include <unistd.h>

static int counter;
static int step = 1;
static int zeroes[4 << 10];

static int count(void)
{
	counter += step;
	zeroes[counter & 0xfff] += getpid(); /* libc is needed, so that a namespace gets one too */
	return counter;
}

static int (*const table[])(void) = {count, count};

int module_counter(void);
int module_counter(void)
{
	int (*const *volatile entry)(void) = table;

	return (*entry)();
}
