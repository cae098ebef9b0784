/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>

/*
 * seal_odd: how many mappings of its libraries are not sealed, of how many. They are linked at an
 * address, and with holes between their segments.
 */

int main(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned n = 0, n_open = 0;
	int ours = 0;
	char line[4352];

	while (f && fgets(line, sizeof(line), f)) {
		if (strstr(line, "/libseal_odd_"))
			ours = 1;
		if (!ours || strncmp(line, "VmFlags:", 8))
			continue;
		n++;
		n_open += !strstr(line, " sl");
		ours = 0;
	}
	printf("%s of %s\n",
	       n_open == n ? "all"
	       : n_open    ? "some"
			   : "none",
	       n > 8 ? "many" : "few");
	return 0;
}
