/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The functions of include/cookiemap.h that both libraries define, in one list: the version
 * scripts, the table that the interposer serves libcookiemap by, and the tests come from it.
 *
 *   X(name, (parameters), (arguments))
 */

#define COOKIE_CALLS(X)                                                                            \
	X(cmmmap,                                                                                  \
	  (cm_vaddr_t hint, size_t len, int prot, int flags, int fd, off_t offset, cm_t *cookiep), \
	  (hint, len, prot, flags, fd, offset, cookiep))                                           \
	X(cmmmapreq, (struct cmreq * req, cm_t * cookiep), (req, cookiep))                         \
	X(cmsubmap,                                                                                \
	  (cm_t cookie, size_t mem_offset, size_t len, int prot, int flags, int fd, off_t offset), \
	  (cookie, mem_offset, len, prot, flags, fd, offset))                                      \
	X(cmsubmapreq, (cm_t cookie, const struct cmreq *req), (cookie, req))                      \
	X(csubmap,                                                                                 \
	  (cm_t cookie, size_t mem_offset, size_t len, int prot, int flags, int fd, off_t offset), \
	  (cookie, mem_offset, len, prot, flags, fd, offset))                                      \
	X(cmunmap, (cm_t cookie, size_t offset, size_t len), (cookie, offset, len))                \
	X(cmclose, (cm_t cookie, int flags), (cookie, flags))                                      \
	X(cmrevoke, (cm_t cookie), (cookie))                                                       \
	X(cmgetptr, (cm_t cookie, void **ptrp), (cookie, ptrp))                                    \
	X(cmgetcap, (cm_t cookie, void **ptrp, cm_perm_t perms), (cookie, ptrp, perms))            \
	X(cmandperm, (cm_t cookie, cm_perm_t perms, cm_perm_t * oldp), (cookie, perms, oldp))      \
	X(cmrestrict, (cm_t cookie, cm_ops_t ops, cm_ops_t * oldp), (cookie, ops, oldp))           \
	X(cmstat, (cm_t cookie, size_t index, struct cm_stat * st), (cookie, index, st))           \
	X(cmprotect, (cm_t cookie, size_t offset, size_t len, int prot),                           \
	  (cookie, offset, len, prot))                                                             \
	X(cmadvise, (cm_t cookie, size_t offset, size_t len, int advice),                          \
	  (cookie, offset, len, advice))                                                           \
	X(cmsync, (cm_t cookie, size_t offset, size_t len, int flags),                             \
	  (cookie, offset, len, flags))                                                            \
	X(cmincore, (cm_t cookie, size_t offset, size_t len, unsigned char *vec),                  \
	  (cookie, offset, len, vec))                                                              \
	X(cminherit, (cm_t cookie, size_t offset, size_t len, int inherit),                        \
	  (cookie, offset, len, inherit))                                                          \
	X(cmseal, (cm_t cookie, size_t offset, size_t len, int seals),                             \
	  (cookie, offset, len, seals))                                                            \
	X(cmmemfd, (const char *name, int flags), (name, flags))
