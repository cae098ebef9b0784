/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <link.h>
#include "interpose/segment.h"
#include "interpose/state.h"
#include "interpose/symbol.h"

/* The objects that ld.so has loaded, as the constructor sees them; see interpose/link.c. */
struct link {
	struct link_map *first; /* the program; NULL: no list to be found */
	struct link_map *own;
	struct r_debug *debug;   /* where ld.so tells of its lists */
	struct segments program; /* of what the kernel has loaded; its bias is not known */
	uint64_t vdso;           /* 0: there is none */
};

void link_init(struct link *lp, char **envp);
bool link_tables(const struct link_map *m, struct symbol_table *tp);
bool link_segments(const struct link *l, const struct link_map *m, struct segments *sp);
const struct link_map *link_find(const struct link *l, const char *base);
void link_next(const struct link *l, struct state *s);
void link_step_aside(const struct link *l);
