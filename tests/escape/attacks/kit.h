/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What the attacks on patch kits have in common: where a kit's pages are mapped, and for static
 * programs, which speak to the supervisor themselves, how to come by a kit.
 */

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include "tests/escape/attack.h"
#include "common/control.h"
#include "common/kit.h"
#include "common/sys.h"

#define KIT_LIBC "/lib/x86_64-linux-gnu/libc.so.6"
#define KIT_ROOM (8ul << 20) /* of address space, for libc and what lies near */

struct kit_pages {
	uintptr_t start;
	size_t size; /* 0: there are none */
};

/* The first pages of a kit that this process has as its text. */
static inline struct kit_pages kit_find(void)
{
	char line[512], rights[8], name[128];
	struct kit_pages found = {0, 0};
	unsigned long start, end;
	FILE *maps = fopen("/proc/self/maps", "re");

	while (maps && !found.size && fgets(line, sizeof(line), maps)) {
		name[0] = 0;
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %127s", &start, &end, rights, name) ==
			    4 &&
		    rights[2] == 'x' && !strcmp(name, "/memfd:cookiemap-patch"))
			found = (struct kit_pages){start, end - start};
	}
	if (maps)
		fclose(maps);
	return found;
}

/* Maps a file as a loader maps libc: its first page, and its text with `prot`. Return: its base. */
static inline uintptr_t kit_load(int fd, int prot)
{
	char *base = mmap(NULL, KIT_ROOM, PROT_NONE, ATTACK_ANON, -1, 0);
	const Elf64_Phdr *h;
	const Elf64_Ehdr *e;

	if (base == MAP_FAILED ||
	    mmap(base, ATTACK_PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) != base)
		attack_broken("load");
	e = (const Elf64_Ehdr *)base;
	h = (const Elf64_Phdr *)(base + e->e_phoff);
	for (unsigned i = 0; i < e->e_phnum; i++)
		if (h[i].p_type == PT_LOAD && h[i].p_flags & PF_X &&
		    mmap(base + h[i].p_vaddr, h[i].p_filesz, prot, MAP_PRIVATE | MAP_FIXED, fd,
			 (off_t)h[i].p_offset) == MAP_FAILED)
			attack_refused("load");
	return (uintptr_t)base;
}

/* Maps the page of the library that its stubs are in. Return: where they are. */
static inline uintptr_t kit_stubs(const char *library)
{
	int fd = open(library, O_RDONLY | O_CLOEXEC);
	void *p = mmap(NULL, 2 * ATTACK_PAGE, ATTACK_RX, MAP_PRIVATE, fd, KIT_STUBS_AT);

	if (fd < 0 || p == MAP_FAILED)
		attack_broken("library");
	return (uintptr_t)p;
}

/* Asks for the kit of a libc at `base`. Return: its descriptor, or -1 with errno; EINVAL: there is
 * nobody to ask. */
static inline int kit_ask(uintptr_t base, uintptr_t stubs)
{
	long r;

	do {
		r = control(CONTROL_SITES, base, 0, stubs, 0, 0);
	} while (r == -EINTR);
	if (!sys_is_error(r))
		return (int)r;
	errno = (int)-r;
	return -1;
}

/* A kit that the program asked for, and where its pages belong. */
struct kit_own {
	int fd;
	char *at;
	size_t size;
	off_t offset;
};

/* Natively: a memfd of the program's own, whose second page holds the planted code. */
static inline struct kit_own kit_substitute(void)
{
	int fd = memfd_create("cookiemap-patch", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, 2 * ATTACK_PAGE) ||
	    pwrite(fd, attack_code, sizeof(attack_code), ATTACK_PAGE) != sizeof(attack_code))
		attack_broken("memfd");
	return (struct kit_own){fd, attack_page(PROT_READ, ATTACK_ANON), ATTACK_PAGE, ATTACK_PAGE};
}

/* The kit of a libc at `base`. Ends the program where one is refused. */
static inline struct kit_own kit_of(uintptr_t base, uintptr_t stubs)
{
	int fd = kit_ask(base, stubs);
	const struct kit *k;

	if (fd < 0 && errno == EINVAL)
		return kit_substitute();
	if (fd < 0)
		attack_refused("sites");
	k = mmap(NULL, ATTACK_PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	if (k == MAP_FAILED)
		attack_broken("view");
	return (struct kit_own){fd, (char *)base + k->window[0].start,
				k->window[0].n_pages * ATTACK_PAGE,
				(off_t)(k->window[0].page * ATTACK_PAGE)};
}

/* The kit of this machine's libc, for a program that has none of its own. */
static inline struct kit_own kit_get(const char *library)
{
	uintptr_t base = kit_load(open(KIT_LIBC, O_RDONLY | O_CLOEXEC), ATTACK_RX);

	return kit_of(base, kit_stubs(library));
}

/* Runs something of what is mapped there, whatever it is: its first `ret`. */
static inline _Noreturn void kit_run(const void *text, size_t size)
{
	void (*fn)(void) = (void (*)(void))memchr(text, 0xc3, size);

	if (!fn)
		attack_broken("ret");
	fn();
	attack_executed();
}
