/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/calls.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include "common/sys.h"
#include "cookie/host.h"

/*
 * What is mapped into regions: anonymous memory, files, and objects made for second views.
 * Separate from map.c and submap.c, which decide where, and what becomes of what was there.
 *
 * Context: freestanding; whoever calls holds the lock, but for cookie_memfd().
 */

#define INTENT      "share:"
#define NAME_BYTES  250 /* mm/memfd.c: 249 and the end */
#define OBJECT_NAME "cookie"
#define HUGE_LEAST  (2ull << 20)
#define HUGE_MOST   (1ull << 30)

/* The address or descriptor, or -errno. `place`: MAP_FIXED, MAP_FIXED_NOREPLACE or nothing. */
long fill_map(uint64_t caller, const struct want *w, uint64_t at, uint64_t len, int place)
{
	return host_call(caller, SYS_mmap, (long)at, (long)len, w->prot, w->map_flags | place,
			 w->fd, w->file_offset);
}

/*
 * The same, where fstatfs(2) is refused: a mapping of huge pages cannot be unmapped in part
 * (mm/hugetlb.c, hugetlb_vm_op_split()).
 */
static uint64_t measure_huge_page(int fd)
{
	long at = host_call(0, SYS_mmap, 0, CM_PAGE, PROT_NONE, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	uint64_t page = CM_PAGE;

	if (sys_is_error(at))
		return 0;
	while (host_call(0, SYS_munmap, at, (long)page, 0, 0, 0, 0) == -EINVAL && page < HUGE_MOST)
		page = page == CM_PAGE ? HUGE_LEAST : HUGE_MOST;
	return page == CM_PAGE ? 0 : page;
}

/*
 * Whether a mapping of a file at an address is one of huge pages, whose length the kernel rounds up
 * to whole ones, beyond what was asked for (mm/mmap.c, ksys_mmap_pgoff()). Only an address that is
 * a multiple of the smallest is asked about; 0 is one.
 *
 * Return: the page's length; 0: it is not.
 */
uint64_t fill_huge_page(int fd, uint64_t at)
{
	struct statfs fs;
	long r;

	if (at % HUGE_LEAST)
		return 0;
	r = sys_raw6(SYS_fstatfs, fd, (long)&fs, 0, 0, 0, 0);
	if (r)
		return r == -EBADF ? 0 : measure_huge_page(fd);
	return fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize : 0;
}

static long memfd_create_raw(const char *name, unsigned flags)
{
	return sys_raw6(SYS_memfd_create, (long)name, flags, 0, 0, 0, 0);
}

/* An object for a region that second views can be had of. Return: a descriptor, or -errno. */
int fill_memfd(const struct want *w)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY};
	long fd, r;

	/* beyond this limit ftruncate(2) sends a signal before it fails (fs/attr.c) */
	sys_raw6(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, (long)&limit, 0, 0);
	if (w->len > limit.rlim_cur)
		return -ENOMEM;
	fd = memfd_create_raw(w->name ? w->name : OBJECT_NAME, MFD_CLOEXEC);
	if (sys_is_error(fd))
		return (int)fd;
	r = sys_raw6(SYS_ftruncate, fd, (long)w->len, 0, 0, 0, 0);
	if (sys_is_error(r)) {
		sys_close((int)fd);
		return r == -EFBIG || r == -EINVAL ? -ENOMEM : (int)r; /* too long */
	}
	return (int)fd;
}

/* Names anonymous memory, where the kernel does that (5.17, CONFIG_ANON_VMA_NAME). */
void fill_name(struct range range, const char *name)
{
	if (name)
		sys_raw6(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, (long)range.start,
			 (long)range_len(range), (long)name, 0);
}

/* What was mapped at the range aimed at, to be entered. */
struct region fill_piece(const struct aim *a, const struct want *w, int kind)
{
	bool shared = w->map_flags & MAP_SHARED, nofork = a->slot->flags & SLOT_NOFORK;
	int inherit = nofork ? CM_INHERIT_NONE : shared ? CM_INHERIT_SHARE : CM_INHERIT_COPY;
	struct region piece = {
		.range = a->range,
		.owner = a->index,
		.prot = (uint8_t)w->prot,
		.max_prot = (uint8_t)(w->max & a->slot->max),
		.flags = (uint8_t)(kind | (shared ? PIECE_SHARED : 0) |
				   (w->flags & CM_SHARE ? PIECE_SHARE : 0) |
				   inherit << PIECE_INHERIT_AT),
	};

	if (kind == CM_KIND_FILE || shared) /* an object of its own */
		piece.owner |= pieces_serial(a, a->range);
	return piece;
}

/* CM_SEALED. Return: 0 or -errno. */
int fill_seal(const struct aim *a)
{
	int r = host_seal(a->caller, a->range, SEAL_ALL);

	if (!r)
		pieces_seal(a, SEAL_ALL);
	return r;
}

/* cmmemfd(3): an object that says by its name that it is meant to be shared is so for all who see
 * it, whatever process they are in. Return: a descriptor, or -errno. */
int cookie_memfd(const char *name, int flags)
{
	char intent[NAME_BYTES] = INTENT;
	unsigned n = sizeof(INTENT) - 1, i = 0;

	if (!name)
		return -EFAULT;
	if (!(flags & CM_SHARE))
		return (int)memfd_create_raw(name, (unsigned)flags);
	for (; name[i] && n + i < NAME_BYTES - 1; i++)
		intent[n + i] = name[i];
	if (name[i])
		return -EINVAL; /* as memfd_create(2) says of a long name */
	intent[n + i] = 0;
	return (int)memfd_create_raw(intent, (unsigned)(flags & ~CM_SHARE));
}
