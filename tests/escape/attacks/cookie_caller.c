/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Has a library change the program's region by its address:
 *
 *   cookie_caller unmap|replace|protect
 */

#include "tests/escape/attacks/cookie.h"
#include "tests/escape/attacks/cookie_library.h"

static int change(const char *how, const struct cookie_region *r)
{
	if (attack_is(how, "unmap"))
		return cookie_library_unmap(r->at, r->len);
	if (attack_is(how, "replace"))
		return cookie_library_replace(r->at, r->len);
	if (attack_is(how, "protect"))
		return cookie_library_protect(r->at, r->len);
	attack_broken("usage");
}

int main(int argc, char **argv)
{
	struct cookie_region r = cookie_region(2, ATTACK_RW, 0);

	cookie_try(change(argc > 1 ? argv[1] : "", &r), argv[1]);
	attack_executed();
}
