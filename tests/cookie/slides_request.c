/* SPDX-License-Identifier: BSD-2-Clause */
#include <cookiemap.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * The sample of the slides ("Alternative cmmmap()/cmsubmap() API"), line for line, with what it
 * needs before it: a file of four pages, a to d. It says `&cmt` in one line, as the slides do. By
 * itself that is another request, which changes nothing; with -Dcmt=cmr it is what was meant.
 *
 * As C and as C++. Prints what slides.py expects.
 */

#define PAGES 4
#define PAGE  4096

/* The first byte of a page, or '-' where nothing is mapped: write(2) says it without a signal. */
static char byte_at(const char *at)
{
	char byte = '-';
	int pair[2];

	if (pipe(pair))
		return '!';
	if (write(pair[1], at, 1) == 1 && read(pair[0], &byte, 1) != 1)
		byte = '!';
	close(pair[0]);
	close(pair[1]);
	return byte;
}

static int file(void)
{
	static char text[PAGE];
	int fd = cmmemfd("abcd", MFD_CLOEXEC);

	for (int i = 0; i < PAGES; i++) {
		memset(text, 'a' + i, PAGE);
		if (write(fd, text, PAGE) != PAGE)
			return -1;
	}
	return fd;
}

static int sample(int fd)
{
	const size_t len = 3 * PAGE;
	const int prot = PROT_READ | PROT_WRITE;
	const off_t off = PAGE;
	char now = 0;
#ifndef cmt
	struct cmreq cmt;
#endif

	/* clang-format off */
	struct cmreq cmr;

	cm_t cmp;

	void *ptr;

	CMREQ_INIT(&cmr, len, prot); // Anon memory
	CMREQ_SETFD(&cmr, fd); // Map a file at offset 0
	CMREQ_SETFILEOFFSET(&cmr, off); // Map file off
	CMREQ_SETMAPOFFSET(&cmt, 4096); // Map at 4k offset
	CMREQ_SETSHARED(&cmr); // Map shared

	cmmmap(&cmr, &cmp);

	cmgetptr(&cmr, &ptr);
	/* clang-format on */

	for (int i = 0; i < 3; i++)
		putchar(byte_at((char *)ptr + i * PAGE));
	((char *)ptr)[PAGE] = 'X';
	if (pread(fd, &now, 1, off + 4096 - (long)cmr.map_offset) != 1)
		return -1;
	printf(" %c\n", now);
	return cmclose(cmp, CM_CLOSE_UNMAP);
}

int main(void)
{
	int fd = file();

	if (fd < 0 || sample(fd)) {
		perror("slides");
		return 1;
	}
	return 0;
}
