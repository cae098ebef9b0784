/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Unmaps a region by its address, which was made by a copy of libcookiemap that the program has
 * loaded late:
 *
 *   cookie_load dlopen|deepbind|dlmopen LIBRARY
 *
 * Whichever is called, the interposer's serves it; but for one in a namespace of its own, with a
 * libc of its own, which knows nothing of the interposer.
 */

#include <dlfcn.h>
#include "include/cookiemap.h"
#include "tests/escape/attack.h"

static void *load(const char *how, const char *library)
{
	if (attack_is(how, "dlopen"))
		return dlopen(library, RTLD_NOW);
	if (attack_is(how, "deepbind"))
		return dlopen(library, RTLD_NOW | RTLD_DEEPBIND);
	if (attack_is(how, "dlmopen"))
		return dlmopen(LM_ID_NEWLM, library, RTLD_NOW);
	attack_broken("how");
}

int main(int argc, char **argv)
{
	void *library = argc == 3 ? load(argv[1], argv[2]) : NULL, *at;
	int (*map)(cm_vaddr_t, size_t, int, int, int, off_t, cm_t *);
	int (*getptr)(cm_t, void **);
	cm_t c;

	if (!library)
		attack_broken("library");
	map = (__typeof__(map))dlsym(library, "cmmmap");
	getptr = (__typeof__(getptr))dlsym(library, "cmgetptr");
	if (!map || !getptr)
		attack_broken("dlsym");
	if (map(0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0, &c))
		attack_refused("cmmmap");
	if (getptr(c, &at))
		attack_broken("cmgetptr");
	if (munmap(at, ATTACK_PAGE))
		attack_refused("munmap");
	attack_executed();
}
