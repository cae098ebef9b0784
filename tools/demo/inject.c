/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * What an attacker does at the end of a successful attack: bytes are written to memory and called.
 * Linked statically, so that no library can be put before it.
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
	static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int (*call)(void);

	if (page == MAP_FAILED) {
		perror("refused");
		return 1;
	}
	memcpy(page, code, sizeof code);
	memcpy(&call, &page, sizeof page);
	printf("the bytes ran and returned %d\n", call());
	return 0;
}
