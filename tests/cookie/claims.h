/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/types.h>
#include "include/cookiemap.h"

/* What the tests of the C interface share: claims in TAP, regions to begin with. See claims.c. */

#define PAGE 4096ul
#define HUGE (2ul << 20)

#define R   PROT_READ
#define RW  (PROT_READ | PROT_WRITE)
#define RX  (PROT_READ | PROT_EXEC)
#define RWX (PROT_READ | PROT_WRITE | PROT_EXEC)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool claim(bool good, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void claim_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int claims_end(void);
extern void *claims_library; /* for a program that is not linked with it: from dlopen(3) */
_Noreturn void claims_broken(const char *what);

/* Beginnings that a claim rests on: they work or the test ends. */
cm_t region_new(size_t len, int prot, int flags);
cm_t region_of(int fd, size_t len, int prot, int flags);
unsigned char *region_at(cm_t cookie);
void region_fill(cm_t cookie, size_t len, unsigned char byte);
int file_new(size_t n_pages);
void *shared_new(size_t len);

unsigned slower(void);
void deadline(unsigned seconds);

/* Runs it in a child: what it returned (0 to 255), or -1 if a signal ended the child. */
int child_run(int (*run)(void *), void *with);
int child_end(pid_t pid);
