/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/calls.h"

#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"

/*
 * The functions in a table, for the tests that try each of them: rights, stale cookies, signal
 * handlers, forks. Out-parameters of failing calls are watched here: all of them are in `outs`.
 */

_Thread_local struct outs outs;

#define UNTOUCHED 0xa5

void outs_reset(void)
{
	memset(&outs, UNTOUCHED, sizeof(outs));
}

_Bool outs_untouched(void)
{
	const unsigned char *p = (const unsigned char *)&outs;

	for (size_t i = 0; i < sizeof(outs); i++)
		if (p[i] != UNTOUCHED)
			return 0;
	return 1;
}

static int range_submap(cm_t c, size_t offset, size_t len)
{
	return cmsubmap(c, offset, len, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int range_csubmap(cm_t c, size_t offset, size_t len)
{
	return csubmap(c, offset, len, RW, 0, -1, 0);
}

static int range_submapreq(cm_t c, size_t offset, size_t len)
{
	struct cmreq req;

	CMREQ_INIT(&req, len, RW);
	CMREQ_SETMAPOFFSET(&req, offset);
	return cmsubmapreq(c, &req);
}

static int range_protect(cm_t c, size_t offset, size_t len)
{
	return cmprotect(c, offset, len, PROT_READ);
}

static int range_advise(cm_t c, size_t offset, size_t len)
{
	return cmadvise(c, offset, len, MADV_NORMAL);
}

static int range_sync(cm_t c, size_t offset, size_t len)
{
	return cmsync(c, offset, len, MS_SYNC);
}

static int range_incore(cm_t c, size_t offset, size_t len)
{
	return cmincore(c, offset, len, outs.vec);
}

static int range_inherit(cm_t c, size_t offset, size_t len)
{
	return cminherit(c, offset, len, CM_INHERIT_ZERO);
}

static int range_seal(cm_t c, size_t offset, size_t len)
{
	return cmseal(c, offset, len, CM_SEAL_MOVE);
}

const struct range_call range_calls[] = {
	{"cmsubmap", range_submap}, {"csubmap", range_csubmap},   {"cmsubmapreq", range_submapreq},
	{"cmunmap", cmunmap},       {"cmprotect", range_protect}, {"cmadvise", range_advise},
	{"cmsync", range_sync},     {"cmincore", range_incore},   {"cminherit", range_inherit},
	{"cmseal", range_seal},
};

const size_t n_range_calls = COUNT(range_calls);

static int make_getptr(cm_t c)
{
	return cmgetptr(c, &outs.ptr);
}

static int make_getcap(cm_t c)
{
	return cmgetcap(c, &outs.ptr, RW);
}

static int make_andperm(cm_t c)
{
	return cmandperm(c, RW, &outs.perms);
}

static int make_restrict(cm_t c)
{
	return cmrestrict(c, CM_OP_ALL, &outs.ops);
}

static int make_submap(cm_t c)
{
	return range_submap(c, PAGE, PAGE);
}

static int make_csubmap(cm_t c)
{
	return range_csubmap(c, PAGE, PAGE);
}

static int make_submapreq(cm_t c)
{
	return range_submapreq(c, PAGE, PAGE);
}

static int make_unmap(cm_t c)
{
	return cmunmap(c, PAGE, PAGE);
}

static int make_protect(cm_t c)
{
	return range_protect(c, PAGE, PAGE);
}

static int make_advise(cm_t c)
{
	return range_advise(c, PAGE, PAGE);
}

static int make_sync(cm_t c)
{
	return range_sync(c, PAGE, PAGE);
}

static int make_incore(cm_t c)
{
	return range_incore(c, 0, CALL_BYTES);
}

static int make_inherit(cm_t c)
{
	return cminherit(c, 0, CALL_BYTES, CM_INHERIT_NONE);
}

static int make_seal(cm_t c)
{
	return range_seal(c, PAGE, PAGE);
}

static int make_stat(cm_t c)
{
	return cmstat(c, 0, &outs.stat);
}

static int make_close(cm_t c)
{
	return cmclose(c, CM_CLOSE_UNMAP);
}

const struct call calls[] = {
	{"cmgetptr", CM_OP_GETPTR, make_getptr},
	{"cmgetcap", CM_OP_GETCAP, make_getcap},
	{"cmandperm", CM_OP_ANDPERM, make_andperm},
	{"cmrestrict", 0, make_restrict},
	{"cmsubmap", CM_OP_SUBMAP, make_submap},
	{"csubmap", CM_OP_SUBMAP, make_csubmap},
	{"cmsubmapreq", CM_OP_SUBMAP, make_submapreq},
	{"cmprotect", CM_OP_PROTECT, make_protect},
	{"cmunmap", CM_OP_UNMAP, make_unmap},
	{"cmadvise", CM_OP_ADVISE, make_advise},
	{"cmsync", CM_OP_SYNC, make_sync},
	{"cmincore", CM_OP_INCORE, make_incore},
	{"cminherit", CM_OP_INHERIT, make_inherit},
	{"cmseal", CM_OP_SEAL, make_seal},
	{"cmstat", CM_OP_STAT, make_stat},
	{"cmclose", CM_OP_CLOSE, make_close},
	{"cmrevoke", CM_OP_REVOKE, cmrevoke},
};

const size_t n_calls = COUNT(calls);
