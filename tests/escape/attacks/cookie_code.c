/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Code of its own by the C interface:
 *
 *   cookie_code HOW
 *
 *   toggle   written to anonymous memory, which cmprotect(3) makes executable
 *   submap   anonymous shared memory mapped executable into a region
 *   alias    written to memory that has a second view, which may be executed
 *   named    the same, where the region has a name
 *   getcap   the same, where only cmgetcap(3) makes that view
 *   memfd    written to an object of cmmemfd(3), mapped executable
 *   refile   the same, mapped over what the region held before
 *   both     writable and executable at once, by mprotect(2) on what is the cookie's
 */

#include "tests/escape/attacks/cookie.h"

static void toggle(void)
{
	struct cookie_region r = cookie_region(1, ATTACK_RW, 0);

	attack_plant(r.at);
	cookie_try(cmprotect(r.cookie, 0, r.len, ATTACK_RX), "cmprotect");
	attack_run(r.at);
}

static void submap(void)
{
	struct cookie_region r = cookie_region(1, ATTACK_RX, CM_RESERVE);

	cookie_try(cmsubmap(r.cookie, 0, r.len, ATTACK_RX, MAP_SHARED, -1, 0), "cmsubmap");
	attack_executed();
}

static void alias_as(const char *name)
{
	struct cmreq req;
	void *w, *x;
	cm_t c;

	CMREQ_INIT(&req, ATTACK_PAGE, ATTACK_RW);
	CMREQ_SETMAX(&req, ATTACK_RWX);
	CMREQ_SETNAME(&req, name);
	cookie_try(cmmmap(&req, &c), "cmmmap");
	cookie_try(cmgetcap(c, &w, ATTACK_RW), "cmgetcap");
	cookie_try(cmgetcap(c, &x, ATTACK_RX), "cmgetcap");
	attack_plant(w);
	attack_run(x);
}

static void alias(void)
{
	alias_as(NULL);
}

static void named(void)
{
	alias_as("generated");
}

static void getcap(void)
{
	struct cookie_region r = cookie_region(1, ATTACK_RW, CM_ALIAS);
	void *x;

	attack_plant(r.at);
	cookie_try(cmgetcap(r.cookie, &x, ATTACK_RX), "cmgetcap");
	attack_run(x);
}

static int object(void)
{
	int fd = cmmemfd("object", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, ATTACK_PAGE) ||
	    pwrite(fd, attack_code, sizeof(attack_code), 0) != sizeof(attack_code))
		attack_broken("cmmemfd");
	return fd;
}

static void memfd(void)
{
	cm_t c;

	cookie_try(cmmmap(0, ATTACK_PAGE, ATTACK_RX, MAP_SHARED, object(), 0, &c), "cmmmap");
	attack_run(cookie_pointer(c));
}

static void refile(void)
{
	struct cookie_region r = cookie_region(1, ATTACK_RW, 0);

	cookie_try(cmsubmap(r.cookie, 0, r.len, ATTACK_RX, MAP_PRIVATE, object(), 0), "cmsubmap");
	attack_run(r.at);
}

static void both(void)
{
	struct cookie_region r = cookie_region(1, ATTACK_RW, 0);

	cookie_try(mprotect(r.at, r.len, ATTACK_RWX), "mprotect");
	attack_plant(r.at);
	attack_run(r.at);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} hows[] = {{"toggle", toggle}, {"submap", submap}, {"alias", alias},   {"named", named},
		    {"getcap", getcap}, {"memfd", memfd},   {"refile", refile}, {"both", both}};

	for (size_t i = 0; argc == 2 && i < sizeof(hows) / sizeof(hows[0]); i++)
		if (attack_is(argv[1], hows[i].name))
			hows[i].fn();
	attack_broken("usage");
}
