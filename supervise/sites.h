/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where an ELF object makes system calls; see supervise/sites.c. */

#define SITE_UNKNOWN  (-1)
#define SITE_MOV_SIZE 5  /* `mov $nr,%eax`, directly before the `syscall` of a patchable site */
#define SITE_SIZE     7  /* both */
#define SITE_SPAN     13 /* and `cmp $-4095,%rax` behind them, which munmap's must have */

enum site_kind { SITE_SYSCALL, SITE_SYSENTER, SITE_INT80 };

struct site {
	uint64_t offset; /* in the file, of the instruction */
	uint64_t addr;   /* the same as a virtual address of the object */
	int32_t nr;      /* the call's number; SITE_UNKNOWN: not certain */
	uint8_t kind;    /* enum site_kind; SITE_INT80 and SITE_SYSENTER: nr is of i386's table */
	bool patchable;  /* offset - SITE_MOV_SIZE is where `mov $nr,%eax` begins */
};

struct site_list {
	struct site *at;
	size_t n;
};

enum sites_what { SITES_PATCHABLE, SITES_ALL };

int sites_find(const uint8_t *data, size_t size, enum sites_what what, struct site_list *lp);
int site_list_add(struct site_list *l, const struct site *s);
void site_list_deinit(struct site_list *l);
bool site_is_call(int32_t nr);
bool site_is_intact(const struct site *s, const uint8_t *bytes, size_t n);
