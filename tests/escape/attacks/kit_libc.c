/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Has libc ask for execution in a way that no wrapper sees, since the call goes to libc's own
 * function; what libc then does is the same as when it maps for itself:
 *
 *   kit_libc WAY WHAT [LIBRARY]
 *
 *   WAY    dlsym: looked up in libc · dlmopen: in a libc of another namespace · deepbind: by
 *          LIBRARY, which is bound to libc first · child: as dlsym, in a fork
 *   WHAT   rwx rx addx addwx
 */

#include <dlfcn.h>
#include "tests/escape/attack.h"
#include "tests/escape/attacks/kit_deep.h"

static const struct deep *functions(const char *way, const char *library)
{
	static struct deep found;
	void *libc = attack_is(way, "dlmopen") ? dlmopen(LM_ID_NEWLM, "libc.so.6", RTLD_LAZY)
					       : dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	void *deep = library ? dlopen(library, RTLD_NOW | RTLD_DEEPBIND) : NULL;

	if (library) {
		const struct deep *(*get)(void) =
			deep ? (const struct deep *(*)(void))dlsym(deep, "deep_functions") : NULL;

		return get ? get() : NULL;
	}
	if (!libc)
		return NULL;
	found.map = (deep_map *)dlsym(libc, "mmap");
	found.protect = (deep_protect *)dlsym(libc, "mprotect");
	found.error = (deep_error *)dlsym(libc, "__errno_location");
	return found.map && found.protect && found.error ? &found : NULL;
}

/* Another libc's errno is another's. */
static _Noreturn void refused(const struct deep *f, const char *step)
{
	errno = *f->error();
	attack_refused(step);
}

static _Noreturn void map(const struct deep *f, int prot)
{
	void *p = f->map(NULL, ATTACK_PAGE, prot, ATTACK_ANON, -1, 0);

	if (p == MAP_FAILED)
		refused(f, "mmap");
	if (!(prot & PROT_WRITE))
		attack_executed();
	attack_plant(p);
	attack_run(p);
}

static _Noreturn void protect(const struct deep *f, int prot)
{
	void *p = attack_page(ATTACK_RW, ATTACK_ANON);

	attack_plant(p);
	if (f->protect(p, ATTACK_PAGE, prot))
		refused(f, "mprotect");
	attack_run(p);
}

int main(int argc, char **argv)
{
	const struct deep *f = argc >= 3 ? functions(argv[1], argc == 4 ? argv[3] : NULL) : NULL;
	pid_t pid;

	if (!f)
		attack_broken("usage");
	if (attack_is(argv[1], "child")) {
		pid = fork();
		if (pid)
			attack_end_as(pid);
	}
	if (attack_is(argv[2], "rwx"))
		map(f, ATTACK_RWX);
	if (attack_is(argv[2], "rx"))
		map(f, ATTACK_RX);
	if (attack_is(argv[2], "addx"))
		protect(f, ATTACK_RX);
	if (attack_is(argv[2], "addwx"))
		protect(f, ATTACK_RWX);
	attack_broken("usage");
}
