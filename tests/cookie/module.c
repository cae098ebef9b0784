/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/module.h"

#include <errno.h>

/*
 * A module that is linked with libcookiemap, for programs that load it in all ways there are: its
 * calls must reach the one table of cookies that the process has.
 */

static int make(size_t len, cm_t *cookiep)
{
	return cmmmap(0, len, 3, 0, -1, 0, cookiep);
}

static int at(cm_t cookie, void **ptrp)
{
	return cmgetptr(cookie, ptrp);
}

static int error(void)
{
	return errno;
}

const struct module module = {make, at, cmprotect, cmclose, error};
