/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Prints the system calls of an ELF object, one a line: address, number or ?, kind, patchable or -.
 *
 * Usage: sites_print FILE [patchable]
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "supervise/sites.h"

static uint8_t *read_file(const char *path, size_t *np)
{
	FILE *in = fopen(path, "rbe");
	struct stat st;
	uint8_t *data;

	if (!in || fstat(fileno(in), &st) < 0 || !(data = malloc((size_t)st.st_size + 1))) {
		perror(path);
		exit(1);
	}
	*np = fread(data, 1, (size_t)st.st_size, in);
	fclose(in);
	return data;
}

static void print(const struct site *s)
{
	static const char *const kinds[] = {
		[SITE_SYSCALL] = "syscall", [SITE_SYSENTER] = "sysenter", [SITE_INT80] = "int80"};

	printf("%llx ", (unsigned long long)s->addr);
	if (s->nr == SITE_UNKNOWN)
		printf("?");
	else
		printf("%d", s->nr);
	printf(" %s %s\n", kinds[s->kind], s->patchable ? "patchable" : "-");
}

int main(int argc, char **argv)
{
	struct site_list l;
	uint8_t *data;
	size_t n;
	int r;

	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE [patchable]\n", argv[0]);
		return 2;
	}
	data = read_file(argv[1], &n);
	r = sites_find(data, n, argc > 2 ? SITES_PATCHABLE : SITES_ALL, &l);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	for (size_t i = 0; i < l.n; i++)
		print(l.at + i);
	site_list_deinit(&l);
	free(data);
	return 0;
}
