/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/cookie_widen.h"

#include <dirent.h>
#include <fcntl.h>

/*
 * Past what cmrestrict(3), cmandperm(3) and a maximum leave:
 *
 *   operations  each operation, given up and asked back by cmrestrict
 *   allowance   what cmgetcap(3) may hand out, asked back by cmandperm
 *   protect     cmprotect(3) beyond the maximum · getcap: a second view
 *   submap      writable memory mapped into a region that is to be read only · refill: where there
 *               was other memory before
 *   submap_max submap_request   with a wider maximum of its own, in `prot` and in the request
 *   request     bytes behind what the library knows of a request
 *   fixed submap_hint   an address of somebody else's, by flags that mean more to mmap(2)
 *   exact       CM_EXACT there
 *   descriptor  one for the memory of a region that is to be read only
 *   map_files   the same, by what /proc has of a mapping
 */

#define RO(prot) (PROT_READ | PROT_MAX(prot))

static struct cookie_region read_only(bool bounded, int flags)
{
	return cookie_region(2, bounded ? RO(PROT_READ) : PROT_READ, flags);
}

/* ---- operations ---------------------------------------------------------------------------- */

static int operate(const struct cookie_region *r, cm_ops_t op)
{
	unsigned char vec[2];
	struct cm_stat st;
	void *p;

	switch (op) {
	case CM_OP_GETPTR:
		return cmgetptr(r->cookie, &p);
	case CM_OP_GETCAP:
		return cmgetcap(r->cookie, &p, PROT_READ);
	case CM_OP_ANDPERM:
		return cmandperm(r->cookie, PROT_READ, NULL);
	case CM_OP_SUBMAP:
		return cmsubmap(r->cookie, 0, r->len, ATTACK_RW, 0, -1, 0);
	case CM_OP_PROTECT:
		return cmprotect(r->cookie, 0, r->len, ATTACK_RW);
	case CM_OP_UNMAP:
		return cmunmap(r->cookie, 0, r->len);
	case CM_OP_ADVISE:
		return cmadvise(r->cookie, 0, r->len, MADV_DONTNEED);
	case CM_OP_SYNC:
		return cmsync(r->cookie, 0, r->len, MS_SYNC);
	case CM_OP_INCORE:
		return cmincore(r->cookie, 0, r->len, vec);
	case CM_OP_INHERIT:
		return cminherit(r->cookie, 0, r->len, CM_INHERIT_ZERO);
	case CM_OP_SEAL:
		return cmseal(r->cookie, 0, r->len, CM_SEAL_PROT);
	case CM_OP_STAT:
		return cmstat(r->cookie, 0, &st);
	case CM_OP_CLOSE:
		return cmclose(r->cookie, CM_CLOSE_UNMAP);
	default:
		return cmrevoke(r->cookie);
	}
}

/* Each alone; in a loop all must be refused. */
static void operations(bool bounded)
{
	unsigned refused = 0, n = 0;

	for (cm_ops_t op = 1; op & CM_OP_ALL; op <<= 1, n++) {
		struct cookie_region r = cookie_region(2, PROT_READ, 0);

		cookie_must(cmrestrict(r.cookie, bounded ? ~op : CM_OP_ALL, NULL), "cmrestrict");
		cookie_must(cmrestrict(r.cookie, ~(cm_ops_t)0, NULL), "cmrestrict");
		refused += operate(&r, op) && errno == EPERM;
	}
	if (refused == n)
		attack_refused("operation");
	if (refused && !bounded)
		attack_broken("operation");
}

/* ---- rights -------------------------------------------------------------------------------- */

static void allowance(bool bounded)
{
	struct cookie_region r = cookie_region(2, ATTACK_RW, CM_ALIAS);
	void *p;

	cookie_must(cmandperm(r.cookie, bounded ? PROT_READ : ATTACK_RWX, NULL), "cmandperm");
	cookie_must(cmandperm(r.cookie, ATTACK_RWX, NULL), "cmandperm");
	cookie_try(cmgetcap(r.cookie, &p, ATTACK_RW), "cmgetcap");
	*(char *)p = 1;
}

static void protect(bool bounded)
{
	struct cookie_region r = read_only(bounded, 0);

	cookie_try(cmprotect(r.cookie, 0, ATTACK_PAGE, ATTACK_RW), "cmprotect");
	*r.at = 1;
}

static void getcap(bool bounded)
{
	struct cookie_region r = read_only(bounded, CM_ALIAS);
	void *p;

	cookie_try(cmgetcap(r.cookie, &p, ATTACK_RW), "cmgetcap");
	*(char *)p = 1;
	if (*r.at != 1)
		attack_broken("view");
}

static void submap(bool bounded)
{
	struct cookie_region r = read_only(bounded, CM_RESERVE);

	cookie_try(cmsubmap(r.cookie, 0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0), "cmsubmap");
	*r.at = 1;
}

static void refill(bool bounded)
{
	struct cookie_region r = read_only(bounded, 0);

	cookie_must(cmunmap(r.cookie, 0, ATTACK_PAGE), "cmunmap");
	cookie_try(cmsubmap(r.cookie, 0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0), "cmsubmap");
	*r.at = 1;
}

static void submap_max(bool bounded)
{
	struct cookie_region r = read_only(bounded, CM_RESERVE);

	cookie_must(cmsubmap(r.cookie, 0, ATTACK_PAGE, RO(ATTACK_RWX), 0, -1, 0), "cmsubmap");
	cookie_try(cmprotect(r.cookie, 0, ATTACK_PAGE, ATTACK_RW), "cmprotect");
	*r.at = 1;
}

static void submap_request(bool bounded)
{
	struct cookie_region r = read_only(bounded, CM_RESERVE);
	struct cmreq req;

	CMREQ_INIT(&req, ATTACK_PAGE, PROT_READ);
	CMREQ_SETMAX(&req, ATTACK_RWX);
	cookie_must(cmsubmap(r.cookie, &req), "cmsubmap");
	cookie_try(cmprotect(r.cookie, 0, ATTACK_PAGE, ATTACK_RW), "cmprotect");
	*r.at = 1;
}

/* ---- what is asked for --------------------------------------------------------------------- */

/* What a later version might mean by it is not passed over. */
static void request(bool bounded)
{
	union {
		struct cmreq req;
		char bytes[sizeof(struct cmreq) + 64];
	} u;
	cm_t c;

	memset(&u, 0, sizeof(u));
	CMREQ_INIT(&u.req, ATTACK_PAGE, PROT_READ);
	u.req.size = sizeof(u);
	u.bytes[sizeof(u) - 1] = bounded;
	cookie_try(cmmmap(&u.req, &c), "cmmmap");
}

/* Somebody else's page; whether it is still his is the answer. */
static char *victim(void)
{
	return memset(attack_page(ATTACK_RW, ATTACK_ANON), 7, ATTACK_PAGE);
}

static void lost(const char *p, int r, const char *step)
{
	if (*(const volatile char *)p == 7)
		cookie_try(r ? r : (errno = EEXIST, -1), step);
}

static int map_over(char *p, int flags)
{
	return mmap(p, ATTACK_PAGE, ATTACK_RW, ATTACK_ANON | flags, -1, 0) == p ? 0 : -1;
}

static void fixed(bool bounded)
{
	char *p = victim();
	cm_t c;

	lost(p,
	     bounded ? cmmmap(p, ATTACK_PAGE, ATTACK_RW, MAP_FIXED, -1, 0, &c)
		     : map_over(p, MAP_FIXED),
	     "cmmmap");
}

static void exact(bool bounded)
{
	char *p = victim();
	cm_t c;

	lost(p,
	     bounded ? cmmmap(p, ATTACK_PAGE, ATTACK_RW, CM_EXACT, -1, 0, &c)
		     : map_over(p, MAP_FIXED),
	     "cmmmap");
}

static void submap_hint(bool bounded)
{
	struct cookie_region r = cookie_region(1, ATTACK_RW, 0);
	char *p = victim();
	struct cmreq req;

	CMREQ_INIT(&req, ATTACK_PAGE, ATTACK_RW);
	CMREQ_SETHINT(&req, p);
	lost(p, bounded ? cmsubmap(r.cookie, &req) : map_over(p, MAP_FIXED), "cmsubmap");
}

/* ---- the object behind it ------------------------------------------------------------------ */

static int find_descriptor(void)
{
	DIR *d = opendir("/proc/self/fd");
	char path[300], to[300];
	struct dirent *e;

	while (d && (e = readdir(d))) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
		n = readlink(path, to, sizeof(to) - 1);
		if (n > 0 && !strncmp(to, "/memfd:cookie", 13))
			return open(path, O_RDWR | O_CLOEXEC);
	}
	errno = ENOENT;
	return -1;
}

static void write_by(const char *at, int fd, const char *step)
{
	cookie_try(fd < 0 ? -1 : 0, step);
	if (pwrite(fd, "Z", 1, 0) != 1 || *(const volatile char *)at != 'Z')
		attack_broken("pwrite");
}

static void descriptor(bool bounded)
{
	int fd = bounded ? -1 : memfd_create("cookie", MFD_CLOEXEC);
	struct cookie_region r = {0};

	if (bounded)
		r = read_only(true, CM_ALIAS);
	else if (!ftruncate(fd, ATTACK_PAGE))
		r.at = mmap(NULL, ATTACK_PAGE, PROT_READ, MAP_SHARED, fd, 0);
	write_by(r.at, find_descriptor(), "open");
}

static void map_files(bool bounded)
{
	struct cookie_region r = read_only(bounded, CM_ALIAS);
	char path[80];

	snprintf(path, sizeof(path), "/proc/self/map_files/%lx-%lx", (unsigned long)r.at,
		 (unsigned long)r.at + r.len);
	write_by(r.at, open(path, O_RDWR | O_CLOEXEC), "open");
}

const struct widen widen_all[] = {
	{"operations", operations},
	{"allowance", allowance},
	{"protect", protect},
	{"getcap", getcap},
	{"submap", submap},
	{"refill", refill},
	{"submap_max", submap_max},
	{"submap_request", submap_request},
	{"request", request},
	{"fixed", fixed},
	{"exact", exact},
	{"submap_hint", submap_hint},
	{"descriptor", descriptor},
	{"map_files", map_files},
	{NULL, NULL},
};
