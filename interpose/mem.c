/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/mem.h"
#include "interpose/forbid.h"

/*
 * The four functions that a compiler may call without being asked (gcc manual, "Language Standards
 * Supported by GCC"), hidden inside the library, so that its imports stay a short list and no call
 * goes through an IFUNC of libc's that may not be resolved yet; and the few string functions the
 * library needs itself.
 *
 * Separate because these names may be defined, but nowhere else in the library spelt out.
 *
 * Context: anywhere. Bytewise on purpose: nothing on a hot path copies.
 */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	if (t <= f)
		return memcpy(to, from, n);
	while (n--)
		t[n] = f[n];
	return to;
}

void *memset(void *at, int c, size_t n)
{
	unsigned char *p = at;

	while (n--)
		*p++ = (unsigned char)c;
	return at;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *x = a, *y = b;

	for (; n--; x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

/* The length of a string, without its NUL. Context: anywhere. */
size_t text_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* Whether two strings are equal. Context: anywhere. */
bool text_is(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
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
