/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Opens and closes a library again and again, and prints what that leaves behind.
 *
 *   seal_load ROUNDS HOW LIBRARY     HOW: now, nodelete (RTLD_NODELETE), space (dlmopen)
 *
 * Prints a line `name value` each: what one open library takes (mappings, KiB), what is left of all
 * rounds but the first, what its counter said last (it begins with 1 where it was loaded anew), how
 * many dlclose failed. Then, with the library closed, waits to be looked at; opens it once more.
 */

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal_count.h"

static int refused;

static void *library_open(const char *how, const char *path)
{
	void *handle;

	if (!strcmp(how, "space"))
		handle = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	else
		handle = dlopen(path, RTLD_NOW | (strcmp(how, "now") ? RTLD_NODELETE : 0));
	if (!handle) {
		fprintf(stderr, "%s\n", dlerror());
		exit(99);
	}
	return handle;
}

static int library_use(void *handle)
{
	int (*counter)(void) = (int (*)(void))dlsym(handle, "module_counter");

	return counter ? counter() : -1;
}

static int once(const char *how, const char *path)
{
	void *handle = library_open(how, path);
	int counter = library_use(handle);

	refused += dlclose(handle) != 0;
	return counter;
}

int main(int argc, char **argv)
{
	struct count before, open, left;
	void *handle;
	int rounds, last = 0;

	if (argc != 4)
		return 98;
	rounds = atoi(argv[1]);
	before = count_now();
	handle = library_open(argv[2], argv[3]);
	open = count_since(before);
	last = library_use(handle);
	refused += dlclose(handle) != 0;
	before = count_now();
	for (int i = 0; i < rounds; i++)
		last = once(argv[2], argv[3]);
	left = count_since(before);
	printf("open.mappings %ld\nopen.kib %ld\nleft.mappings %ld\nleft.kib %ld\n", open.mappings,
	       open.kib, left.mappings, left.kib);
	printf("counter %d\nrefused %d\n", last, refused);
	count_wait();
	printf("again %d\n", once(argv[2], argv[3]));
	return 0;
}
