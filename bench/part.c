/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * One of the libraries that start.c needs: text, constants, a table that is constant after
 * relocation, data, and zeroes beyond its last page. -DPART= is the name of what it exports.
 */

int PART(int n);

static int zeroes[2048];
static int data = 1;
static int *const table[] = {&data, zeroes};

int PART(int n)
{
	return *table[0] + table[1][n & 2047];
}
