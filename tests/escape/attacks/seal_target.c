/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/seal.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>

/*
 * What is attacked:
 *
 *   text rodata relro data bss     the program's own
 *   head          its first page and the one before, which is nobody's and mapped for the purpose
 *   libc_text libc_relro ldso_text ldso_relro
 *   cm_text cm_relro cm_data cm_state   the library's; cm_list: its list of what is sealed;
 *                 cm_arena: what its tables are made of
 *   gate policy   the pages that the supervisor gave
 *   vdso vvar     the kernel's
 *
 * and those of seal_own.c. What there is under cookiemap only is, natively, a copy of its like.
 */

#define OWN_PAGES 2
#define OWN_BYTES (OWN_PAGES * ATTACK_PAGE)
#define LIST_AT   (-256 * (long)ATTACK_PAGE) /* from the gate, at least */
#define ARENA_AT  (16 * (long)ATTACK_PAGE)

/* Pages of each kind that nobody needs. */
__asm__(".section .text.victim, \"ax\", @progbits\n"
	".balign 4096\n"
	"seal_text: .fill 8192, 1, 0xc3\n"
	".text\n");
extern char seal_text[];
static const char rodata[OWN_BYTES] __attribute__((aligned(4096))) = {1, 2, 3};
static void *relro[OWN_BYTES / sizeof(void *)]
	__attribute__((aligned(4096), section(".data.rel.ro"))) = {relro, seal_text};
static char data[OWN_BYTES] __attribute__((aligned(4096))) = {4};
static char bss[2 * OWN_BYTES] __attribute__((aligned(4096)));

extern const char own_start[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));

static struct seal_target whole(const void *at, size_t size)
{
	return (struct seal_target){(char *)(uintptr_t)at, size, false};
}

static struct seal_target head(void)
{
	char *before = (char *)((uintptr_t)own_start - ATTACK_PAGE);

	attack_show(&before); /* it is no part of an object */
	if (mmap(before, ATTACK_PAGE, ATTACK_RW, ATTACK_ANON | MAP_FIXED_NOREPLACE, -1, 0) !=
	    before)
		attack_broken("head");
	memset(before, 0x5a, ATTACK_PAGE);
	return whole(before, 2 * ATTACK_PAGE);
}

struct search {
	const char *name;
	bool constant;
	struct seal_target found;
};

/* The second page of its text on, or the first whole ones of its RELRO. */
static int look_at(struct dl_phdr_info *o, size_t size, void *arg)
{
	struct search *s = arg;
	uintptr_t at;

	if (!strstr(o->dlpi_name, s->name))
		return 0;
	for (int i = 0; i < o->dlpi_phnum; i++) {
		const Elf64_Phdr *h = &o->dlpi_phdr[i];

		at = (o->dlpi_addr + h->p_vaddr) & -ATTACK_PAGE;
		if (s->constant && h->p_type == PT_GNU_RELRO)
			s->found = whole((void *)at, OWN_BYTES);
		if (!s->constant && h->p_type == PT_LOAD && h->p_flags & PF_X)
			s->found = whole((void *)at, OWN_BYTES);
	}
	return 1;
}

static struct seal_target of_object(const char *name, bool constant)
{
	struct search s = {name, constant, {0}};

	dl_iterate_phdr(look_at, &s);
	return s.found;
}

/* Where regular expressions are compiled: nothing of what the attack calls is near. */
static struct seal_target libc_text(void)
{
	extern int regcomp(void *, const char *, int);

	return whole((void *)(((uintptr_t)regcomp & -ATTACK_PAGE) - ATTACK_PAGE), OWN_BYTES);
}

static struct seal_target of_vma(const struct seal_vma *v, size_t size)
{
	return whole((void *)v->start, size ? size : v->end - v->start);
}

/* The n-th mapping of the library with these rights; without the library, as much of its file. */
static struct seal_target of_library(const char *library, const char *rights, int n)
{
	const char *p = seal_maps(), name[] = "libcminterpose.so";
	int prot = rights[2] == 'x' ? ATTACK_RX : rights[1] == 'w' ? ATTACK_RW : PROT_READ;
	struct seal_vma v;
	void *copy;

	while (seal_maps_next(&p, &v))
		if (v.name_len >= sizeof(name) &&
		    !memcmp(v.name + v.name_len - sizeof(name) + 1, name, sizeof(name) - 1) &&
		    !memcmp(v.rights, rights, 4) && !n--)
			return of_vma(&v, prot == PROT_READ ? ATTACK_PAGE : OWN_BYTES);
	copy = mmap(NULL, prot == PROT_READ ? ATTACK_PAGE : OWN_BYTES, prot, MAP_PRIVATE,
		    open(library, O_RDONLY | O_CLOEXEC), 0);
	if (copy == MAP_FAILED)
		attack_broken("library");
	return whole(copy, prot == PROT_READ ? ATTACK_PAGE : OWN_BYTES);
}

/* A memfd's page that the supervisor gave, or one of the program's own. */
static struct seal_target of_memfd(const char *name, int prot)
{
	int fd = memfd_create("own", MFD_CLOEXEC);
	struct seal_vma v;
	void *p;

	if (seal_maps_named(name, NULL, &v))
		return of_vma(&v, 0);
	if (fd < 0 || ftruncate(fd, ATTACK_PAGE) || pwrite(fd, "own", 3, 0) != 3)
		attack_broken("memfd");
	p = mmap(NULL, ATTACK_PAGE, prot, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		attack_broken("memfd");
	return whole(p, ATTACK_PAGE);
}

/* Pages of no file with these rights, the first within so many bytes of the gate. */
static struct seal_target near_gate(const char *rights, long from, long to)
{
	int prot = rights[1] == 'w' ? ATTACK_RW : PROT_READ;
	const char *p = seal_maps();
	uintptr_t gate = 0;
	struct seal_vma v;
	void *own;

	if (seal_maps_named("/memfd:cookiemap-gate (deleted)", NULL, &v))
		gate = v.start;
	while (gate && seal_maps_next(&p, &v))
		if (v.start >= gate + (uintptr_t)from && v.start < gate + (uintptr_t)to &&
		    !v.name_len && !memcmp(v.rights, rights, 4))
			return of_vma(&v, ATTACK_PAGE);
	own = attack_page(prot, ATTACK_ANON);
	if (prot == ATTACK_RW)
		memset(own, 13, ATTACK_PAGE);
	return whole(own, ATTACK_PAGE);
}

static struct seal_target of_kernel(const char *name)
{
	struct seal_vma v;

	if (!seal_maps_named(name, NULL, &v))
		attack_broken("kernel's pages");
	return of_vma(&v, 0);
}

static struct seal_target lively(struct seal_target t)
{
	t.lively = true;
	return t;
}

static struct seal_target of_image(const char *name)
{
	if (attack_is(name, "text"))
		return whole(seal_text, OWN_BYTES);
	if (attack_is(name, "rodata"))
		return whole(rodata, OWN_BYTES);
	if (attack_is(name, "relro"))
		return whole(relro, OWN_BYTES);
	if (attack_is(name, "data"))
		return whole(memset(data, 8, OWN_BYTES), OWN_BYTES);
	if (attack_is(name, "bss"))
		return whole(memset(bss + OWN_BYTES, 7, OWN_BYTES), OWN_BYTES);
	if (attack_is(name, "head"))
		return head();
	if (attack_is(name, "vdso"))
		return of_kernel("[vdso]");
	if (attack_is(name, "vvar"))
		return lively(of_kernel("[vvar]"));
	return whole(NULL, 0);
}

static struct seal_target of_libraries(const char *name, const char *library)
{
	if (attack_is(name, "libc_text"))
		return libc_text();
	if (attack_is(name, "libc_relro"))
		return of_object("/libc.so.6", true);
	if (attack_is(name, "ldso_text"))
		return of_object("/ld-linux", false);
	if (attack_is(name, "ldso_relro"))
		return of_object("/ld-linux", true);
	if (attack_is(name, "cm_text"))
		return of_library(library, "r-xp", 0);
	if (attack_is(name, "cm_relro"))
		return of_library(library, "r--p", 0);
	if (attack_is(name, "cm_state"))
		return of_library(library, "r--p", 1);
	if (attack_is(name, "cm_data"))
		return lively(of_library(library, "rw-p", 0));
	if (attack_is(name, "cm_list"))
		return near_gate("r--p", LIST_AT, 0);
	if (attack_is(name, "cm_arena"))
		return near_gate("rw-p", ARENA_AT, ARENA_AT + 1);
	if (attack_is(name, "gate"))
		return of_memfd("/memfd:cookiemap-gate (deleted)", ATTACK_RX);
	if (attack_is(name, "policy"))
		return of_memfd("/memfd:cookiemap-policy (deleted)", PROT_READ);
	return whole(NULL, 0);
}

/* The target of that name; `library` is the file that it is of, where it may not be loaded. */
struct seal_target seal_find(const char *name, const char *library)
{
	struct seal_target t = of_image(name);

	if (!t.size)
		t = of_libraries(name, library);
	if (!t.size)
		t = seal_own(name, library);
	if (!t.size)
		attack_broken("target");
	return t;
}
