/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <string.h>
#include "interpose/forbid.h"

/*
 * The four functions that a compiler may call without being asked (gcc manual, "Language Standards
 * Supported by GCC"), hidden inside the library, so that its imports stay a short list and no call
 * goes through an IFUNC of libc's that may not be resolved yet.
 *
 * Separate because what is tested outside of the library is linked with libc's.
 *
 * Context: anywhere. Bytewise on purpose, but for what is copied in every start: nothing on a hot
 * path copies, or compares.
 */

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;
	uint64_t word;

	for (; n >= sizeof(word); t += sizeof(word), f += sizeof(word), n -= sizeof(word)) {
		__builtin_memcpy(&word, f, sizeof(word));
		__builtin_memcpy(t, &word, sizeof(word));
	}
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
