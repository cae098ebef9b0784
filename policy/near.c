/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/near.h"

#include <string.h>

/*
 * The known word that someone who typed an unknown one most likely meant. Used for keys, values,
 * profiles, and the options of the tools.
 *
 * The measure is the optimal string alignment distance: insertions, deletions, substitutions and
 * swaps of neighbours cost one each. Source: R. A. Wagner, M. J. Fischer, "The String-to-String
 * Correction Problem", 1974; swaps after F. J. Damerau, 1964.
 */

#define NEAR_MAX_LEN 63

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Both at most NEAR_MAX_LEN long. Line i of the table lives in rows[i % 3]; three are ever needed.
 */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	unsigned rows[3][NEAR_MAX_LEN + 1];

	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++) {
		unsigned *now = rows[i % 3], *old = rows[(i + 2) % 3], *older = rows[(i + 1) % 3];

		now[0] = (unsigned)i;
		for (size_t j = 1; j <= b_len; j++) {
			now[j] = min3(old[j] + 1, now[j - 1] + 1,
				      old[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    older[j - 2] + 1 < now[j])
				now[j] = older[j - 2] + 1;
		}
	}
	return rows[a_len % 3][b_len];
}

/*
 * The nearest of the words, where one is near enough to be meant: at most a third of its letters
 * plus one are wrong.
 *
 * Return: one of the words, or NULL.
 */
const char *near_word(const char *word, const char *const *words, size_t n_words)
{
	size_t len = strlen(word);
	unsigned best = NEAR_MAX_LEN;
	const char *found = NULL;

	if (len > NEAR_MAX_LEN)
		return NULL;
	for (size_t i = 0; i < n_words; i++) {
		size_t n = strlen(words[i]);
		unsigned d = n && n <= NEAR_MAX_LEN ? distance(word, len, words[i], n) : best;

		if (d < best && d <= n / 3 + 1 && d < n) {
			best = d;
			found = words[i];
		}
	}
	return found;
}
