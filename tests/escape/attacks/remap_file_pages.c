/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Maps the harmless first page of a file R-X, then has remap_file_pages(2) put the file's second
 * page in its place: code that no mmap ever named. The file comes from the test, written before.
 */

#include "tests/escape/attack.h"
#include <fcntl.h>

int main(int argc, char **argv)
{
	int fd = argc == 2 ? open(argv[1], O_RDWR) : -1;
	void *p;

	if (fd < 0)
		attack_broken("open");
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RX, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		attack_refused("mmap");
	if (syscall(SYS_remap_file_pages, p, ATTACK_PAGE, 0, 1, 0))
		attack_refused("remap_file_pages");
	attack_run(p);
}
