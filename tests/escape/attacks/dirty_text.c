/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The twin shows what a race would win: pages of a file, private and written to, become executable
 * under the file's name. The request is for less than what a text page has, so that it looks as if
 * nothing was added.
 */

#include <fcntl.h>
#include "tests/escape/attack.h"

int main(void)
{
	int fd = open("/proc/self/exe", O_RDONLY);
	unsigned char *text = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	unsigned char *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

	if (text == MAP_FAILED || mine == MAP_FAILED)
		attack_broken("mmap");
	if (mprotect(text, 4096, PROT_EXEC))
		attack_refused("mprotect");
	attack_plant(mine);
	if (mremap(mine, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, text) != text ||
	    mprotect(text, 4096, PROT_READ | PROT_EXEC))
		attack_refused("mremap");
	attack_run(text);
}
