/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What memory really is: by touching it, and by what the kernel says of it. See look.c. */

bool look_reads(const void *at);
bool look_writes(void *at);
bool look_runs(void *at); /* ... an instruction that returns, which lies there */

#define CODE_RETURNS_BYTES 6
void code_write(void *at, uint32_t value); /* code that returns the value */
uint32_t code_call(void *at);

/* A line of /proc/self/smaps. */
struct look {
	uintptr_t start, end;
	int prot; /* PROT_* */
	bool shared;
	char name[256];
	size_t rss_bytes, huge_bytes;
	char flags[128]; /* VmFlags */
};

bool look_maps(uintptr_t at, struct look *lookp); /* of /proc/self/maps: no sizes, no flags */
bool look_smaps(uintptr_t at, struct look *lookp);
size_t look_rss_bytes(void);
unsigned look_fds(void);
bool look_is_prot(const void *at, size_t len, int prot); /* all of the range */
bool look_is_free(const void *at, size_t len);           /* nothing of it is mapped */
