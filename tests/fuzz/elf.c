/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * An ELF object, or what claims to be one, through its reader and through both ways of finding
 * calls: whatever they tell lies in the object, in order, and the short way finds no more than the
 * long one.
 */

#include <stdlib.h>
#include <string.h>
#include "supervise/elf.h"
#include "supervise/sites.h"
#include "tests/fuzz/fuzz.h"

static void check_functions(const struct elf *e)
{
	struct elf_range *f;
	size_t n;

	if (elf_functions(e, &f, &n) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		MUST(f[i].size && f[i].offset < e->size && f[i].size <= e->size - f[i].offset);
		MUST(!i || f[i - 1].addr + f[i - 1].size <= f[i].addr);
		MUST(!i || f[i - 1].offset + f[i - 1].size <= f[i].offset);
	}
	free(f);
}

static void check_sites(const uint8_t *data, size_t size, const struct site_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct site *s = l->at + i;

		MUST(s->offset < size && size - s->offset >= 2);
		MUST(!i || s[-1].offset < s->offset);
		MUST(!s->patchable || (s->offset >= SITE_MOV_SIZE &&
				       site_is_intact(s, data + s->offset - SITE_MOV_SIZE,
						      size - s->offset + SITE_MOV_SIZE)));
	}
}

static void check_same(const struct site_list *all, const struct site_list *fast)
{
	size_t k = 0;

	for (size_t i = 0; i < all->n; i++)
		if (all->at[i].patchable)
			MUST(k < fast->n && fast->at[k++].offset == all->at[i].offset);
	MUST(k == fast->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site_list all, fast;
	struct elf e;

	if (elf_init(&e, data, size) < 0)
		return 0;
	check_functions(&e);
	if (sites_find(data, size, SITES_PATCHABLE, &fast) < 0)
		return 0;
	MUST(!sites_find(data, size, SITES_ALL, &all));
	check_sites(data, size, &fast);
	check_sites(data, size, &all);
	check_same(&all, &fast);
	site_list_deinit(&all);
	site_list_deinit(&fast);
	return 0;
}
