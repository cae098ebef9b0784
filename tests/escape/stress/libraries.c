/* SPDX-License-Identifier: BSD-2-Clause */

/* 500 times dlopen, a call into the library, dlclose; and the library is gone each time.
 *
 *   libraries LIBRARY SYMBOL
 */

#include "tests/escape/stress/check.h"
#include <dlfcn.h>

int main(int argc, char **argv)
{
	CHECK(argc == 3);
	for (int i = 0; i < 500; i++) {
		void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		double (*symbol)(double);

		if (!library)
			fprintf(stderr, "round %d: %s\n", i, dlerror());
		CHECK(library);
		symbol = (double (*)(double))dlsym(library, argv[2]);
		CHECK(symbol && symbol(1.0) != 0.0);
		CHECK(!dlclose(library));
		CHECK(!dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD));
	}
	puts("DONE");
	return 0;
}
