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
	uint64_t loader;         /* where the kernel has loaded ld.so; 0: it is the program */
};

/* The list of the next namespace of dlmopen(3): glibc 2.35, elf/link.h, struct r_debug_extended. */
static inline const struct r_debug *link_next_space(const struct r_debug *d)
{
	const struct {
		struct r_debug base;
		const struct r_debug *next;
	} *extended = (const void *)d;

	return d->r_version >= 2 ? extended->next : NULL;
}

void link_init(struct link *lp, char **envp);
bool link_tables(const struct link_map *m, struct symbol_table *tp);
bool link_is_mapped(uint64_t page);
bool link_by_kernel(const struct link *l, const struct link_map *m);
bool link_segments(const struct link *l, const struct link_map *m, struct segments *sp);
const struct link_map *link_find(const struct link *l, const char *base);
void link_next(const struct link *l, struct state *s);
void link_step_aside(const struct link *l);
