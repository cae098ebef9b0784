/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Files of huge pages: the kernel rounds what is mapped of them up to 2 MiB, whatever length it is
 * told, so that a part of a region would be more than the part, and more than the region. They are
 * refused. Separate since it needs a file that other tests do not have; there need be no huge page.
 */

#define LEN   (4 * HUGE)
#define FLAGS (MAP_SHARED | MAP_NORESERVE)

static int file;
static cm_t around, behind; /* full of 'a' and 'b' */
static size_t aligned;      /* where in `around` 2 MiB begin */

static bool is_full_of(cm_t c, size_t len, unsigned char byte)
{
	const unsigned char *at = region_at(c);

	for (size_t i = 0; i < len; i += PAGE)
		if (!look_reads(at + i) || at[i] != byte || at[i + PAGE - 1] != byte)
			return false;
	return true;
}

static bool is_one_piece(cm_t c, size_t len)
{
	struct cm_stat st;

	return !cmstat(c, 0, &st) && st.len == len && st.kind == CM_KIND_ANON &&
	       cmstat(c, 1, &st) == -1;
}

static void parts(void)
{
	static const struct {
		size_t len;
		int flags;
		const char *what;
	} rows[] = {
		{PAGE, FLAGS, "a page, shared"},
		{PAGE, MAP_PRIVATE | MAP_NORESERVE, "a page, private"},
		{HUGE, FLAGS, "2 MiB, shared"},
		{HUGE - PAGE, FLAGS, "a page less than 2 MiB"},
		{HUGE + PAGE, FLAGS, "a page more than 2 MiB"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		errno = 0;
		claim(cmsubmap(around, aligned, rows[i].len, R, rows[i].flags, file, 0) == -1 &&
			      errno == EINVAL,
		      "a part of a file of huge pages is refused: %s", rows[i].what);
	}
	claim(is_full_of(around, LEN, 'a') && is_one_piece(around, LEN), "the region is as it was");
	claim(is_full_of(behind, LEN, 'b'), "and so is what lies behind it");
}

static void regions(void)
{
	struct cmreq req;
	cm_t c = 4711;

	claim(cmmmap(0, PAGE, R, FLAGS, file, 0, &c) == -1 && errno == EINVAL && c == 4711,
	      "so is a region of one");
	claim(cmmmap(0, HUGE, RW, FLAGS, file, 0, &c) == -1 && errno == EINVAL && c == 4711,
	      "of 2 MiB as well");
	claim(cmmmap(0, HUGE, RW, FLAGS | CM_ALIAS, file, 0, &c) == -1 && errno == EINVAL,
	      "with CM_ALIAS as well");
	CMREQ_INIT(&req, 2 * HUGE, R);
	CMREQ_SETFD(&req, file);
	CMREQ_SETFLAGS(&req, FLAGS);
	CMREQ_SETMAPOFFSET(&req, HUGE);
	claim(cmmmap(&req, &c) == -1 && errno == EINVAL && c == 4711, "behind an offset as well");
}

/* What would have happened: 2 MiB are mapped where a page was asked for. */
static void twin(void)
{
	unsigned char *own = mmap(NULL, LEN, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *at;
	struct look l;

	if (own == MAP_FAILED)
		claims_broken("mmap");
	memset(own, 'o', LEN);
	at = (unsigned char *)(((uintptr_t)own + HUGE - 1) & ~(HUGE - 1));
	claim(mmap(at, PAGE, R, FLAGS | MAP_FIXED, file, 0) == at, "mmap(2) of a page works");
	claim(look_maps((uintptr_t)at + HUGE - PAGE, &l) && l.start == (uintptr_t)at &&
		      l.end == l.start + HUGE,
	      "and replaces 2 MiB");
}

static void ordinary(void)
{
	int fd = memfd_create("cm-ordinary", 0);
	cm_t c;

	if (fd < 0 || ftruncate(fd, HUGE))
		claims_broken("memfd_create");
	claim(!cmsubmap(around, aligned, PAGE, R, FLAGS, fd, 0), "of other files a part is mapped");
	claim(!cmmmap(0, HUGE, R, FLAGS, fd, 0, &c) && !cmclose(c, CM_CLOSE_UNMAP),
	      "and a region is made and closed");
}

int main(void)
{
	file = memfd_create("cm-huge", MFD_HUGETLB);
	if (file < 0 || ftruncate(file, HUGE))
		claims_broken("a file of huge pages");
	around = region_new(LEN, RW, 0);
	behind = region_new(LEN, RW, 0);
	region_fill(around, LEN, 'a');
	region_fill(behind, LEN, 'b');
	aligned = -(uintptr_t)region_at(around) & (HUGE - 1);
	parts();
	regions();
	twin();
	ordinary();
	return claims_end();
}
