/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/seal.h"

#include <dlfcn.h>

/* What a library defines, which is loaded for it: in programs that can. */

/* Return: the symbol's address. `flags` are those of dlopen(3). */
void *seal_load(const char *library, int flags, const char *symbol)
{
	void *handle = dlopen(library, RTLD_NOW | flags), *found;

	found = handle ? dlsym(handle, symbol) : NULL;
	if (!found)
		attack_broken("dlopen");
	return found;
}
