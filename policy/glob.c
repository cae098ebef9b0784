/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/eval.h"

/*
 * Patterns of paths and names.
 *
 *   *       any run of characters, '/' included, also none
 *   ?       one character
 *   [a-z]   one character of the set; [!a-z] or [^a-z] one that is not; ']' first in it is itself
 *   other   itself; the backslash too, and a '[' that nothing closes
 *
 * Not fnmatch(3): that knows the locale, allocates for long patterns and is not safe in a signal
 * handler.
 *
 * A failed attempt goes back to the last star only: an earlier one cannot help, since what stands
 * between the two has matched already and the later star takes any rest. So the time is bounded by
 * the product of both lengths.
 *
 * Context: anywhere; freestanding.
 */

/*
 * Whether the set that starts behind '[' admits c. Return: what follows the closing bracket and
 * *hitp written, or NULL when there is none.
 */
static const char *set_match(const char *p, unsigned char c, bool *hitp)
{
	bool negated = *p == '!' || *p == '^', hit = false;

	if (negated)
		p++;
	for (bool first = true; first || *p != ']'; first = false) {
		unsigned char low = (unsigned char)*p, high = low;

		if (!low)
			return NULL;
		if (p[1] == '-' && p[2] && p[2] != ']') {
			high = (unsigned char)p[2];
			p += 2;
		}
		p++;
		hit |= low <= c && c <= high;
	}
	*hitp = hit != negated;
	return p + 1;
}

/* What is left of the pattern after one character of it has matched c; NULL: it does not. */
static const char *step(const char *p, unsigned char c)
{
	bool hit;

	if (*p == '?')
		return p + 1;
	if (*p == '[') {
		const char *after = set_match(p + 1, c, &hit);

		if (after)
			return hit ? after : NULL;
	}
	return *p && (unsigned char)*p == c ? p + 1 : NULL;
}

/*
 * Whether the whole string matches the pattern. Both are NUL-terminated.
 *
 * Context: anywhere.
 */
bool glob_match(const char *pattern, const char *string)
{
	const char *after_star = NULL, *retry = NULL;

	while (*string) {
		const char *next;

		if (*pattern == '*') {
			after_star = ++pattern;
			retry = string;
			continue;
		}
		next = step(pattern, (unsigned char)*string);
		if (next) {
			pattern = next;
			string++;
		} else if (after_star) {
			pattern = after_star;
			string = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}
