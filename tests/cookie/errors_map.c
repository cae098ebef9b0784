/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/*
 * Errors of making a region, cmmmap() and cmmmapreq(). A line that works differs from those after
 * it in what makes them fail.
 */

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define TIB  (1ul << 40)
#define LAST 0x7ffffffffffff000 /* the last page of the largest file */

#define MAP(hint, len, prot, flags, fd, offset) \
	cmmmap(hint, len, prot, flags, fd, offset, &outs.cookie)

static void no_descriptors(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_NOFILE, &none);
}

/* Protections and flags that do not go together. */
static void flags_of_cmmmap(void)
{
	int fd = file_new(4);

	WORKS(MAP(0, PAGE, RW | PROT_MAX(RW), ANON | MAP_NORESERVE | MAP_POPULATE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW | 8, 0, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW | PROT_MAX(8), 0, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW | PROT_MAX(R), 0, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW | PROT_GROWSDOWN, 0, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, MAP_PRIVATE | MAP_SHARED, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, HUGE, RW, ANON | MAP_HUGETLB, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, ANON | MAP_GROWSDOWN, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, ANON | MAP_LOCKED, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, ANON | MAP_STACK, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, MAP_SHARED | MAP_SYNC, -1, 0));
	WORKS(MAP(0, PAGE, RW, CM_RESERVE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_RESERVE, fd, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_RESERVE | MAP_SHARED, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_RESERVE | MAP_POPULATE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_RESERVE | CM_ALIAS, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_RESERVE | CM_SHARE, -1, 0));
	WORKS(MAP(0, PAGE, RW, CM_SHARE | MAP_SHARED, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_SHARE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_SHARE | MAP_PRIVATE, -1, 0));
	WORKS(MAP(0, PAGE, RW, CM_ALIAS, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_ALIAS | MAP_PRIVATE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, HUGE, RW, CM_ALIAS | CM_SUPERPAGE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, HUGE, RW, CM_ALIAS | CM_ROUND, -1, 0));
	WORKS(MAP(0, PAGE, R, MAP_SHARED | CM_ALIAS, fd, 0));
	FAILS(cmmmap, ENOTSUP, MAP(0, PAGE, R, CM_ALIAS, fd, 0));
	FAILS(cmmmap, EINVAL, MAP(0, HUGE, R, CM_SUPERPAGE, fd, 0));
	FAILS(cmmmap, EINVAL, MAP(0, HUGE, R, CM_ROUND, fd, 0));
	FAILS(cmmmap, ENOTSUP, MAP(0, PAGE, RWX, ANON, -1, 0));
	FAILS(cmmmap, ENOTSUP, MAP(0, PAGE, RWX | PROT_MAX(RWX), ANON, -1, 0));
	FAILS(cmmmap, ENOTSUP, MAP(0, PAGE, PROT_WRITE | PROT_EXEC, CM_RESERVE, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW | PROT_MAX(R), CM_RESERVE, -1, 0));
	close(fd);
}

/* Lengths, offsets and where. */
static void places_of_cmmmap(void)
{
	int fd = file_new(4);
	unsigned char *taken = region_at(region_new(4 * PAGE, RW, 0));
	unsigned char *huge = region_at(region_new(HUGE, RW, CM_SUPERPAGE));
	cm_t closed = region_new(PAGE, RW, 0);
	unsigned char *once = region_at(closed);

	if (cmclose(closed, CM_CLOSE_UNMAP))
		claims_broken("cmclose");
	WORKS(MAP(0, 1, RW, 0, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, 0, RW, 0, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(0, 0, R, 0, fd, 0));
	FAILS(cmmmap, EINVAL, MAP(0, 0, 0, CM_RESERVE, -1, 0));
	WORKS(MAP(0, TIB, RW, CM_RESERVE, -1, 0));
	FAILS(cmmmap, ENOMEM, MAP(0, 1ul << 47, RW, CM_RESERVE, -1, 0));
	FAILS(cmmmap, ENOMEM, MAP(0, ~0ul, RW, CM_RESERVE, -1, 0));
	FAILS(cmmmap, ENOMEM, MAP(0, ~0ul, RW, 0, -1, 0));
	FAILS(cmmmap, ENOMEM, MAP(0, ~0ul - HUGE / 2, RW, CM_SUPERPAGE, -1, 0));
	FAILS(cmmmap, ENOMEM, MAP(0, ~0ul - HUGE / 2, RW, CM_ROUND, -1, 0));
	FAILS(cmmmap, ENOMEM, MAP(0, -PAGE, RW, CM_RESERVE | CM_ROUND, -1, 0));
	WORKS(MAP(0, PAGE, R, 0, fd, PAGE));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, R, 0, fd, 1));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, R, 0, fd, 512));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, R, 0, fd, -(off_t)PAGE));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, 0, -1, PAGE));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, 0, -1, 1));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_RESERVE, -1, PAGE));
	FAILS(cmmmap, EOVERFLOW, MAP(0, 2 * PAGE, R, 0, fd, LAST));
	WORKS(MAP(taken, PAGE, RW, 0, -1, 0));
	FAILS(cmmmap, EEXIST, MAP(taken, PAGE, RW, CM_EXACT, -1, 0));
	FAILS(cmmmap, EEXIST, MAP(taken + 3 * PAGE, PAGE, RW, CM_EXACT | CM_RESERVE, -1, 0));
	FAILS(cmmmap, EEXIST, MAP(taken, PAGE, R, CM_EXACT, fd, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, CM_EXACT, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(taken + 1, PAGE, RW, CM_EXACT, -1, 0));
	FAILS(cmmmap, EEXIST, MAP(huge, PAGE, RW, CM_EXACT | CM_SUPERPAGE, -1, 0));
	FAILS(cmmmap, EEXIST, MAP(once, PAGE, RW, CM_EXACT, -1, 0));
	WORKS(MAP(once, PAGE, RW, 0, -1, 0));
	FAILS(cmmmap, EINVAL, MAP(huge + PAGE, PAGE, RW, CM_EXACT | CM_SUPERPAGE, -1, 0));
	close(fd);
}

/* What a descriptor stands for. */
static void files_of_cmmmap(void)
{
	int fd = file_new(4), reader = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int writer = open("/dev/null", O_WRONLY), folder = open("/", O_RDONLY | O_DIRECTORY);
	int sealed = memfd_create("sealed", MFD_ALLOW_SEALING), pipes[2];
	int huge = memfd_create("huge", MFD_HUGETLB);

	if (huge < 0 || pipe(pipes) || ftruncate(sealed, PAGE) ||
	    fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE))
		claims_broken("descriptors");
	WORKS(MAP(0, PAGE, RW, MAP_SHARED, fd, 0));
	FAILS(cmmmap, EINVAL, MAP(0, PAGE, RW, ANON, fd, 0));
	FAILS(cmmmap, EBADF, MAP(0, PAGE, RW, MAP_SHARED, 987, 0));
	FAILS(cmmmap, EBADF, MAP(0, PAGE, RW, MAP_SHARED, -2, 0));
	FAILS(cmmmap, EBADF, MAP(0, PAGE, RW, MAP_SHARED, INT32_MIN, 0));
	WORKS(MAP(0, PAGE, R, MAP_SHARED, reader, 0));
	FAILS(cmmmap, EACCES, MAP(0, PAGE, RW, MAP_SHARED, reader, 0));
	FAILS(cmmmap, EACCES, MAP(0, PAGE, R, MAP_PRIVATE, writer, 0));
	FAILS(cmmmap, ENODEV, MAP(0, PAGE, R, MAP_PRIVATE, folder, 0));
	FAILS(cmmmap, ENODEV, MAP(0, PAGE, R, MAP_PRIVATE, pipes[0], 0));
	WORKS(MAP(0, PAGE, R | PROT_MAX(R), MAP_SHARED, sealed, 0));
	FAILS(cmmmap, EPERM, MAP(0, PAGE, RW, MAP_SHARED, sealed, 0));
	FAILS(cmmmap, EINVAL, MAP(0, HUGE, R, MAP_SHARED | MAP_NORESERVE, huge, 0));
	FAILS_AFTER(no_descriptors(), cmmmap, EMFILE, MAP(0, PAGE, RW, CM_ALIAS, -1, 0));
	FAILS_AFTER(kernel_says(SYS_memfd_create, ENFILE), cmmmap, ENFILE,
		    MAP(0, PAGE, RW, CM_ALIAS, -1, 0));
	FAILS_AFTER(kernel_says(SYS_mmap, EAGAIN), cmmmap, EAGAIN, MAP(0, PAGE, R, 0, fd, 0));
	FAILS_AFTER(kernel_says(SYS_mmap, ENOMEM), cmmmap, ENOMEM, MAP(0, PAGE, R, 0, fd, 0));
	close(fd);
	close(reader);
	close(writer);
	close(folder);
	close(sealed);
	close(huge);
	close(pipes[0]);
	close(pipes[1]);
}

void errors_of_cmmmap(void)
{
	FAILS(cmmmap, EFAULT, cmmmap(0, PAGE, RW, 0, -1, 0, NULL));
	FAILS(cmmmap, EFAULT, cmmmap(0, 0, -1, -1, -5, -1, NULL));
	flags_of_cmmmap();
	places_of_cmmmap();
	files_of_cmmmap();
}

/* A request with one thing changed. */
#define REQUEST(change)                        \
	({                                     \
		struct cmreq r_;               \
		CMREQ_INIT(&r_, 4 * PAGE, RW); \
		struct cmreq *r = &r_;         \
		change;                        \
		cmmmapreq(&r_, &outs.cookie);  \
	})

/* What only a later library knows: it must say nothing. */
static int longer(unsigned char further)
{
	struct {
		struct cmreq r;
		unsigned char more[64];
	} now = {0};

	CMREQ_INIT(&now.r, PAGE, RW);
	now.r.size = sizeof(now);
	now.more[63] = further;
	return cmmmapreq(&now.r, &outs.cookie);
}

static void names_of_cmmmapreq(void)
{
	static const char long_name[] = "0123456789012345678901234567890123456789"
					"0123456789012345678901234567890123456789";

	WORKS(REQUEST(CMREQ_SETNAME(r, "a name (1)")));
	WORKS(REQUEST(CMREQ_SETNAME(r, long_name + 1)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, long_name)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a\\b")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a`b")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a$b")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a[b")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a]b")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a\nb")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a\x7f")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "\xc3\xa9")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETNAME(r, "a$b"); CMREQ_SETFLAGS(r, CM_ALIAS)));
}

static void files_of_cmmmapreq(void)
{
	int fd = file_new(4), writer = open("/dev/null", O_WRONLY);
	int folder = open("/", O_RDONLY | O_DIRECTORY),
	    sealed = memfd_create("s", MFD_ALLOW_SEALING);

	if (ftruncate(sealed, PAGE) || fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE))
		claims_broken("descriptors");
	WORKS(REQUEST(CMREQ_SETFD(r, fd); CMREQ_SETSHARED(r)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETFD(r, fd); CMREQ_SETNAME(r, "file")));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETFD(r, fd); CMREQ_SETFILEOFFSET(r, 1)));
	FAILS(cmmmapreq, EOVERFLOW, REQUEST(CMREQ_SETFD(r, fd); CMREQ_SETFILEOFFSET(r, LAST)));
	FAILS(cmmmapreq, EBADF, REQUEST(CMREQ_SETFD(r, 987)));
	FAILS(cmmmapreq, EACCES, REQUEST(CMREQ_SETFD(r, writer)));
	FAILS(cmmmapreq, ENODEV, REQUEST(CMREQ_SETFD(r, folder)));
	FAILS(cmmmapreq, EPERM, REQUEST(CMREQ_SETFD(r, sealed); CMREQ_SETSHARED(r)));
	FAILS_AFTER(no_descriptors(), cmmmapreq, EMFILE, REQUEST(CMREQ_SETFLAGS(r, CM_ALIAS)));
	FAILS_AFTER(kernel_says(SYS_memfd_create, ENFILE), cmmmapreq, ENFILE,
		    REQUEST(CMREQ_SETFLAGS(r, CM_ALIAS)));
	FAILS_AFTER(kernel_says(SYS_mmap, EAGAIN), cmmmapreq, EAGAIN, REQUEST(CMREQ_SETFD(r, fd)));
	close(fd);
	close(writer);
	close(folder);
	close(sealed);
}

void errors_of_cmmmapreq(void)
{
	unsigned char *taken = region_at(region_new(PAGE, RW, 0));
	struct cmreq good;

	CMREQ_INIT(&good, PAGE, RW);
	FAILS(cmmmapreq, EFAULT, cmmmapreq(NULL, &outs.cookie));
	FAILS(cmmmapreq, EFAULT, cmmmapreq(&good, NULL));
	FAILS(cmmmapreq, EFAULT, cmmmapreq(NULL, NULL));
	WORKS(REQUEST((void)r));
	FAILS(cmmmapreq, EINVAL, REQUEST(r->size = 0));
	FAILS(cmmmapreq, EINVAL, REQUEST(r->size--));
	WORKS(longer(0));
	FAILS(cmmmapreq, EINVAL, longer(1));
	FAILS(cmmmapreq, EINVAL, REQUEST(r->zero = 1));
	FAILS(cmmmapreq, EINVAL, REQUEST(r->len = 0));
	FAILS(cmmmapreq, ENOMEM, REQUEST(r->len = ~0ul));
	WORKS(REQUEST(CMREQ_SETMAX(r, RW)));
	WORKS(REQUEST(r->prot = 0; CMREQ_SETMAX(r, 0)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETMAX(r, 0)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETMAX(r, R)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETMAX(r, 8 | RW)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETMAX(r, -2)));
	FAILS(cmmmapreq, ENOTSUP, REQUEST(r->prot = RWX));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETFLAGS(r, MAP_FIXED)));
	FAILS(cmmmapreq, EEXIST, REQUEST(CMREQ_SETFLAGS(r, CM_EXACT); CMREQ_SETHINT(r, taken)));
	WORKS(REQUEST(CMREQ_SETMAPOFFSET(r, 3 * PAGE)));
	FAILS(cmmmapreq, ERANGE, REQUEST(CMREQ_SETMAPOFFSET(r, 4 * PAGE)));
	FAILS(cmmmapreq, ERANGE, REQUEST(CMREQ_SETMAPOFFSET(r, -PAGE)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETMAPOFFSET(r, 1)));
	FAILS(cmmmapreq, EINVAL,
	      REQUEST(CMREQ_SETMAPOFFSET(r, PAGE); CMREQ_SETFLAGS(r, CM_RESERVE)));
	FAILS(cmmmapreq, EINVAL,
	      REQUEST(CMREQ_SETMAPOFFSET(r, PAGE); CMREQ_SETFLAGS(r, CM_SUPERPAGE)));
	FAILS(cmmmapreq, EINVAL, REQUEST(CMREQ_SETMAPOFFSET(r, PAGE); CMREQ_SETFLAGS(r, CM_ROUND)));
	names_of_cmmmapreq();
	files_of_cmmmapreq();
}
