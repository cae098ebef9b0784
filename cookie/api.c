/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/api.h"

#include <errno.h>
#include <sys/mman.h>
#include "cookie/calls.h"

/*
 * The functions of include/cookiemap.h as programs call them. Each passes the call on to the
 * library that serves this one, if one does, or makes it; and converts the error once. On success
 * errno is left alone.
 *
 * Whoever calls is known by the return address, so it is taken here and nowhere deeper.
 *
 * Context: after ld.so has relocated the library. See mutex.c on waiting, signal handlers and
 * forks.
 */

#define CALLER ((uint64_t)__builtin_return_address(0))

/* Where another library has the table. It is asked by a jump, so that it knows the caller too. */
#define SERVE(name, ...)                                       \
	do {                                                   \
		const struct cookie_calls *by = cookie_served; \
		if (by)                                        \
			return by->name(__VA_ARGS__);          \
	} while (0)

static inline int result(int r)
{
	if (__builtin_expect(r < 0, 0)) {
		errno = -r;
		return -1;
	}
	return r;
}

static struct cmreq request(size_t len, int prot, int flags, int fd, off_t offset)
{
	return (struct cmreq){
		.size = sizeof(struct cmreq),
		.prot = prot,
		.max = -1,
		.flags = flags,
		.fd = fd,
		.len = len,
		.file_offset = offset,
	};
}

API_EXPORT int cmmmap(cm_vaddr_t hint, size_t len, int prot, int flags, int fd, off_t offset,
		      cm_t *cookiep)
{
	struct cmreq req = request(len, prot, flags, fd, offset);

	SERVE(cmmmap, hint, len, prot, flags, fd, offset, cookiep);
	req.hint = hint;
	return result(cookie_map(CALLER, &req, cookiep));
}

API_EXPORT int cmmmapreq(struct cmreq *req, cm_t *cookiep)
{
	SERVE(cmmmapreq, req, cookiep);
	return result(cookie_map(CALLER, req, cookiep));
}

API_EXPORT int cmsubmap(cm_t cookie, size_t mem_offset, size_t len, int prot, int flags, int fd,
			off_t offset)
{
	struct cmreq req = request(len, prot, flags, fd, offset);

	SERVE(cmsubmap, cookie, mem_offset, len, prot, flags, fd, offset);
	req.map_offset = mem_offset;
	return result(cookie_submap(CALLER, cookie, &req));
}

API_EXPORT int csubmap(cm_t cookie, size_t mem_offset, size_t len, int prot, int flags, int fd,
		       off_t offset) __attribute__((alias("cmsubmap")));

API_EXPORT int cmsubmapreq(cm_t cookie, const struct cmreq *req)
{
	SERVE(cmsubmapreq, cookie, req);
	return result(cookie_submap(CALLER, cookie, req));
}

API_EXPORT int cmunmap(cm_t cookie, size_t offset, size_t len)
{
	SERVE(cmunmap, cookie, offset, len);
	return result(cookie_unmap(CALLER, cookie, offset, len));
}

API_EXPORT int cmclose(cm_t cookie, int flags)
{
	SERVE(cmclose, cookie, flags);
	return result(cookie_close(CALLER, cookie, flags));
}

API_EXPORT int cmrevoke(cm_t cookie)
{
	SERVE(cmrevoke, cookie);
	return result(cookie_revoke(CALLER, cookie));
}

API_EXPORT int cmgetptr(cm_t cookie, void **ptrp)
{
	uint64_t start;
	int r;

	SERVE(cmgetptr, cookie, ptrp);
	r = slot_peek(cookie, CM_OP_GETPTR, &start);
	if (!r && !ptrp)
		r = -EFAULT;
	if (!r)
		*ptrp = (void *)start;
	return result(r);
}

API_EXPORT int cmgetcap(cm_t cookie, void **ptrp, cm_perm_t perms)
{
	SERVE(cmgetcap, cookie, ptrp, perms);
	return result(cookie_getcap(CALLER, cookie, ptrp, perms));
}

API_EXPORT int cmandperm(cm_t cookie, cm_perm_t perms, cm_perm_t *oldp)
{
	SERVE(cmandperm, cookie, perms, oldp);
	return result(cookie_andperm(CALLER, cookie, perms, oldp));
}

API_EXPORT int cmrestrict(cm_t cookie, cm_ops_t ops, cm_ops_t *oldp)
{
	SERVE(cmrestrict, cookie, ops, oldp);
	return result(cookie_restrict(CALLER, cookie, ops, oldp));
}

API_EXPORT int cmstat(cm_t cookie, size_t index, struct cm_stat *st)
{
	SERVE(cmstat, cookie, index, st);
	return result(cookie_stat(CALLER, cookie, index, st));
}

API_EXPORT int cmprotect(cm_t cookie, size_t offset, size_t len, int prot)
{
	SERVE(cmprotect, cookie, offset, len, prot);
	return result(cookie_protect(CALLER, cookie, offset, len, prot));
}

API_EXPORT int cmadvise(cm_t cookie, size_t offset, size_t len, int advice)
{
	SERVE(cmadvise, cookie, offset, len, advice);
	return result(cookie_advise(CALLER, cookie, offset, len, advice));
}

API_EXPORT int cmsync(cm_t cookie, size_t offset, size_t len, int flags)
{
	SERVE(cmsync, cookie, offset, len, flags);
	return result(cookie_sync(CALLER, cookie, offset, len, flags));
}

API_EXPORT int cmincore(cm_t cookie, size_t offset, size_t len, unsigned char *vec)
{
	SERVE(cmincore, cookie, offset, len, vec);
	return result(cookie_incore(CALLER, cookie, offset, len, vec));
}

API_EXPORT int cminherit(cm_t cookie, size_t offset, size_t len, int inherit)
{
	SERVE(cminherit, cookie, offset, len, inherit);
	return result(cookie_inherit(CALLER, cookie, offset, len, inherit));
}

API_EXPORT int cmseal(cm_t cookie, size_t offset, size_t len, int seals)
{
	SERVE(cmseal, cookie, offset, len, seals);
	return result(cookie_seal(CALLER, cookie, offset, len, seals));
}

API_EXPORT int cmmemfd(const char *name, int flags)
{
	SERVE(cmmemfd, name, flags);
	return result(cookie_memfd(name, flags));
}
