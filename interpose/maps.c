/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/maps.h"
#include "interpose/text.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include "common/sys.h"
#include "interpose/forbid.h"

/*
 * /proc/self/maps, read by hand.
 *
 * A line is "start-end rwxp offset major:minor inode    path\n" (proc(5); Linux
 * fs/proc/task_mmu.c, show_map_vma()), with a newline in a path written as \012. The kernel keeps
 * lines whole within one read() only as far as they fit, so the reader carries the rest over.
 *
 * Separate because it is pure but for the reading, and is tested and fuzzed by itself.
 *
 * Context: anywhere; the reading opens a descriptor and closes it.
 */

struct cursor {
	const char *at;
	const char *end;
};

static bool take_hex(struct cursor *c, char stop, uint64_t *vp)
{
	const char *from = c->at;
	uint64_t v = 0;

	for (; c->at < c->end && *c->at != stop; c->at++) {
		unsigned char ch = (unsigned char)*c->at;
		unsigned digit = ch - '0' < 10u ? ch - '0' : ch - 'a' < 6u ? ch - 'a' + 10u : 16u;

		if (digit == 16 || v >> 60)
			return false;
		v = v << 4 | digit;
	}
	if (c->at == c->end || c->at == from)
		return false;
	c->at++;
	*vp = v;
	return true;
}

static bool take_dec(struct cursor *c, uint64_t *vp)
{
	const char *from = c->at;
	uint64_t v = 0;

	for (; c->at < c->end && (unsigned char)(*c->at - '0') < 10; c->at++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*c->at - '0'), &v))
			return false;
	*vp = v;
	return c->at != from;
}

static bool take_prot(struct cursor *c, struct maps_entry *e)
{
	const char *p = c->at;

	if (c->end - p < 5 || p[4] != ' ')
		return false;
	e->prot = (p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
		  (p[2] == 'x' ? PROT_EXEC : 0);
	e->shared = p[3] == 's';
	c->at += 5;
	return true;
}

/*
 * Reads one line, `len` bytes without its newline.
 *
 * Return: 0 with *ep written (its path points into the line), or -EINVAL.
 */
int maps_parse(const char *line, size_t len, struct maps_entry *ep)
{
	struct cursor c = {line, line + len};
	struct maps_entry e = {0};
	uint64_t offset, major, minor;

	if (!take_hex(&c, '-', &e.range.start) || !take_hex(&c, ' ', &e.range.end) ||
	    !take_prot(&c, &e) || !take_hex(&c, ' ', &offset) || !take_hex(&c, ':', &major) ||
	    !take_hex(&c, ' ', &minor) || !take_dec(&c, &e.inode) || e.range.start >= e.range.end)
		return -EINVAL;
	while (c.at < c.end && *c.at == ' ')
		c.at++;
	if (c.at < c.end) {
		e.path = c.at;
		e.path_len = (size_t)(c.end - c.at);
	}
	*ep = e;
	return 0;
}

/* Hands out the whole lines of buf[0, len) and returns what is left of the last, moved to the
 * front; a line that fills the buffer is given as far as it goes. */
static int walk_lines(char *buf, size_t *lenp, size_t size, maps_fn fn, void *arg)
{
	size_t from = 0, len = *lenp;
	struct maps_entry e;
	int r;

	for (size_t i = 0; i < len; i++) {
		if (buf[i] != '\n')
			continue;
		r = maps_parse(buf + from, i - from, &e) ? 0 : fn(arg, &e);
		if (r)
			return r;
		from = i + 1;
	}
	if (!from && len == size)
		return -E2BIG;
	memmove(buf, buf + from, len - from);
	*lenp = len - from;
	return 0;
}

/*
 * Walks all mappings of the process, in the kernel's order. `buf` must hold more than one line of
 * the greatest length (MAPS_PATH_MAX and 128 bytes). A line that cannot be read is passed over.
 *
 * Context: opens and closes one descriptor. The list is what the kernel had while it was read:
 * mappings that other threads make meanwhile may be missing.
 *
 * Return: 0; what `fn` returned; the errno of open(2) or read(2), negative; -E2BIG.
 */
int maps_walk(char *buf, size_t size, maps_fn fn, void *arg)
{
	long fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0), n;
	size_t len = 0;
	int r = 0;

	if (fd < 0)
		return (int)fd;
	do {
		n = sys_read((int)fd, buf + len, size - len);
		if (n == -EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
		r = walk_lines(buf, &len, size, fn, arg);
	} while (!r);
	sys_close((int)fd);
	return r ? r : n < 0 ? (int)n : 0;
}
