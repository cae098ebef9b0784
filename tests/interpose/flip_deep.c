/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A module that was loaded with RTLD_DEEPBIND calls libc's mmap and mprotect themselves, in front
 * of which no preloaded library can stand. What such a module asks to be writable and executable,
 * as the first of the process or after others.
 */

#include "tests/interpose/flip.h"
#include "tests/interpose/flip_module.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
	__typeof__(module_map) *map;
	__typeof__(module_map_at) *map_at;
	__typeof__(module_protect) *protect;
	__typeof__(module_unmap) *unmap;
	__typeof__(module_remap) *remap;
	__typeof__(module_pread) *pread;
	__typeof__(module_memcpy) *memcpy;
} deep;

static void *symbol(void *module, const char *name)
{
	void *at = dlsym(module, name);

	if (!at)
		flip_broken(name);
	return at;
}

#define BIND(name) deep.name = (__typeof__(deep.name))(uintptr_t)symbol(module, "module_" #name)

static void load(void)
{
	void *module =
		flip_argc > 2 ? dlopen(flip_argv[2], RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND) : NULL;

	if (!module)
		flip_broken("dlopen");
	BIND(map);
	BIND(map_at);
	BIND(protect);
	BIND(unmap);
	BIND(remap);
	BIND(pread);
	BIND(memcpy);
}

static unsigned char *map(size_t pages)
{
	unsigned char *p = deep.map(pages * PAGE);

	if (p == MAP_FAILED)
		flip_broken("module_map");
	flip_look();
	return p;
}

static void protect(void *at, size_t pages, int prot)
{
	if (deep.protect(at, pages * PAGE, prot))
		flip_broken("module_protect");
	flip_look();
}

static void deep_map(void)
{
	unsigned char *p;

	load();
	p = map(4);
	flip_alternate(p, 4);
	flip_check_filled("mapped", p, 0, 4);
	p = map(1);
	for (uint32_t i = 0; i < 200; i++) {
		flip_check("again", p, i);
		flip_look();
	}
	printf("%u\n", flip_call(p));
}

static void deep_map_second(void)
{
	flip_check("first", flip_rwx(1), 1);
	deep_map();
}

static void deep_protect(void)
{
	unsigned char *p;

	load();
	p = deep.map_at(NULL, 4 * PAGE, RW, ANON, -1);
	flip_emit(p, 7);
	protect(p, 4, RWX);
	printf("%u\n", flip_call(p));
	flip_alternate(p, 4);
	flip_check_filled("filled", p, 0, 4);
	protect(p + PAGE, 2, RX);
	for (int i = 0; i < 4; i++) {
		flip_show("call", 'x', p + i * PAGE, p);
		flip_show("write", 'w', p + i * PAGE, p);
	}
	protect(p, 4, RW);
	flip_show("RW, write", 'w', p + PAGE, p);
	flip_show("RW, call", 'x', p, p);
	protect(p, 4, RWX);
	flip_check_filled("given back", p, 0, 4);
	protect(p, 4, PROT_NONE);
	flip_show("NONE, read", 'r', p, p);
}

/* A reservation, of which parts are taken into use. */
static void deep_fixed(void)
{
	unsigned char *p;

	load();
	p = deep.map_at(NULL, 64 * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1);
	if (deep.map_at(p + 8 * PAGE, 8 * PAGE, RWX, ANON | MAP_FIXED, -1) != p + 8 * PAGE)
		flip_broken("module_map_at");
	flip_alternate(p + 8 * PAGE, 8);
	flip_show("before", 'x', p + 7 * PAGE, p);
	flip_show("behind", 'w', p + 16 * PAGE, p);
	flip_check_filled("used", p + 8 * PAGE, 0, 8);
	protect(p, 64, RWX);
	flip_check_filled("all", p + 8 * PAGE, 0, 8);
	flip_check("page 0", p, 3);
}

static void deep_unmap(void)
{
	unsigned char *p;

	load();
	p = map(8);
	flip_alternate(p, 8);
	if (deep.unmap(p + 2 * PAGE, 2 * PAGE))
		flip_broken("module_unmap");
	flip_show("unmapped, call", 'x', p + 2 * PAGE, p);
	flip_show("unmapped, write", 'w', p + 3 * PAGE, p);
	flip_check_filled("before", p, 0, 2);
	flip_check_filled("behind", p + 4 * PAGE, 4, 4);
	flip_map(p + 2 * PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE);
	flip_emit(p + 2 * PAGE, 1);
	flip_show("the program's, call", 'x', p + 2 * PAGE, p);
}

/* Moves pages that differ. */
static void deep_remap(void)
{
	unsigned char *p, *q;

	load();
	p = map(8);
	flip_alternate(p, 8);
	q = deep.remap(p, 8 * PAGE, 64 * PAGE);
	flip_look();
	if (q == MAP_FAILED) {
		printf("%s\n", strerrorname_np(errno));
		return;
	}
	flip_check_filled("moved", q, 0, 8);
	flip_check("new", q + 63 * PAGE, 5);
}

/* Data of its own at an address that held code. */
static void deep_reused(void)
{
	unsigned char *p;

	load();
	p = map(2);
	flip_fill(p, 2);
	if (deep.map_at(p, PAGE, RW, ANON | MAP_FIXED, -1) != p)
		flip_broken("module_map_at");
	flip_emit(p, 9);
	flip_show("call", 'x', p, p);
	flip_check("second", p + PAGE, 4);
}

static void deep_pread(void)
{
	char path[] = "/tmp/cookiemap-flip-XXXXXX";
	int fd = mkstemp(path);
	unsigned char code[CODE], *p;
	ssize_t n;

	load();
	flip_emit(code, 77);
	if (fd < 0 || unlink(path) || pwrite(fd, code, CODE, 0) != CODE)
		flip_broken("file");
	p = map(1);
	flip_check("run", p, 1);
	errno = 0;
	n = deep.pread(fd, p, CODE);
	printf("%zd %s %u\n", n, strerrorname_np(errno), flip_call(p));
}

#define SHOW(expr)                                                               \
	do {                                                                     \
		int failed;                                                      \
                                                                                 \
		errno = ENOTNAM;                                                 \
		failed = (long)(expr) == -1;                                     \
		printf("%s = %d, %s\n", #expr, -failed, strerrorname_np(errno)); \
	} while (0)

static void deep_errors(void)
{
	unsigned char *p;

	load();
	p = map(2);
	flip_check("there", p, 1);
	SHOW(deep.map_at(NULL, PAGE, RWX, ANON, -1));
	SHOW(deep.map_at(NULL, 0, RWX, ANON, -1));
	SHOW(deep.map_at(NULL, SIZE_MAX, RWX, ANON, -1));
	SHOW(deep.map_at(NULL, PAGE, RWX, MAP_PRIVATE, 99));
	SHOW(deep.map_at(p + 1, PAGE, RWX, ANON | MAP_FIXED, -1));
	SHOW(deep.map_at(p, PAGE, RWX, ANON | MAP_FIXED_NOREPLACE, -1));
	SHOW(deep.protect(p + 1, PAGE, RWX));
	SHOW(deep.protect(p, 0, RWX));
	SHOW(deep.protect((void *)PAGE, PAGE, RWX));
	SHOW(deep.protect(p, PAGE, RWX));
	printf("still %u\n", flip_call(p));
}

static void *in_thread(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < 100; i++) {
		unsigned char *p = deep.map(2 * PAGE);

		flip_check("thread", p, i);
		flip_check("thread", p, i + 1);
		deep.unmap(p, 2 * PAGE);
	}
	return NULL;
}

static void deep_threads(void)
{
	pthread_t t[4];

	load();
	for (int i = 0; i < 4; i++)
		if (pthread_create(&t[i], NULL, in_thread, NULL))
			flip_broken("pthread_create");
	for (int i = 0; i < 10; i++) {
		usleep(2000);
		flip_look();
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	flip_check("main", map(1), 5);
	printf("done\n");
}

static void deep_fork(void)
{
	unsigned char *p;

	load();
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid) {
			p = map(2);
			flip_check("child", p, 1);
			flip_check("child", p, 2);
			flip_look();
			_exit(0);
		}
		flip_end_of("child", pid);
		flip_check("parent", map(1), 4);
	}
	printf("done\n");
}

/* It asks, and it writes. */
static void deep_writes(void)
{
	unsigned char code[CODE], *p;

	load();
	p = map(1);
	for (uint32_t i = 0; i < 5; i++) {
		flip_emit(code, i);
		deep.memcpy(p, code, CODE);
		printf("%u\n", flip_call(p));
		flip_look();
	}
}

const struct flip_case flip_deep[] = {
	{"deep_map", deep_map},
	{"deep_map_second", deep_map_second},
	{"deep_protect", deep_protect},
	{"deep_fixed", deep_fixed},
	{"deep_unmap", deep_unmap},
	{"deep_remap", deep_remap},
	{"deep_reused", deep_reused},
	{"deep_pread", deep_pread},
	{"deep_errors", deep_errors},
	{"deep_threads", deep_threads},
	{"deep_fork", deep_fork},
	{"deep_writes", deep_writes},
	{NULL, NULL},
};
