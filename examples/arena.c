/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Memory that grows where it is: sorts the lines of its standard input.
 *
 *     arena [-v] <unsorted >sorted
 *
 * An arena is 64 GiB of addresses, which cost nothing, and as much memory at their beginning as is
 * used. So it is never moved, and whoever points into it need not know that it has grown; what is
 * given back faults when it is touched again; and who runs over its end finds nobody else's memory
 * there. No call here names an address, so none can reach anything but its arena.
 *
 * -v tells on standard error what the arenas were made of in the end.
 */

#include <cookiemap.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_BYTES ((size_t)64 << 30)
#define STEP_BYTES  ((size_t)256 << 10)
#define PAGE_BYTES  ((size_t)4096)

struct arena {
	cm_t cookie;
	char *start;
	size_t used, mapped;
};

static _Noreturn void fail(const char *what)
{
	fputs("arena: ", stderr);
	perror(what);
	exit(1);
}

static void arena_open(struct arena *a)
{
	const int prot = PROT_MAX(PROT_READ | PROT_WRITE);
	void *start;

	if (cmmmap(0, ARENA_BYTES, prot, CM_RESERVE, -1, 0, &a->cookie) ||
	    cmgetptr(a->cookie, &start))
		fail("no room for an arena");
	a->start = start;
	a->used = a->mapped = 0;
}

/* Makes room for so many bytes more. */
static void arena_grow(struct arena *a, size_t bytes)
{
	size_t more = (a->used + bytes - a->mapped + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES;

	if (a->used + bytes <= a->mapped)
		return;
	if (cmsubmap(a->cookie, a->mapped, more, PROT_READ | PROT_WRITE, 0, -1, 0))
		fail("no memory");
	a->mapped += more;
}

/* Gives back what is not used. */
static void arena_trim(struct arena *a)
{
	size_t keep = (a->used + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

	if (keep < a->mapped && cmunmap(a->cookie, keep, a->mapped - keep))
		fail("giving memory back");
	a->mapped = keep;
}

static void arena_tell(const struct arena *a, const char *name)
{
	struct cm_stat st;

	for (size_t i = 0; !cmstat(a->cookie, i, &st); i++)
		fprintf(stderr, "%s: %zu bytes %s\n", name, st.len,
			st.kind == CM_KIND_RESERVED ? "reserved" : "mapped");
}

static void arena_close(struct arena *a)
{
	if (cmclose(a->cookie, CM_CLOSE_UNMAP))
		fail("closing an arena");
}

/* ---- the program ----------------------------------------------------------------------------- */

struct line {
	const char *text; /* stays what it is, however much text follows */
	size_t len;
};

static void add_line(struct arena *lines, const char *text, size_t len)
{
	struct line line = {text, len};

	arena_grow(lines, sizeof(line));
	memcpy(lines->start + lines->used, &line, sizeof(line));
	lines->used += sizeof(line);
}

/* Reads all of the input, and notes where lines begin while it is still coming. */
static void read_lines(struct arena *text, struct arena *lines)
{
	char *begin = text->start, *end;
	ssize_t n;

	for (;;) {
		arena_grow(text, STEP_BYTES);
		n = read(STDIN_FILENO, text->start + text->used, text->mapped - text->used);
		if (n < 0)
			fail("reading");
		if (!n)
			break;
		text->used += (size_t)n;
		while ((end = memchr(begin, '\n', (size_t)(text->start + text->used - begin)))) {
			add_line(lines, begin, (size_t)(end - begin));
			begin = end + 1;
		}
	}
	if (begin < text->start + text->used) /* a last line without an end */
		add_line(lines, begin, (size_t)(text->start + text->used - begin));
}

static int compare(const void *left, const void *right)
{
	const struct line *a = left, *b = right;
	int r = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);

	return r ? r : (a->len > b->len) - (a->len < b->len);
}

int main(int argc, char **argv)
{
	struct arena text, lines;
	const struct line *line;
	size_t n;

	arena_open(&text);
	arena_open(&lines);
	read_lines(&text, &lines);
	arena_trim(&text);
	arena_trim(&lines);
	n = lines.used / sizeof(*line);
	line = (const struct line *)lines.start;
	qsort(lines.start, n, sizeof(*line), compare);
	for (size_t i = 0; i < n; i++) {
		fwrite(line[i].text, 1, line[i].len, stdout);
		putchar('\n');
	}
	if (fflush(stdout))
		fail("writing");
	if (argc > 1 && !strcmp(argv[1], "-v")) {
		arena_tell(&text, "text");
		arena_tell(&lines, "lines");
	}
	arena_close(&lines);
	arena_close(&text);
	return 0;
}
