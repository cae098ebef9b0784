/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/seal.h"

#include <fcntl.h>

/*
 * The mappings of this process, read without libc: it may be libc that was taken apart. And from
 * them, whether a target is what it was.
 */

#define PAGES 4 /* of a target whose content is compared */

static char text[1 << 17];

static struct {
	char rights[PAGES][5];
	unsigned long inode[PAGES];
	unsigned char held[PAGES * ATTACK_PAGE];
} before;

/* All of /proc/self/maps as it is now. */
const char *seal_maps(void)
{
	long n, fd = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	size_t len = 0;

	while (fd >= 0 && (n = sys_read((int)fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	sys_close((int)fd);
	if (!len || len == sizeof(text) - 1)
		attack_broken("maps");
	text[len] = 0;
	return text;
}

static unsigned long number(const char **p, unsigned base)
{
	unsigned long n = 0;

	for (;; ++*p) {
		unsigned digit = **p <= '9' ? (unsigned)(**p - '0') : (unsigned)(**p - 'a' + 10);

		if (digit >= base)
			return n;
		n = n * base + digit;
	}
}

static void skip(const char **p, char what)
{
	while (**p == what)
		++*p;
}

/* The line at *atp, which then is the next one's start. */
bool seal_maps_next(const char **atp, struct seal_vma *v)
{
	const char *p = *atp;

	if (!*p)
		return false;
	v->start = number(&p, 16);
	p++;
	v->end = number(&p, 16);
	p++;
	memcpy(v->rights, p, 4);
	v->rights[4] = 0;
	p += 5;
	number(&p, 16); /* offset */
	p++;
	number(&p, 16); /* device */
	p++;
	number(&p, 16);
	p++;
	v->inode = number(&p, 10);
	skip(&p, ' ');
	for (v->name = p; *p != '\n';)
		p++;
	v->name_len = (size_t)(p - v->name);
	*atp = p + 1;
	return true;
}

/* The first mapping whose name ends like this, and with these rights where some are given. */
bool seal_maps_named(const char *name, const char *rights, struct seal_vma *v)
{
	const char *p = seal_maps();
	size_t len = strlen(name);

	while (seal_maps_next(&p, v))
		if (v->name_len >= len && !memcmp(v->name + v->name_len - len, name, len) &&
		    (!rights || !memcmp(v->rights, rights, 4)))
			return true;
	return false;
}

/* What is mapped at an address; its rights are "" where nothing is. */
static struct seal_vma vma_at(const char *maps, uintptr_t at)
{
	struct seal_vma v;

	while (seal_maps_next(&maps, &v))
		if (v.start <= at && at < v.end)
			return v;
	return (struct seal_vma){.rights = ""};
}

static size_t pages_of(struct seal_target t)
{
	size_t n = t.size / ATTACK_PAGE;

	return n < PAGES ? n : PAGES;
}

void seal_remember(struct seal_target t)
{
	const char *maps = seal_maps();

	for (size_t i = 0; i < pages_of(t); i++) {
		struct seal_vma v = vma_at(maps, (uintptr_t)t.at + i * ATTACK_PAGE);

		memcpy(before.rights[i], v.rights, sizeof(v.rights));
		before.inode[i] = v.inode;
	}
	if (!t.lively)
		memcpy(before.held, t.at, pages_of(t) * ATTACK_PAGE);
}

/* Whether other memory is there, or with other rights, or it holds something else. Memory that is
 * there and cannot be read any more ends the process. */
bool seal_changed(struct seal_target t)
{
	const char *maps = seal_maps();

	for (size_t i = 0; i < pages_of(t); i++) {
		struct seal_vma v = vma_at(maps, (uintptr_t)t.at + i * ATTACK_PAGE);

		if (memcmp(before.rights[i], v.rights, sizeof(v.rights)) ||
		    before.inode[i] != v.inode)
			return true;
	}
	return !t.lively && memcmp(before.held, t.at, pages_of(t) * ATTACK_PAGE);
}
