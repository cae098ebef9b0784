/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A file seen through a window: prints at which offsets of a file a text is.
 *
 *     window FILE TEXT
 *
 * The window is one region; the file's parts are mapped into it one after the other, each in the
 * place of the one before, by its cookie. The region is told at the start that it will never be
 * anything but readable, and its cookie soon that it will be used for nothing else: whoever gets
 * hold of it can neither make the file's content executable nor map anything elsewhere.
 *
 * As with any mapping, a file that is cut short meanwhile ends the program (SIGBUS).
 */

#define _GNU_SOURCE 1 /* memmem() */

#include <cookiemap.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE_BYTES ((size_t)4096)
#define STEP_BYTES ((size_t)64 << 10)
#define WINDOW_BYTES \
	(STEP_BYTES + PAGE_BYTES) /* for a text that begins in one part and ends in the next */

static _Noreturn void fail(const char *what)
{
	fprintf(stderr, "window: %s: %s\n", what, strerror(errno));
	exit(1);
}

static cm_t window_open(const char **contentp)
{
	void *content;
	cm_t window;

	if (cmmmap(0, WINDOW_BYTES, PROT_MAX(PROT_READ), CM_RESERVE, -1, 0, &window) ||
	    cmgetptr(window, &content))
		fail("no window");
	if (cmrestrict(window, CM_OP_SUBMAP | CM_OP_CLOSE, NULL))
		fail("cmrestrict");
	*contentp = content;
	return window;
}

/* Shows so many bytes of a file from an offset on, a multiple of a page. */
static void window_show(cm_t window, int fd, off_t offset, size_t len)
{
	struct cmreq req;

	CMREQ_INIT(&req, len, PROT_READ);
	CMREQ_SETFD(&req, fd);
	CMREQ_SETFILEOFFSET(&req, offset);
	if (cmsubmap(window, &req))
		fail("cannot be mapped");
}

static void search(int fd, off_t size, const char *text, size_t len)
{
	const char *content, *at;
	cm_t window = window_open(&content);
	off_t next = 0; /* what has been found is not searched again */

	for (off_t from = 0; from < size; from += (off_t)STEP_BYTES) {
		size_t rest = (size_t)(size - from);
		size_t shown = rest < WINDOW_BYTES ? rest : WINDOW_BYTES;
		size_t skip = next > from ? (size_t)(next - from) : 0;

		window_show(window, fd, from, shown);
		while (skip < shown && (at = memmem(content + skip, shown - skip, text, len))) {
			next = from + (at - content);
			if (next >= from + (off_t)STEP_BYTES)
				break; /* all of it is in the next part, too */
			printf("%lld\n", (long long)next);
			next += (off_t)len;
			skip = (size_t)(next - from);
		}
	}
	if (cmclose(window, CM_CLOSE_UNMAP))
		fail("cmclose");
}

int main(int argc, char **argv)
{
	struct stat st;
	int fd;

	if (argc != 3 || !*argv[2] || strlen(argv[2]) > PAGE_BYTES) {
		fputs("usage: window FILE TEXT\n", stderr);
		return 2;
	}
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		fail(argv[1]);
	search(fd, st.st_size, argv[2], strlen(argv[2]));
	return 0;
}
