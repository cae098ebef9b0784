/* SPDX-License-Identifier: BSD-2-Clause */

/* What gdb and valgrind are given. */

#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static int square(int n)
{
	return n * n;
}

int main(void)
{
	int *some = calloc(100, sizeof *some), sum = 0;

	for (int i = 0; i < 100; i++)
		sum += some[i] + square(i);
	free(some);
	printf("%d\n", sum);
	return 3;
}
