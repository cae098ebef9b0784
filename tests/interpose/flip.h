/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the cases of flip.c share: code to write and call, memory that is writable and executable
 * as far as the program knows, and a look at what it really is.
 *
 * A case prints what it finds, which must be the same natively and under flip. What may differ
 * (counts, sizes) stands on lines that begin with '#'.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/types.h>

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)
#define RX   (PROT_READ | PROT_EXEC)
#define RWX  (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* The length of what flip_emit() writes: mov $value,%eax; ret */
#define CODE 6

struct flip_case {
	const char *name;
	void (*run)(void);
};

extern const struct flip_case flip_churn[], flip_code[], flip_deep[], flip_errors[], flip_io[],
	flip_large[], flip_move[], flip_process[], flip_rights[], flip_shape[], flip_start[],
	flip_threads[], flip_writers[];

extern int flip_argc;
extern char **flip_argv;

_Noreturn void flip_broken(const char *what);
void *flip_map(void *at, size_t len, int prot, int flags);
void *flip_rwx(size_t pages);
void flip_emit(void *at, uint32_t value);
uint32_t flip_call(const void *at);
void flip_check(const char *what, void *at, uint32_t value);
void flip_protect(void *at, size_t pages, int prot);
void flip_fill(unsigned char *p, unsigned pages);
void flip_check_filled(const char *what, unsigned char *p, unsigned first, unsigned pages);
void flip_alternate(unsigned char *p, unsigned pages);
const char *flip_try(char how, void *at, void *base);
void flip_show(const char *what, char how, void *at, void *base);
void flip_end_of(const char *what, pid_t pid);
unsigned flip_look(void);
unsigned long flip_resident_pages(void);
unsigned flip_seconds(void);
