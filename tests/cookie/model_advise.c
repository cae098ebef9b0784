/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * What cmadvise() is to do. What the kernel says to an advice depends on the kernel, so it is asked
 * once, about mappings that the model has made by itself; what an advice does to the content is
 * the model's to know. Separate for that table.
 */

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static const int advices[] = {
	MADV_NORMAL,
	MADV_RANDOM,
	MADV_SEQUENTIAL,
	MADV_WILLNEED,
	MADV_DONTNEED,
	MADV_FREE,
	MADV_REMOVE,
	MADV_DONTDUMP,
	MADV_DODUMP,
	MADV_COLD,
	MADV_DONTNEED,
	MADV_FREE,
	MADV_HUGEPAGE,
	MADV_NOHUGEPAGE,
	24 /* DONTNEED_LOCKED */,
	MADV_DONTFORK,
	MADV_DOFORK,
	MADV_WIPEONFORK,
	MADV_KEEPONFORK,
	77,
	-1,
	MADV_GUARD_INSTALL, /* only where it is refused: advice_any() */
};

#define N_ADVICES (sizeof advices / sizeof *advices)

/* Kinds of mappings: anonymous ones, private or shared, an object, then each file, twice. */
#define KINDS (4 + 2 * 7)

static uint8_t said[KINDS][N_ADVICES];

static unsigned kind_of(const struct page *p)
{
	if (p->kind == CM_KIND_FILE)
		return 4u + 2u * (unsigned)p->file + p->shared;
	return p->kind == CM_KIND_ALIAS ? 2 : p->shared;
}

static void ask(unsigned kind, int fd, int prot, int flags)
{
	for (unsigned i = 0; i + 1 < N_ADVICES; i++) {
		/* behind the end of all files: nothing of theirs is cut out */
		void *p = mmap(NULL, PAGE, prot, flags, fd, fd < 0 ? 0 : 64 * PAGE);

		if (p == MAP_FAILED) {
			perror("a mapping of the test's own");
			exit(2);
		}
		said[kind][i] = madvise(p, PAGE, advices[i]) ? (uint8_t)errno : 0;
		munmap(p, PAGE);
	}
}

void advice_init(void)
{
	int fd = memfd_create("model", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, PAGE))
		exit(2);
	ask(0, -1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS);
	ask(1, -1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS);
	ask(2, fd, PROT_READ | PROT_WRITE, MAP_SHARED);
	for (unsigned i = 0; i < n_files; i++) {
		if (!files[i].maps || !files[i].reads)
			continue;
		ask(4 + 2 * i, files[i].fd, PROT_READ, MAP_PRIVATE);
		ask(5 + 2 * i, files[i].fd, PROT_READ, MAP_SHARED);
	}
	close(fd);
}

static bool is_about_forks(int advice)
{
	return advice >= 0 && (advice == MADV_DONTFORK || advice == MADV_DOFORK ||
			       advice == MADV_WIPEONFORK || advice == MADV_KEEPONFORK);
}

static bool is_discard(int advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE ||
	       advice == 24 || advice == MADV_GUARD_INSTALL;
}

/*
 * An advice for a range. Pages with guards have no place in the model, and what mseal(2) says to
 * discards of read-only memory depends on the kernel: both are asked for only where the library
 * itself has to refuse.
 */
int advice_any(const struct mregion *r, size_t offset, size_t len)
{
	int advice = advices[draw(N_ADVICES)];
	bool refused = false, mseal = false;
	size_t first, end;

	if (!is_discard(advice) || !r || range_malformed(offset, len) ||
	    range_of(r, offset, len, &first, &end))
		return advice;
	for (size_t i = first; i < end; i++) {
		const struct page *p = &r->page[i];

		refused = refused || p->seals & (CM_SEAL_DISCARD | CM_SEAL_DOWNGRADE);
		mseal = mseal || (p->seals & MSEAL_SEALS) == MSEAL_SEALS;
	}
	if (!refused && (mseal || advice == MADV_GUARD_INSTALL))
		return MADV_NORMAL;
	return advice;
}

static void discard(struct page *p, int advice)
{
	if (advice == MADV_REMOVE) { /* of the object */
		if (p->kind != CM_KIND_FILE)
			p->stamp = 0;
		else if (p->at < files[p->file].pages)
			contents[files[p->file].of][p->at] = 0;
		p->unsure = false;
	} else if (advice == MADV_FREE) {
		p->unsure = true; /* from now on, or later */
	} else if (!p->shared) {
		p->own = false;
		p->stamp = 0;
		p->unsure = false;
	}
	p->resident = false;
}

static unsigned index_of(int advice)
{
	unsigned i = 0;

	while (advices[i] != advice)
		i++;
	return i;
}

int ref_advise(struct mregion *r, size_t offset, size_t len, int advice)
{
	unsigned which = index_of(advice);
	size_t first, end;

	if (!r)
		return EBADF;
	if (!(r->ops & CM_OP_ADVISE))
		return EPERM;
	if (range_malformed(offset, len) || is_about_forks(advice))
		return EINVAL;
	if (range_of(r, offset, len, &first, &end))
		return ERANGE;
	for (size_t i = first; i < end && is_discard(advice); i++)
		if (r->page[i].seals & (CM_SEAL_DISCARD | CM_SEAL_DOWNGRADE))
			return EPERM;
	for (size_t i = first; i < end; i++)
		if (r->page[i].kind == CM_KIND_RESERVED)
			return ENOMEM;
	/* mm/madvise.c goes from the lowest mapping up, and ends at the first that has no use for
	 * the advice */
	for (size_t i = first; i < end; i++) {
		int error = said[kind_of(&r->page[i])][which];

		if (error)
			return error;
		if (is_discard(advice))
			discard(&r->page[i], advice);
		else if (advice == MADV_COLD)
			r->page[i].resident = false;
	}
	return 0;
}
