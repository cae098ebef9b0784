/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * A change of protection that the kernel refuses half-way (RLIMIT_DATA), where what was done cannot
 * be undone: a policy does not let memory that was made writable become executable again. What
 * cmstat(3) tells is what the kernel has all the same. Separate for the limit, which stays.
 */

#define LEN (1001 * PAGE)

static size_t data_bytes(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	size_t kb = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmData: %zu", &kb) == 1)
			break;
	if (!file || !kb)
		claims_broken("VmData");
	fclose(file);
	return kb << 10;
}

static bool is_as_told(cm_t c)
{
	struct cm_stat st;

	for (size_t i = 0; !cmstat(c, i, &st); i++)
		if (!look_is_prot(region_at(c) + st.offset, st.len, st.prot))
			return false;
	return errno == ENOENT;
}

int main(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	cm_t c = region_new(LEN, 0, CM_RESERVE);
	size_t most = data_bytes() + 100 * PAGE;
	struct rlimit limit = {most, most};

	if (cmsubmap(c, 0, PAGE, RX, MAP_PRIVATE, fd, 0) ||
	    cmsubmap(c, PAGE, LEN - PAGE, R, 0, -1, 0))
		claims_broken("cmsubmap");
	claim(is_as_told(c), "a page of code, and memory that is not writable");
	if (setrlimit(RLIMIT_DATA, &limit))
		claims_broken("setrlimit");
	claim(cmprotect(c, 0, LEN, RW) == -1 && errno == ENOMEM,
	      "there is no room for all of it to be writable");
	claim(is_as_told(c), "cmstat tells what it is now");
	claim(!look_writes(region_at(c) + PAGE), "the memory is not writable");
	claim(!cmprotect(c, 0, LEN, R) && is_as_told(c), "it can be protected further");
	claim(!cmclose(c, CM_CLOSE_UNMAP), "and closed");
	return claims_end();
}
