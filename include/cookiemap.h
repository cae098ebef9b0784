/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COOKIEMAP_H
#define COOKIEMAP_H

/*
 * cookiemap's interface for C and C++ programs: regions of memory that are known by a cookie. A
 * program maps into a region, changes, seals, describes and closes it by the cookie and an offset,
 * so that no call can reach what is not its own. See cmmmap(3).
 *
 * Link with -lcookiemap (pkg-config cookiemap). The library works alone; in a program that runs
 * under cookiemap the interposer serves it, and holds the rest of the program to it.
 *
 * Every function returns 0, or -1 with errno; what it hands out is written on success only. Offsets
 * are in bytes from the region's start and multiples of a page, lengths are rounded up to one.
 *
 * The idea is Brooks Davis's ("Cookie map: an alternative mmap() API", BSDCam 2017), as are most of
 * the names.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t cm_t;        /* a cookie; 0 is none */
typedef uintptr_t cm_vaddr_t; /* an address as a wish */
typedef uint32_t cm_ops_t;    /* CM_OP_* */
typedef int cm_perm_t;        /* PROT_READ | PROT_WRITE | PROT_EXEC */

/* In `prot` of cmmmap() and cmsubmap(): no more than this, ever (as in FreeBSD's mmap(2)). */
#ifndef PROT_MAX
#define PROT_MAX(prot) ((prot) << 16)
#endif

/* Flags of cmmmap() and cmsubmap(), beside these of mmap(2): MAP_PRIVATE (what holds where nothing
 * is said), MAP_SHARED, MAP_ANONYMOUS, MAP_NORESERVE, MAP_POPULATE. */
#define CM_RESERVE   0x08000000 /* address space only; cmsubmap() fills it */
#define CM_EXACT     0x00400000 /* at the hint, or EEXIST */
#define CM_SUPERPAGE 0x00800000 /* aligned to, and made of, superpages where there are any */
#define CM_ROUND     0x01000000 /* the length may grow to whole superpages; cmstat() tells it */
#define CM_NOREUSE   0x02000000 /* once closed, its addresses are never used again */
#define CM_SEALED    0x04000000 /* with CM_SEAL_ALL from the start */
#define CM_SHARE     0x00200000 /* shared memory that is meant to be shared with others */
#define CM_ALIAS     0x20000000 /* memory that cmgetcap() can give a second view of */

/* Operations that cmrestrict() may leave a cookie. */
#define CM_OP_GETPTR  0x0001u
#define CM_OP_GETCAP  0x0002u
#define CM_OP_ANDPERM 0x0004u
#define CM_OP_SUBMAP  0x0008u
#define CM_OP_PROTECT 0x0010u
#define CM_OP_UNMAP   0x0020u
#define CM_OP_ADVISE  0x0040u
#define CM_OP_SYNC    0x0080u
#define CM_OP_INCORE  0x0100u
#define CM_OP_INHERIT 0x0200u
#define CM_OP_SEAL    0x0400u
#define CM_OP_STAT    0x0800u
#define CM_OP_CLOSE   0x1000u
#define CM_OP_REVOKE  0x2000u
#define CM_OP_ALL     0x3fffu

/* What a fork child gets of a range: cminherit(), with the values of minherit(2). */
#define CM_INHERIT_SHARE 0 /* the same memory; what holds for shared mappings */
#define CM_INHERIT_COPY  1 /* a copy of its own; what holds for private mappings */
#define CM_INHERIT_NONE  2 /* nothing, nor the cookie; the whole of a region only */
#define CM_INHERIT_ZERO  3 /* zeroes; private anonymous memory only */

#define CM_CLOSE_UNMAP                                                            \
	0x1 /* cmclose(): every pointer ever given out is unmapped; or CM_NOREUSE \
	     */

/*
 * Seals: what may not be done to a range of memory any more. A seal never comes off; asking again
 * adds to what there is.
 */
#define CM_SEAL_PROT      0x01 /* its protection stays */
#define CM_SEAL_UNMAP     0x02 /* it is not unmapped */
#define CM_SEAL_REPLACE   0x04 /* nothing is mapped over it */
#define CM_SEAL_MOVE      0x08 /* it is not moved or resized */
#define CM_SEAL_DISCARD   0x10 /* its content is not discarded */
#define CM_SEAL_DOWNGRADE 0x20 /* rights may be taken away, it may be unmapped, nothing else */
#define CM_SEAL_ALL \
	(CM_SEAL_PROT | CM_SEAL_UNMAP | CM_SEAL_REPLACE | CM_SEAL_MOVE | CM_SEAL_DISCARD)

/*
 * A request: what cmmmap() and cmsubmap() take instead of single arguments. Filled by CMREQ_INIT()
 * and the other CMREQ_*(), since it may grow.
 */
struct cmreq {
	uint32_t size; /* of the structure, as its user knows it */
	int prot;
	int max; /* PROT_* that are the most it may ever have; -1: whatever `prot` says of it */
	int flags;
	int fd;   /* -1: anonymous memory */
	int zero; /* must be 0 */
	size_t len;
	cm_vaddr_t hint;
	size_t map_offset; /* where in the region the mapping begins; before it all is reserved */
	off_t file_offset;
	const char *name; /* NULL, or what the memory is called (memfd_create(2), PR_SET_VMA) */
	cm_t cookie;      /* written by cmmmap() */
};

/* What backs a submap. */
#define CM_KIND_RESERVED 0 /* nothing yet */
#define CM_KIND_ANON     1
#define CM_KIND_FILE     2 /* what a descriptor stood for: a file, a memfd, a device */
#define CM_KIND_ALIAS    3 /* the region's own memory object, see CM_ALIAS */
#define CM_KIND_LOST     4 /* mapped away behind the cookie's back */

#define CM_STAT_RESIDENT \
	((size_t)1 << (sizeof(size_t) * 8 - 1)) /* in cmstat()'s index: count pages */
#define CM_STAT_UNKNOWN ((size_t)-1)

/* One submap of a region. Offsets and lengths in bytes, never addresses. */
struct cm_stat {
	size_t offset;
	size_t len;
	size_t region_len; /* of the whole region */
	size_t resident;   /* pages in memory; CM_STAT_UNKNOWN unless asked for */
	size_t dirty;      /* pages that differ from what backs them; likewise, or where the kernel
			      does not tell */
	int prot;
	int max;
	int flags;   /* MAP_SHARED or MAP_PRIVATE, MAP_ANONYMOUS, CM_RESERVE, CM_SHARE; and of the
			region CM_SUPERPAGE, CM_NOREUSE, CM_ALIAS */
	int inherit; /* CM_INHERIT_* */
	int seals;   /* CM_SEAL_* */
	int kind;    /* CM_KIND_* */
	int perms;   /* what cmgetcap() may hand out */
	cm_ops_t ops;
	size_t zero[4];
};

int cmmmap(cm_vaddr_t hint, size_t len, int prot, int flags, int fd, off_t offset, cm_t *cookiep);
int cmmmapreq(struct cmreq *req, cm_t *cookiep);
int cmsubmap(cm_t cookie, size_t mem_offset, size_t len, int prot, int flags, int fd, off_t offset);
int cmsubmapreq(cm_t cookie, const struct cmreq *req);
int csubmap(cm_t cookie, size_t mem_offset, size_t len, int prot, int flags, int fd, off_t offset);
int cmunmap(cm_t cookie, size_t offset, size_t len);
int cmclose(cm_t cookie, int flags);
int cmrevoke(cm_t cookie);

int cmgetptr(cm_t cookie, void **ptrp);
int cmgetcap(cm_t cookie, void **ptrp, cm_perm_t perms);
int cmandperm(cm_t cookie, cm_perm_t perms, cm_perm_t *oldp);
int cmrestrict(cm_t cookie, cm_ops_t ops, cm_ops_t *oldp);
int cmstat(cm_t cookie, size_t index, struct cm_stat *st);

int cmprotect(cm_t cookie, size_t offset, size_t len, int prot);
int cmadvise(cm_t cookie, size_t offset, size_t len, int advice);
int cmsync(cm_t cookie, size_t offset, size_t len, int flags);
int cmincore(cm_t cookie, size_t offset, size_t len, unsigned char *vec);
int cminherit(cm_t cookie, size_t offset, size_t len, int inherit);
int cmseal(cm_t cookie, size_t offset, size_t len, int seals);

/* memfd_create(2); CM_SHARE says that others are meant to map it. */
int cmmemfd(const char *name, int flags);

/*
 * Seals whole pages by their address: all of the range or, where a part of it is not mapped
 * (ENOMEM), none. Defined by the interposer only: see cmsealrange(3).
 *
 * Return: 0, or -1 with errno: EINVAL (the address is no multiple of a page, the length wraps, no
 * or unknown seals), ENOMEM (that, or there is no memory to remember it in), EPERM (memory in which
 * flip serves generated code, or that a cookie names: see cmseal(3)), ENOSYS (nobody is there to
 * keep it).
 */
int cmsealrange(void *addr, size_t len, int seals);

/*
 * As OpenBSD has it: all that is mapped in the pages that hold the range is sealed, with
 * CM_SEAL_ALL. What is not mapped is passed over. Defined by the interposer only.
 *
 * Return: 0, or -1 with errno: EINVAL (the range wraps), EPERM, ENOSYS as above.
 */
int mimmutable(void *addr, size_t len);

static inline void cmreq_init(struct cmreq *r, size_t len, int prot)
{
	r->size = (uint32_t)sizeof(*r);
	r->prot = prot;
	r->max = -1;
	r->flags = 0;
	r->fd = -1;
	r->zero = 0;
	r->len = len;
	r->hint = 0;
	r->map_offset = 0;
	r->file_offset = 0;
	r->name = NULL;
	r->cookie = 0;
}

/* The request form of cmgetptr(): the region that cmmmap() made of the request. */
static inline int cmreq_getptr(const struct cmreq *r, void **ptrp)
{
	return cmgetptr(r->cookie, ptrp);
}

#define CMREQ_INIT(r, length, protection) cmreq_init((r), (length), (protection))
#define CMREQ_SETFD(r, descriptor)        ((void)((r)->fd = (descriptor)))
#define CMREQ_SETFILEOFFSET(r, bytes)     ((void)((r)->file_offset = (bytes)))
#define CMREQ_SETMAPOFFSET(r, bytes)      ((void)((r)->map_offset = (bytes)))
#define CMREQ_SETSHARED(r)                ((void)((r)->flags |= 0x01 /* MAP_SHARED */))
#define CMREQ_SETMAX(r, protection)       ((void)((r)->max = (protection)))
#define CMREQ_SETFLAGS(r, more)           ((void)((r)->flags |= (more)))
#define CMREQ_SETHINT(r, address)         ((void)((r)->hint = (cm_vaddr_t)(address)))
#define CMREQ_SETNAME(r, string)          ((void)((r)->name = (string)))

#ifdef __cplusplus
}

/* Either form by the same name; a hint may be a pointer. */
inline int cmmmap(struct cmreq *req, cm_t *cookiep)
{
	return cmmmapreq(req, cookiep);
}

template <class T>
inline int cmmmap(T hint, size_t len, int prot, int flags, int fd, off_t offset, cm_t *cookiep)
{
	return cmmmap((cm_vaddr_t)hint, len, prot, flags, fd, offset, cookiep);
}

inline int cmsubmap(cm_t cookie, const struct cmreq *req)
{
	return cmsubmapreq(cookie, req);
}

inline int csubmap(cm_t cookie, const struct cmreq *req)
{
	return cmsubmapreq(cookie, req);
}

template <class R> inline int cmgetptr(R *req, void **ptrp)
{
	return cmreq_getptr(req, ptrp);
}

#else

/* The same in C, by the number of arguments: two are a request. */
#define CM_PICK7(a, b, c, d, e, f, g, form, ...) form
#define CM_FORM(single, request, ...) \
	CM_PICK7(__VA_ARGS__, single, single, single, single, single, request, request, 0)
#define cmmmap_single(hint, len, prot, flags, fd, offset, cookiep) \
	(cmmmap)((cm_vaddr_t)(hint), (len), (prot), (flags), (fd), (offset), (cookiep))
#define cmmmap(...)   CM_FORM(cmmmap_single, cmmmapreq, __VA_ARGS__)(__VA_ARGS__)
#define cmsubmap(...) CM_FORM((cmsubmap), cmsubmapreq, __VA_ARGS__)(__VA_ARGS__)
#define csubmap(...)  CM_FORM((csubmap), cmsubmapreq, __VA_ARGS__)(__VA_ARGS__)

#define cmgetptr(of, ptrp) \
	_Generic((of),                                  \
		struct cmreq *: cmreq_getptr,           \
		const struct cmreq *: cmreq_getptr,     \
		default: cmgetptr)((of), (ptrp))

#endif

#endif
