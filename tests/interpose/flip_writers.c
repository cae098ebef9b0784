/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Who stores into a page that has run (wx.writers): the program itself, which asked for the memory,
 * by every way that counts as its own; and a module that did not. What others get by such a store
 * is for the attack jit_write.c.
 */

#include "tests/interpose/flip.h"
#include "tests/interpose/flip_module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <wchar.h>

static unsigned char code[CODE + 1]; /* with a NUL, for strcpy */

static void inline_store(void *at)
{
	flip_emit(at, 0x01010102);
}

static void with_memcpy(void *at)
{
	memcpy(at, code, CODE);
}

static void with_mempcpy(void *at)
{
	mempcpy(at, code, CODE);
}

static void with_memmove(void *at)
{
	memmove(at, code, CODE);
}

static void with_bcopy(void *at)
{
	bcopy(code, at, CODE);
}

static void with_strcpy(void *at)
{
	strcpy(at, (char *)code);
}

static void with_strncpy(void *at)
{
	strncpy(at, (char *)code, CODE);
}

static void with_stpcpy(void *at)
{
	stpcpy(at, (char *)code);
}

static void with_memccpy(void *at)
{
	memccpy(at, code, 0xc3, CODE);
}

static void with_memset(void *at)
{
	memset(at, 0, 64);
	flip_emit(at, 0x01010102);
}

static void with_bzero(void *at)
{
	bzero(at, 64);
	flip_emit(at, 0x01010102);
}

static void with_wmemcpy(void *at)
{
	wchar_t wide[2];

	memcpy(wide, code, CODE);
	wmemcpy(at, wide, 2);
}

static const struct {
	const char *name;
	void (*store)(void *at);
} ways[] = {
	{"inline", inline_store},  {"memcpy", with_memcpy}, {"mempcpy", with_mempcpy},
	{"memmove", with_memmove}, {"bcopy", with_bcopy},   {"strcpy", with_strcpy},
	{"strncpy", with_strncpy}, {"stpcpy", with_stpcpy}, {"memccpy", with_memccpy},
	{"memset", with_memset},   {"bzero", with_bzero},   {"wmemcpy", with_wmemcpy},
};

static void writers_own(void)
{
	unsigned char *p = flip_rwx(1);

	flip_emit(code, 0x01010102);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		flip_check(ways[i].name, p, 7);
		ways[i].store(p);
		flip_look();
		printf("%s: %x\n", ways[i].name, flip_call(p));
	}
}

/* As often as a program would: what is allowed is not to be looked up for ever. */
static void writers_often(void)
{
	unsigned char *p = flip_rwx(4);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 3000; i++) {
		flip_emit(code, i);
		memcpy(p + i % 4 * PAGE, code, CODE);
		sum += flip_call(p + i % 4 * PAGE);
	}
	flip_look();
	printf("%lu\n", sum);
}

/* Long ones, for which libc has other code. */
static void writers_long(void)
{
	unsigned char *p = flip_rwx(200), *from = flip_map(NULL, 200 * PAGE, RW, ANON);
	unsigned n_wrong = 0;

	for (uint32_t i = 0; i < 200; i++) {
		flip_check("page", p + i * PAGE, 1);
		flip_emit(from + i * PAGE, i);
	}
	memcpy(p, from, 200 * PAGE);
	for (uint32_t i = 0; i < 200; i++)
		n_wrong += flip_call(p + i * PAGE) != i;
	memmove(p + PAGE, p, 199 * PAGE);
	for (uint32_t i = 1; i < 200; i++)
		n_wrong += flip_call(p + i * PAGE) != i - 1;
	printf("%u wrong\n", n_wrong);
	flip_look();
}

static void *module_symbol(const char *name)
{
	void *module = flip_argc > 2 ? dlopen(flip_argv[2], RTLD_NOW) : NULL;
	void *at = module ? dlsym(module, name) : NULL;

	if (!at)
		flip_broken(name);
	return at;
}

/* A page that has not run yet is anybody's. */
static void writers_first(void)
{
	__typeof__(module_memcpy) *copy =
		(__typeof__(copy))(uintptr_t)module_symbol("module_memcpy");
	unsigned char *p = flip_rwx(2);

	flip_emit(code, 12);
	copy(p, code, CODE);
	printf("%u\n", flip_call(p));
	flip_emit(p, 13);
	copy(p + 64, code, CODE); /* writable just now */
	printf("%u %u\n", flip_call(p), flip_call(p + 64));
	copy(p + PAGE, code, CODE);
	printf("%u\n", flip_call(p + PAGE));
	flip_look();
}

/* The module asks, and the module writes. */
static void writers_module(void)
{
	__typeof__(module_memcpy) *copy =
		(__typeof__(copy))(uintptr_t)module_symbol("module_memcpy");
	__typeof__(module_map) *map = (__typeof__(map))(uintptr_t)module_symbol("module_map");
	unsigned char *p = map(PAGE);

	for (uint32_t i = 0; i < 5; i++) {
		flip_emit(code, i);
		copy(p, code, CODE);
		printf("%u\n", flip_call(p));
		flip_look();
	}
}

const struct flip_case flip_writers[] = {
	{"writers_own", writers_own},       {"writers_often", writers_often},
	{"writers_long", writers_long},     {"writers_first", writers_first},
	{"writers_module", writers_module}, {NULL, NULL},
};
