/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include "common/kit.h"
#include "interpose/link.h"
#include "interpose/state.h"

/* A kit that this process has been given; see interpose/patch.c. */
struct patch {
	uint64_t base[KIT_OBJECTS]; /* where the objects are loaded; 0: not there */
	const struct link_map *object[KIT_OBJECTS];
	int fd;
	const struct kit *kit; /* NULL: nothing is to be patched */
	bool fits[KIT_OBJECTS];
	unsigned n_done[KIT_OBJECTS];
};

void patch_prepare(struct patch *pp, const struct link *l, struct state *s);
void patch_apply(struct patch *p);
