/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the cases of sandboxed.c share. A case prepares what it needs, calls sandbox(), and from
 * then on makes calls of the mmap family and those that it has named, and no others: whatever else
 * is called in its process is not its own.
 *
 * A case prints what it finds, by say(), which must be the same natively and with the library.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define PAGE 4096ul
#define RW   (PROT_READ | PROT_WRITE)
#define RX   (PROT_READ | PROT_EXEC)
#define RWX  (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

struct sandboxed_case {
	const char *name;
	void (*run)(void);
};

extern const struct sandboxed_case sandboxed_maps[], sandboxed_foreign[], sandboxed_flip[];

/* The numbers of the calls that the case makes besides; they end with -1. */
void sandbox(const int *calls);
#define SANDBOX(...) sandbox((const int[]){__VA_ARGS__ __VA_OPT__(, ) - 1})

_Noreturn void broken(const char *what);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
const char *error_name(int error);
void *map(size_t len, int prot);
void emit(unsigned char *at, uint32_t value);
uint32_t call(const unsigned char *at);
void wait_while(const volatile int *word, int value);
void be_seen(void);
