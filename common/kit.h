/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * The patch kit: what the supervisor gives a program so that libc's own calls take the gate.
 *
 * A sealed memfd. Its first page is a struct kit; behind it stand copies of the text pages of libc
 * and of ld.so that hold call sites, in which each `mov $nr,%eax` before a `syscall` is a jump to a
 * stub of the library. Site i jumps to stub i. The `syscall` stays where it is, so code that jumps
 * to it still makes its call, by notification.
 *
 * The gate's page has an entry for each stub beside the main one. Only the main one is let through
 * by the filter; a stub that asks for execution enters by its own, so the notification tells which
 * site it is.
 *
 * The assembly reads this file too.
 */

#define KIT_OBJECTS      2      /* libc, ld.so */
#define KIT_SITES        32     /* also the number of stubs */
#define KIT_PAGES        16     /* at most, of an object */
#define KIT_STUBS_AT     0x2000 /* in the library's file */
#define KIT_STUB_BYTES   160
#define KIT_STUB_AT      8 /* where a stub's first instruction is, within its bytes */
#define KIT_JUMP_BYTES   5 /* of `mov $nr,%eax`, and of `jmp rel32` */
#define KIT_SITE_BYTES   7 /* with the `syscall` */
#define KIT_ENTRY_FIRST  64
#define KIT_ENTRY_BYTES  8
#define KIT_ENTRY_RETURN 6 /* from an entry's start to behind its `syscall` */

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

#define KIT_MAGIC 0x3174696b6d636b63ull

struct kit_site {
	uint64_t back; /* where the site goes on, behind its `syscall`, from the object's base */
	uint32_t nr;
	uint32_t object;
};

struct kit_window {
	uint64_t start; /* of the first page, from the object's base */
	uint32_t page;  /* where its copy begins in the kit */
	uint32_t n_pages;
};

/* Sites are sorted by object and place. */
struct kit {
	uint64_t magic;
	uint32_t n_sites;
	uint32_t n_known[KIT_OBJECTS]; /* sites that could be patched, in a window or not */
	struct kit_window window[KIT_OBJECTS];
	struct kit_site site[KIT_SITES];
};

static inline uint64_t kit_entry(unsigned stub)
{
	return KIT_ENTRY_FIRST + (uint64_t)stub * KIT_ENTRY_BYTES;
}

/* The stub whose entry of the gate the call was made by, or -1. */
static inline int kit_stub_of(uint64_t gate, uint64_t ip)
{
	uint64_t at = ip - gate - KIT_ENTRY_FIRST - KIT_ENTRY_RETURN;

	return gate && at < KIT_SITES * KIT_ENTRY_BYTES && at % KIT_ENTRY_BYTES == 0
		       ? (int)(at / KIT_ENTRY_BYTES)
		       : -1;
}

/* Whether a call was made by the gate's page, by whichever entry. */
static inline bool kit_is_gate(uint64_t gate, uint64_t ip)
{
	return gate && (ip == gate + KIT_ENTRY_RETURN || kit_stub_of(gate, ip) >= 0);
}

#endif
