/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Attacks on sealed memory, in parts: what is attacked (seal_target.c), by which change
 * (seal_way.c), by what call and from where (seal_by.c), and how it is seen (seal_maps.c).
 *
 * Whoever succeeds may have no libc to go on with: seal_executed() ends by system calls of its own,
 * and what tells whether something changed needs nothing of libc's read-only data.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "common/sys.h"
#include "tests/escape/attack.h"

/* Whole pages of this process. */
struct seal_target {
	char *at;
	size_t size;
	bool lively; /* others write it all the time: what it holds tells nothing */
};

struct seal_target seal_find(const char *name, const char *library);
struct seal_target seal_own(const char *name, const char *library);
void *seal_load(const char *library, int flags, const char *symbol);

/* --- the mappings of this process --- */

struct seal_vma {
	uintptr_t start, end;
	char rights[5]; /* rwxp */
	unsigned long inode;
	const char *name; /* not terminated */
	size_t name_len;
};

const char *seal_maps(void);
bool seal_maps_next(const char **atp, struct seal_vma *v);
bool seal_maps_named(const char *name, const char *rights, struct seal_vma *v);

void seal_remember(struct seal_target t);
bool seal_changed(struct seal_target t);

/* --- calls --- */

void seal_by(const char *name);
long seal_call(long nr, long a, long b, long c, long d, long e);
_Noreturn void seal_from(const char *place, char **argv, void (*attack)(void));

/* --- changes --- */

enum seal_outcome {
	SEAL_REFUSED,  /* errno says why */
	SEAL_EXECUTED, /* the call succeeded, and that is a change */
	SEAL_LOOK,     /* the call succeeded: seal_changed() tells the rest */
};

void seal_prepare(const char *way, struct seal_target t);
enum seal_outcome seal_attempt(struct seal_target t);

static inline _Noreturn void seal_executed(void)
{
	sys_write(STDOUT_FILENO, "EXECUTED\n", 9);
	sys_exit_group(0);
}
