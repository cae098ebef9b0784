/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Where the tree's gate is: the mapping of the memfd of that name.
 * 0: there is none.
 */

#include <stdint.h>
#include <stdio.h>

static inline uintptr_t gate_find(void)
{
	char line[512], rights[8], name[128];
	unsigned long start, end;
	uintptr_t found = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && fgets(line, sizeof(line), maps)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %127s", &start, &end, rights, name) != 4)
			continue;
		if (end - start == 4096 && rights[2] == 'x' && rights[1] == '-' &&
		    strcmp(name, "/memfd:cookiemap-gate") == 0)
			found = start;
	}
	if (maps)
		fclose(maps);
	return found;
}

/* The page as the supervisor makes it: endbr64; syscall; ret. */
static const unsigned char gate_code[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x05, 0xc3};
