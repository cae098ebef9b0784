/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/call.h"
#include "supervise/sitecache.h"

/*
 * The files that kits are made from: a libc or a ld.so, which of its call sites are worth it, and
 * the pages that hold them.
 *
 * One window of pages is replaced of each object: a second would cut the program's mapping twice
 * more, for calls that nobody makes often. A file is read once; it is known again by what statx(2)
 * says of it, and nothing of it is kept open.
 */

#define MOV_BYTES KIT_JUMP_BYTES

/* The calls that libc makes for itself; who wants the others comes by the wrappers. */
static unsigned worth(const struct site *t)
{
	switch (t->nr) {
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mprotect:
		return 4;
	case SYS_mremap: /* realloc(3) */
		return 3;
	case SYS_madvise: /* in more than one place, and seldom */
		return 2;
	}
	return 0;
}

static uint64_t first_page(const struct site *t)
{
	return page_down(t->addr - MOV_BYTES);
}

/* How many sites from `i` on make the best of one window that begins with it, up to the last that
 * is worth it: every page is compared in every start. */
static size_t in_window(const struct site_list *l, size_t i, unsigned *worthp)
{
	uint64_t end = first_page(&l->at[i]) + KIT_PAGES * CM_PAGE;
	size_t n = 0;

	*worthp = 0;
	for (size_t k = 0; i + k < l->n && k < KIT_SITES; k++) {
		const struct site *t = &l->at[i + k];

		if (t->addr - MOV_BYTES + SITE_SPAN > end ||
		    t->addr - t->offset != l->at[i].addr - l->at[i].offset ||
		    (t->addr - t->offset) % CM_PAGE) /* the kernel maps no such segment */
			break;
		if (!worth(t))
			continue;
		*worthp += worth(t);
		n = k + 1;
	}
	return n;
}

static size_t best_window(const struct site_list *l, size_t *np)
{
	unsigned best = 0, now;
	size_t at = 0;

	*np = 0;
	for (size_t i = 0; i < l->n; i++) {
		size_t n = worth(&l->at[i]) ? in_window(l, i, &now) : 0;

		if (n && now > best) {
			best = now;
			at = i;
			*np = n;
		}
	}
	return at;
}

/* Takes those that are in the file what they were found to be. */
static void take_sites(struct patch_file *f, const struct site *t, size_t n)
{
	uint64_t size = f->n_pages * CM_PAGE;

	for (; n && f->n_sites < KIT_SITES; t++, n--) {
		uint64_t at = t->offset - MOV_BYTES - f->offset;

		if (at >= size || !site_is_intact(t, f->text + at, size - at))
			continue;
		f->nr[f->n_sites] = (uint32_t)t->nr;
		f->back[f->n_sites++] = t->addr + KIT_SITE_BYTES - MOV_BYTES;
	}
}

static int read_window(struct patch_file *f, int fd, const struct site_list *l)
{
	size_t n, i = best_window(l, &n);
	const struct site *first, *last;
	ssize_t size;

	if (!n)
		return -ENOENT;
	first = &l->at[i];
	last = &l->at[i + n - 1];
	f->offset = page_down(first->offset - MOV_BYTES);
	f->start = first_page(first);
	f->n_pages = (unsigned)((page_up(last->addr - MOV_BYTES + SITE_SPAN) - f->start) / CM_PAGE);
	size = (ssize_t)(f->n_pages * CM_PAGE);
	f->text = malloc((size_t)size);
	if (!f->text || pread(fd, f->text, (size_t)size, (off_t)f->offset) != size)
		return -EIO;
	take_sites(f, first, n);
	return f->n_sites ? 0 : -ENOENT;
}

/* Fills in what is to be known of a file. One that cannot be patched has no pages. */
static int file_init(struct patch_file *f, pid_t pid, const struct vma *v)
{
	struct site_list l = {NULL, 0};
	bool cached;
	int fd, r;

	*f = (struct patch_file){.map_dev = v->dev, .map_ino = v->ino};
	memcpy(f->name, v->name, sizeof(f->name));
	fd = object_open(pid, v);
	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &f->st) < 0) {
		close(fd);
		return -ENOENT;
	}
	r = sites_of_file(fd, &f->st, &l, &cached);
	f->n_known = (unsigned)l.n;
	if (!r)
		r = read_window(f, fd, &l);
	if (r < 0)
		f->n_pages = f->n_sites = 0;
	site_list_deinit(&l);
	close(fd); /* its file system may be unmounted */
	return 0;
}

static bool is_as_read(const struct patch_file *f, const struct stat *st)
{
	return st->st_dev == f->st.st_dev && st->st_ino == f->st.st_ino &&
	       st->st_size == f->st.st_size && st->st_ctim.tv_sec == f->st.st_ctim.tv_sec &&
	       st->st_ctim.tv_nsec == f->st.st_ctim.tv_nsec;
}

/* Nearly always the file stands where the mapping says, in our own eyes too. */
static bool is_unchanged(const struct patch_file *f, pid_t pid, const struct vma *v)
{
	struct stat st;

	if (v->name[0] == '/' && !object_stat(v->name, &st) && is_as_read(f, &st))
		return true;
	return !object_find(pid, v, &st) && is_as_read(f, &st);
}

/*
 * The file of a mapping, as it is now. Reading one takes milliseconds, in which nobody is looked
 * at: so whoever is due is looked at first.
 *
 * Return: it stays for ever, without pages where there is nothing to patch; NULL: it may not be
 * read, or there are too many.
 */
struct patch_file *patch_file_get(struct supervisor *s, pid_t pid, const struct vma *v)
{
	struct patches *ps = &s->patches;
	struct patch_file *f;

	for (unsigned i = 0; i < ps->n_files; i++) {
		f = ps->file[i];
		if (f->stale || f->map_ino != v->ino || f->map_dev != v->dev)
			continue;
		if (is_unchanged(f, pid, v))
			return f;
		f->stale = true;
	}
	if (ps->n_files == PATCH_FILES)
		return NULL;
	check_all(s);
	f = malloc(sizeof(*f));
	if (!f)
		return NULL;
	if (file_init(f, pid, v) < 0) {
		free(f);
		return NULL;
	}
	return ps->file[ps->n_files++] = f;
}
