/* SPDX-License-Identifier: BSD-2-Clause */

/* Loads a library that wants an executable stack: ld.so then makes the stack of the whole program
 * executable. The library's function runs code that it wrote to the stack. */

#include "tests/escape/attack.h"
#include <dlfcn.h>

/* ld.so tells the errno of what it could not do in words only. */
static _Noreturn void refused_by_loader(const char *message)
{
	errno = strstr(message, strerror(EACCES)) ? EACCES : EINVAL;
	attack_refused("dlopen");
}

int main(int argc, char **argv)
{
	void *library;
	int (*run)(const void *code, size_t len_bytes);

	library = dlopen(argv[1], RTLD_NOW);
	if (!library)
		refused_by_loader(dlerror());
	run = (int (*)(const void *, size_t))dlsym(library, "execstack_run");
	if (!run || run(attack_code, sizeof(attack_code)) != 42)
		attack_broken("run");
	attack_executed();
}
