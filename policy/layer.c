/* SPDX-License-Identifier: BSD-2-Clause */
#include "policy/doc.h"

#include <errno.h>
#include <string.h>

/*
 * `extends`: one document laid over another. What the upper one sets replaces the lower one's
 * value, lists as a whole; modules of both are kept, the upper one's later, so that they win where
 * both are equally specific.
 */

/*
 * A document that says what `over` says, and for the rest what `under` says. Name, file and exe are
 * those of `over`. Strings and lists are shared with both.
 *
 * Return: 0 and *docp written; -ENOMEM.
 */
int doc_layer(struct arena *a, const struct doc *under, const struct doc *over, struct doc **docp)
{
	struct doc *d = arena_alloc(a, sizeof(*d));
	size_t n = under->n_modules + over->n_modules;

	if (!d)
		return -ENOMEM;
	*d = *over;
	for (unsigned key = 0; key < KEY_N; key++)
		if (!d->values[key].set)
			d->values[key] = under->values[key];
	if (under->n_modules) {
		d->modules = arena_alloc(a, n * sizeof(*d->modules));
		if (!d->modules)
			return -ENOMEM;
		memcpy(d->modules, under->modules, under->n_modules * sizeof(*d->modules));
		if (over->n_modules)
			memcpy(d->modules + under->n_modules, over->modules,
			       over->n_modules * sizeof(*d->modules));
	}
	d->n_modules = n;
	*docp = d;
	return 0;
}
