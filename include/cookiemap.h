/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef COOKIEMAP_H
#define COOKIEMAP_H

/*
 * cookiemap's interface for C and C++ programs. See cmsealrange(3).
 *
 * What is declared here is defined by libcminterpose.so, in programs that run under cookiemap. A
 * program that also runs without it looks the name up: dlsym(RTLD_DEFAULT, "cmsealrange").
 */

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

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
 * Seals whole pages: all of the range or, where a part of it is not mapped (ENOMEM), none.
 *
 * Return: 0, or -1 with errno: EINVAL (the address is no multiple of a page, the length wraps, no
 * or unknown seals), ENOMEM (that, or there is no memory to remember it in), EPERM (memory in which
 * flip serves generated code), ENOSYS (nobody is there to keep it).
 */
int cmsealrange(void *addr, size_t len, int seals);

/*
 * As OpenBSD has it: all that is mapped in the pages that hold the range is sealed, with
 * CM_SEAL_ALL. What is not mapped is passed over.
 *
 * Return: 0, or -1 with errno: EINVAL (the range wraps), EPERM, ENOSYS as above.
 */
int mimmutable(void *addr, size_t len);

#ifdef __cplusplus
}
#endif

#endif
