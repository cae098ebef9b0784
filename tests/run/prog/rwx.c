/* SPDX-License-Identifier: BSD-2-Clause */

/* Asks for memory that is writable and executable, and prints what came of it. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	puts(page == MAP_FAILED ? strerrorname_np(errno) : "granted");
	return 0;
}
