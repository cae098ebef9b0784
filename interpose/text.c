/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/text.h"

#include "interpose/forbid.h"

/*
 * The few string functions the library needs, by names that are not libc's: a call to those would
 * be an import.
 *
 * Context: anywhere.
 */

/* The length of a string, without its NUL. Context: anywhere. */
size_t text_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* Whether `s` begins with `prefix`. Context: anywhere. */
bool text_begins(const char *s, const char *prefix)
{
	while (*prefix && *s == *prefix)
		s++, prefix++;
	return !*prefix;
}

/* What follows the last '/' of a path; the path itself where there is none. Context: anywhere. */
const char *text_base(const char *path)
{
	const char *base = path;

	for (; *path; path++)
		if (*path == '/')
			base = path + 1;
	return base;
}
