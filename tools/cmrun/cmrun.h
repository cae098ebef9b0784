/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>

/* What the command line asks for. */
struct request {
	const char *file;    /* a policy for the whole tree */
	const char *profile; /* a profile for the whole tree */
	int supervise;       /* descriptor to serve at, or 0 */
	bool verbose;
	char **argv;
};

int usage_error(const char *word, bool missing, const struct option *options);
int find_program(const char *name, char *path, size_t size);
bool preload_library(void);
void peer_exe(int sock, char *exe, size_t size);
