/* SPDX-License-Identifier: BSD-2-Clause */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/module.h"

/*
 * usage: served LIBRARY MODULE MODULE MODULE MODULE
 *
 * Who calls, and how the library got into the process: every party sees the same table of cookies,
 * so what one makes another can use, whether the program is linked with libcookiemap (served) or is
 * not (served-late, LATE), whether it is loaded by itself, or by a module, in any way but one: a
 * namespace of its own (dlmopen(3)) has a table of its own.
 */

#define LEN (2 * PAGE)

static int make_by_link(size_t len, cm_t *cookiep);

struct party {
	const char *name;
	struct module calls;
};

static struct party parties[8];
static size_t n_parties;

static int error(void)
{
	return errno;
}

static struct module *add(const char *name)
{
	parties[n_parties].calls.error = error;
	parties[n_parties].name = name;
	return &parties[n_parties++].calls;
}

#ifdef LATE

static int (*positional)(cm_vaddr_t, size_t, int, int, int, off_t, cm_t *);

static int make_by_link(size_t len, cm_t *cookiep)
{
	return positional(0, len, RW, 0, -1, 0, cookiep);
}

/* Where nobody is in the process before it asks for the library, all comes from that. */
static void add_program(void *library)
{
	void *from = dlsym(RTLD_DEFAULT, "cmmmap") ? RTLD_DEFAULT : library;
	struct module *m = add("the program, by dlsym");

	*(void **)&positional = dlsym(from, "cmmmap");
	m->make = make_by_link;
	*(void **)&m->at = dlsym(from, "cmgetptr");
	*(void **)&m->protect = dlsym(from, "cmprotect");
	*(void **)&m->close = dlsym(from, "cmclose");
}

#else

static int make_by_link(size_t len, cm_t *cookiep)
{
	return cmmmap(0, len, RW, 0, -1, 0, cookiep);
}

static int at_by_link(cm_t cookie, void **ptrp)
{
	return cmgetptr(cookie, ptrp);
}

static void add_program(void *library)
{
	*add("the program") = (struct module){make_by_link, at_by_link, cmprotect, cmclose, error};
}

#endif

/* The functions of the library itself, past whoever comes first. */
static int (*library_map)(cm_vaddr_t, size_t, int, int, int, off_t, cm_t *);

static int make_by_library(size_t len, cm_t *cookiep)
{
	return library_map(0, len, RW, 0, -1, 0, cookiep);
}

static void add_library(void *library)
{
	struct module *m = add("the library's own functions");

	*(void **)&library_map = dlsym(library, "cmmmap");
	m->make = make_by_library;
	*(void **)&m->at = dlsym(library, "cmgetptr");
	*(void **)&m->protect = dlsym(library, "cmprotect");
	*(void **)&m->close = dlsym(library, "cmclose");
}

/* A copy of the module's file is another module to ld.so; here each way has its own. */
static void add_module(const char *name, const char *path, int how)
{
	void *handle = dlopen(path, RTLD_NOW | how);
	const struct module *m = handle ? dlsym(handle, "module") : NULL;

	if (!claim(m != NULL, "a module is loaded: %s", name))
		claim_note("%s", dlerror());
	else
		*add(name) = *m;
}

static bool use(const struct module *maker, const struct module *user)
{
	void *made_at, *used_at;
	cm_t c;

	if (maker->make(LEN, &c) || maker->at(c, &made_at) || user->at(c, &used_at))
		return false;
	if (made_at != used_at || user->protect(c, 0, PAGE, R) || user->close(c, CM_CLOSE_UNMAP))
		return false;
	return maker->at(c, &made_at) == -1 && maker->error() == EBADF;
}

static void everybody_with_everybody(void)
{
	for (size_t i = 0; i < n_parties; i++)
		for (size_t k = 0; k < n_parties; k++)
			claim(use(&parties[i].calls, &parties[k].calls), "made by %s, used by %s",
			      parties[i].name, parties[k].name);
}

/* The twin: there a cookie of the one is none of the other's. */
static void a_namespace_of_its_own(const char *path)
{
	void *handle = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	const struct module *m = handle ? dlsym(handle, "module") : NULL;
	const struct module *here = &parties[0].calls;
	void *at;
	cm_t c, d;

	if (!claim(m != NULL, "a module in a namespace of its own")) {
		claim_note("%s", dlerror());
		return;
	}
	claim(use(m, m), "what it makes it can use");
	if (here->make(LEN, &c) || m->make(LEN, &d))
		claims_broken("cmmmap");
	claim(m->at(c, &at) == -1 && m->error() == EBADF, "the program's cookies are none of its");
	claim(here->at(d, &at) == -1 && here->error() == EBADF, "nor its the program's");
	claim(!here->close(c, CM_CLOSE_UNMAP) && !m->close(d, CM_CLOSE_UNMAP), "to each its own");
}

int main(int argc, char **argv)
{
	void *library;

	if (argc != 6)
		claims_broken("usage: served LIBRARY MODULE MODULE MODULE MODULE");
	library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!claim(library, "the library is loaded"))
		claims_broken(dlerror());
	claims_library = library;
	add_program(library);
	add_library(library);
	add_module("RTLD_LOCAL", argv[2], RTLD_LOCAL);
	add_module("RTLD_DEEPBIND", argv[3], RTLD_LOCAL | RTLD_DEEPBIND);
	add_module("RTLD_GLOBAL", argv[4], RTLD_GLOBAL);
	everybody_with_everybody();
	a_namespace_of_its_own(argv[5]);
	return claims_end();
}
