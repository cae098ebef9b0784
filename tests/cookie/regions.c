/* SPDX-License-Identifier: BSD-2-Clause */
#include <string.h>
#include "tests/cookie/claims.h"

/*
 * Regions to begin with. Separate from claims.c for the test that is not linked with the library.
 */

/* A region of anonymous memory, or of whatever else the flags say. */
cm_t region_new(size_t len, int prot, int flags)
{
	cm_t cookie;

	if (cmmmap(0, len, prot, flags, -1, 0, &cookie))
		claims_broken("cmmmap");
	return cookie;
}

/* A region of a file, from its first page. */
cm_t region_of(int fd, size_t len, int prot, int flags)
{
	cm_t cookie;

	if (cmmmap(0, len, prot, flags, fd, 0, &cookie))
		claims_broken("cmmmap of a file");
	return cookie;
}

/* Where it lies. */
unsigned char *region_at(cm_t cookie)
{
	void *at;

	if (cmgetptr(cookie, &at))
		claims_broken("cmgetptr");
	return at;
}

/* Every byte of it. */
void region_fill(cm_t cookie, size_t len, unsigned char byte)
{
	memset(region_at(cookie), byte, len);
}
