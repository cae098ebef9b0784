/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/cookie_hold.h"

#include "tests/escape/attacks/cookie.h"

/* Memory by its cookie, and by its address; see cookie_hold.h. */

#define SLOT_BITS 22 /* of a cookie: which slot */
#define NEAR      64

static bool cookies;

void hold_by(const char *name)
{
	cookies = attack_is(name, "cookie");
	if (!cookies && !attack_is(name, "pointer"))
		attack_broken("usage");
}

/* One page, and its value. */
uint64_t hold_new(void)
{
	return cookies ? cookie_region(1, ATTACK_RW, 0).cookie
		       : (uint64_t)attack_page(ATTACK_RW, ATTACK_ANON);
}

char *hold_at(uint64_t value)
{
	return cookies ? cookie_pointer(value) : (char *)value;
}

/* Ends it, in one of two ways; somebody else may have done so. */
void hold_end(uint64_t value, int how)
{
	if (!cookies)
		munmap((void *)value, ATTACK_PAGE);
	else if (how & 1)
		cmrevoke(value);
	else
		cmclose(value, CM_CLOSE_UNMAP);
}

static bool reaches(int r)
{
	return r == 0 || errno != EBADF;
}

/* Whether a value means something to any function of the interface. */
static bool any_reaches(cm_t c)
{
	unsigned char vec[1];
	struct cm_stat st;
	cm_ops_t ops;
	int perms;
	void *p;

	return reaches(cmgetptr(c, &p)) || reaches(cmgetcap(c, &p, PROT_READ)) ||
	       reaches(cmandperm(c, PROT_READ, &perms)) || reaches(cmrestrict(c, 0, &ops)) ||
	       reaches(cmstat(c, 0, &st)) || reaches(cmprotect(c, 0, ATTACK_PAGE, PROT_NONE)) ||
	       reaches(cmadvise(c, 0, ATTACK_PAGE, MADV_DONTNEED)) ||
	       reaches(cmsync(c, 0, ATTACK_PAGE, MS_ASYNC)) ||
	       reaches(cmincore(c, 0, ATTACK_PAGE, vec)) ||
	       reaches(cminherit(c, 0, ATTACK_PAGE, CM_INHERIT_ZERO)) ||
	       reaches(cmseal(c, 0, ATTACK_PAGE, CM_SEAL_PROT)) ||
	       reaches(cmsubmap(c, 0, ATTACK_PAGE, PROT_READ, 0, -1, 0)) ||
	       reaches(cmunmap(c, 0, ATTACK_PAGE)) || reaches(cmrevoke(c)) ||
	       reaches(cmclose(c, CM_CLOSE_UNMAP));
}

/* Whether a call by this value gets at memory. */
bool hold_reach(uint64_t value)
{
	return cookies ? any_reaches(value) : hold_reach_fast(value);
}

bool hold_reach_fast(uint64_t value)
{
	void *p;

	return cookies ? reaches(cmgetptr(value, &p))
		       : msync((void *)value, ATTACK_PAGE, MS_ASYNC) == 0;
}

static void spoil_cookie(cm_t c, unsigned how)
{
	switch (how % 6) {
	case 0:
		cmunmap(c, 0, ATTACK_PAGE);
		break;
	case 1:
		cmsubmap(c, 0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0);
		break;
	case 2:
		cmadvise(c, 0, ATTACK_PAGE, MADV_DONTNEED);
		break;
	case 3:
		cmprotect(c, 0, ATTACK_PAGE, PROT_NONE);
		break;
	case 4:
		cmclose(c, CM_CLOSE_UNMAP);
		break;
	default:
		cmrevoke(c);
	}
}

/* Does some harm by this value, if there is anything. */
void hold_spoil(uint64_t value, unsigned how)
{
	if (cookies)
		spoil_cookie(value, how);
	else if (how & 1)
		munmap((void *)value, ATTACK_PAGE);
	else
		madvise((void *)value, ATTACK_PAGE, MADV_DONTNEED);
}

/* A guess at another live value; `n` is random. */
uint64_t hold_near(uint64_t value, uint64_t n)
{
	if (!cookies)
		return value + (n % NEAR - NEAR / 2) * ATTACK_PAGE;
	if (n & 1)
		return n; /* anything */
	return n << (SLOT_BITS - 1) | (value & ((1u << SLOT_BITS) - 1));
}

/* What values that follow each other would differ by. */
uint64_t hold_step(void)
{
	return cookies ? 1 : ATTACK_PAGE;
}
