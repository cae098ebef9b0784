/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

/*
 * Errors of filling a region: cmsubmap(), csubmap(), cmsubmapreq(). The three are one function in
 * three dresses, so each row is tried in each of them. What they share with all that take a range
 * is in errors_range.c.
 */

#define LEN  (8 * PAGE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define LAST 0x7ffffffffffff000

static int as_request(cm_t c, size_t at, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct cmreq r;

	CMREQ_INIT(&r, len, prot);
	CMREQ_SETFLAGS(&r, flags);
	CMREQ_SETFD(&r, fd);
	CMREQ_SETFILEOFFSET(&r, offset);
	CMREQ_SETMAPOFFSET(&r, at);
	return cmsubmapreq(c, &r);
}

#define WORKS3(...)                             \
	do {                                    \
		WORKS(cmsubmap(__VA_ARGS__));   \
		WORKS(csubmap(__VA_ARGS__));    \
		WORKS(as_request(__VA_ARGS__)); \
	} while (0)

#define FAILS3(want, ...)                                          \
	do {                                                       \
		FAILS(cmsubmap, want, cmsubmap(__VA_ARGS__));      \
		FAILS(csubmap, want, csubmap(__VA_ARGS__));        \
		FAILS(cmsubmapreq, want, as_request(__VA_ARGS__)); \
	} while (0)

#define KERNEL3(nr, want, ...)                                                                  \
	do {                                                                                    \
		FAILS_AFTER(kernel_says(nr, want), cmsubmap, want, cmsubmap(__VA_ARGS__));      \
		FAILS_AFTER(kernel_says(nr, want), csubmap, want, csubmap(__VA_ARGS__));        \
		FAILS_AFTER(kernel_says(nr, want), cmsubmapreq, want, as_request(__VA_ARGS__)); \
	} while (0)

static void flags_of_cmsubmap(cm_t c)
{
	WORKS3(c, 0, PAGE, RW | PROT_MAX(RW), ANON | MAP_NORESERVE | MAP_POPULATE, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW | 8, 0, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW | PROT_MAX(8), 0, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW | PROT_MAX(R), 0, -1, 0);
	FAILS3(ENOTSUP, c, 0, PAGE, RWX, 0, -1, 0);
	FAILS3(ENOTSUP, c, 0, PAGE, RWX | PROT_MAX(RWX), 0, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, MAP_PRIVATE | MAP_SHARED, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, ANON | MAP_HUGETLB, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, ANON | MAP_GROWSDOWN, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, CM_RESERVE, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, CM_EXACT, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, CM_SUPERPAGE, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, CM_ROUND, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, CM_NOREUSE, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, CM_ALIAS, -1, 0);
	WORKS3(c, 0, PAGE, RW, MAP_SHARED | CM_SHARE, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, CM_SHARE, -1, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, 0, -1, PAGE);
}

static void files_of_cmsubmap(cm_t c)
{
	int fd = file_new(4), reader = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int writer = open("/dev/null", O_WRONLY), folder = open("/", O_RDONLY | O_DIRECTORY);
	int sealed = memfd_create("sealed", MFD_ALLOW_SEALING), pipes[2];

	if (pipe(pipes) || ftruncate(sealed, PAGE) || fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE))
		claims_broken("descriptors");
	WORKS3(c, 0, PAGE, RW, MAP_SHARED, fd, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, fd, 0);
	FAILS3(EINVAL, c, 0, PAGE, RW, MAP_SHARED, fd, 1);
	FAILS3(EINVAL, c, 0, PAGE, RW, MAP_SHARED, fd, -(off_t)PAGE);
	FAILS3(EOVERFLOW, c, 0, 2 * PAGE, RW, MAP_SHARED, fd, LAST);
	FAILS3(EBADF, c, 0, PAGE, RW, MAP_SHARED, 987, 0);
	FAILS3(EBADF, c, 0, PAGE, RW, MAP_SHARED, -2, 0);
	WORKS3(c, 0, PAGE, R, MAP_SHARED, reader, 0);
	FAILS3(EACCES, c, 0, PAGE, RW, MAP_SHARED, reader, 0);
	FAILS3(EACCES, c, 0, PAGE, R, MAP_PRIVATE, writer, 0);
	FAILS3(ENODEV, c, 0, PAGE, R, MAP_PRIVATE, folder, 0);
	FAILS3(ENODEV, c, 0, PAGE, R, MAP_PRIVATE, pipes[0], 0);
	FAILS3(EPERM, c, 0, PAGE, RW, MAP_SHARED, sealed, 0);
	KERNEL3(SYS_mmap, EAGAIN, c, 0, PAGE, R, 0, fd, 0);
	KERNEL3(SYS_mmap, ENOMEM, c, 0, PAGE, R, 0, fd, 0);
	close(fd);
	close(reader);
	close(writer);
	close(folder);
	close(sealed);
	close(pipes[0]);
	close(pipes[1]);
}

/* What the region itself does not admit. */
static void regions_of_cmsubmap(void)
{
	cm_t alias = region_new(LEN, RW, CM_ALIAS), narrow = region_new(LEN, R | PROT_MAX(R), 0);
	cm_t sealed = region_new(LEN, RW, 0), down = region_new(LEN, RW, 0);

	FAILS3(ENOTSUP, alias, 0, PAGE, RW, 0, -1, 0);
	WORKS3(narrow, 0, PAGE, R, 0, -1, 0);
	FAILS3(EACCES, narrow, 0, PAGE, RW, 0, -1, 0);
	WORKS3(narrow, 0, PAGE, R | PROT_MAX(RW), 0, -1, 0);
	FAILS3(EACCES, narrow, 0, PAGE, RW | PROT_MAX(RW), 0, -1, 0);
	if (cmseal(sealed, PAGE, PAGE, CM_SEAL_REPLACE) ||
	    cmseal(down, PAGE, PAGE, CM_SEAL_DOWNGRADE))
		claims_broken("cmseal");
	WORKS3(sealed, 0, PAGE, RW, 0, -1, 0);
	WORKS3(sealed, 2 * PAGE, PAGE, RW, 0, -1, 0);
	FAILS3(EPERM, sealed, PAGE, PAGE, RW, 0, -1, 0);
	FAILS3(EPERM, sealed, 0, LEN, RW, 0, -1, 0);
	WORKS3(down, 0, PAGE, RW, 0, -1, 0);
	FAILS3(EPERM, down, 0, 2 * PAGE, RW, 0, -1, 0);
}

/* One thing changed, in a request that works. */
#define REQUEST(change)                    \
	({                                 \
		struct cmreq r_;           \
		CMREQ_INIT(&r_, PAGE, RW); \
		struct cmreq *r = &r_;     \
		change;                    \
		cmsubmapreq(c, &r_);       \
	})

static void requests_of_cmsubmap(cm_t c)
{
	FAILS(cmsubmapreq, EFAULT, cmsubmapreq(c, NULL));
	WORKS(REQUEST((void)r));
	FAILS(cmsubmapreq, EINVAL, REQUEST(r->size = 0));
	FAILS(cmsubmapreq, EINVAL, REQUEST(r->size--));
	FAILS(cmsubmapreq, EINVAL, REQUEST(r->zero = -1));
	FAILS(cmsubmapreq, EINVAL, REQUEST(r->hint = PAGE));
	WORKS(REQUEST(CMREQ_SETMAX(r, RW)));
	FAILS(cmsubmapreq, EINVAL, REQUEST(CMREQ_SETMAX(r, R)));
	FAILS(cmsubmapreq, EINVAL, REQUEST(CMREQ_SETMAX(r, 0)));
	WORKS(REQUEST(CMREQ_SETNAME(r, "name")));
	FAILS(cmsubmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "")));
	FAILS(cmsubmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a$")));
	WORKS(REQUEST(CMREQ_SETMAPOFFSET(r, LEN - PAGE)));
	FAILS(cmsubmapreq, ERANGE, REQUEST(CMREQ_SETMAPOFFSET(r, LEN)));
}

void errors_of_cmsubmap(void)
{
	cm_t c = region_new(LEN, RW, 0), reserved = region_new(LEN, RW, CM_RESERVE);

	flags_of_cmsubmap(c);
	flags_of_cmsubmap(reserved);
	files_of_cmsubmap(reserved);
	regions_of_cmsubmap();
	requests_of_cmsubmap(c);
}
