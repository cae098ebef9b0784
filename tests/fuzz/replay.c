/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/*
 * Runs a fuzz target without a fuzzer: over every file of a corpus, and over some thousand
 * variations of each that are the same in every run. So the corpus is a test of every build, with
 * any compiler.
 *
 * Usage: replay FOLDER. An empty folder is an error: a test that looked at nothing would pass.
 */

#define MAX_BYTES   65536
#define ROUNDS      2000
#define MAX_SECONDS 4 /* for all files together; variations end, files do not */

/* xorshift64: the same numbers everywhere. Source: G. Marsaglia, "Xorshift RNGs", 2003. */
static uint64_t state = 88172645463325252ull;

static uint64_t any(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

/* An exact copy, so that a sanitizer sees a read past the end. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

/* One to four bytes flipped, replaced or, now and then, the end cut off. */
static void vary(const uint8_t *data, size_t size)
{
	static uint8_t varied[MAX_BYTES];
	static const uint8_t special[] = {0, 1, 0x7f, 0x80, 0xff, '"', '{', '[', '*', '\n'};

	memcpy(varied, data, size);
	for (uint64_t n = 1 + any(4); n--;) {
		size_t at = any(size);

		if (any(2))
			varied[at] ^= (uint8_t)(1u << any(8));
		else
			varied[at] = special[any(sizeof(special))];
	}
	run(varied, any(8) ? size : any(size));
}

static void file_run(const char *path, clock_t end)
{
	static uint8_t data[MAX_BYTES];
	FILE *in = fopen(path, "rbe");
	size_t size;

	if (!in) {
		perror(path);
		exit(1);
	}
	size = fread(data, 1, sizeof(data), in);
	fclose(in);
	run(data, size);
	for (int i = 0; size && i < ROUNDS && clock() < end; i++)
		vary(data, size);
}

static int is_file(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	clock_t end = clock() + MAX_SECONDS * CLOCKS_PER_SEC;
	struct dirent **entries;
	char path[4096];
	int n;

	if (argc != 2) {
		fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
		return 2;
	}
	n = scandir(argv[1], &entries, is_file, alphasort);
	if (n <= 0) {
		fprintf(stderr, "%s: no corpus\n", argv[1]);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", argv[1], entries[i]->d_name);
		file_run(path, end);
		free(entries[i]);
	}
	free(entries);
	printf("%d passed, 0 failed\n", n);
	return 0;
}
