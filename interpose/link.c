/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/link.h"

#include "interpose/mem.h"
#include "interpose/symbol.h"
#include "interpose/forbid.h"

/*
 * ld.so's list of loaded objects, found without calling it: the kernel's auxiliary vector names the
 * program's headers, its dynamic section the debugger's rendezvous (DT_DEBUG), and that the list.
 *
 * Source: gABI "Dynamic Section", glibc elf/link.h (struct r_debug); getauxval(3).
 *
 * Context: the constructor only, while the process has one thread: the list is read without ld.so's
 * lock.
 */

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

static const ElfW(auxv_t) *auxv_of(char **envp)
{
	while (*envp)
		envp++;
	return (const ElfW(auxv_t) *)(envp + 1);
}

/* The program's dynamic section; NULL where it has none. */
static const ElfW(Dyn) *program_dynamic(const ElfW(auxv_t) *av)
{
	const ElfW(Phdr) *ph = NULL;
	uint64_t n = 0, bias = 0;

	for (; av->a_type != AT_NULL; av++) {
		if (av->a_type == AT_PHDR)
			ph = (const ElfW(Phdr) *)av->a_un.a_val;
		else if (av->a_type == AT_PHNUM)
			n = av->a_un.a_val;
	}
	for (uint64_t i = 0; ph && i < n; i++)
		if (ph[i].p_type == PT_PHDR)
			bias = (uint64_t)ph - ph[i].p_vaddr;
	for (uint64_t i = 0; ph && i < n; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			return (const ElfW(Dyn) *)(bias + ph[i].p_vaddr);
	return NULL;
}

/*
 * Finds the list from the constructor's environment pointer, behind which the kernel has laid the
 * auxiliary vector. What cannot be found stays NULL.
 */
void link_init(struct link *lp, char **envp)
{
	const ElfW(Dyn) *dyn = program_dynamic(auxv_of(envp));
	const struct r_debug *debug = NULL;

	*lp = (struct link){NULL, NULL};
	for (; dyn && dyn->d_tag != DT_NULL; dyn++)
		if (dyn->d_tag == DT_DEBUG)
			debug = (const struct r_debug *)dyn->d_un.d_ptr;
	if (!debug)
		return;
	lp->first = debug->r_map;
	for (struct link_map *m = lp->first; m; m = m->l_next)
		if (m->l_ld == _DYNAMIC)
			lp->own = m;
}

static const struct link_map *object_find(const struct link *l, const char *base)
{
	for (const struct link_map *m = l->first; m; m = m->l_next)
		if (text_begins(text_base(m->l_name), base))
			return m;
	return NULL;
}

/*
 * Looks up libc's own versions of what the wrappers add to. A function that libc does not have
 * stays NULL.
 */
void link_libc(const struct link *l, struct libc_calls *cp)
{
	const struct link_map *libc = object_find(l, "libc.so");
	struct symbol_table t;
	const struct {
		const char *name;
		void *fnp;
	} wanted[] = {
		{"execvpe", &cp->execvpe},
		{"fexecve", &cp->fexecve},
		{"posix_spawn", &cp->posix_spawn},
		{"posix_spawnp", &cp->posix_spawnp},
		{"dlclose", &cp->dlclose},
	};

	/* libc's bias is where its first page is: it is a shared object, linked at 0 */
	if (!libc || symbol_table_init(&t, libc->l_addr, libc->l_ld, (const void *)libc->l_addr))
		return;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		symbol_find(&t, wanted[i].name, wanted[i].fnp);
}

/*
 * AddressSanitizer's runtime ends the program unless it is the first library in the list; it passes
 * over objects whose name begins with "linux-", as the vdso's does (LLVM
 * compiler-rt/lib/asan/asan_linux.cpp, FindFirstDSOCallback()). Where that runtime is loaded, the
 * library takes such a name. Nothing but the list's own text changes.
 */
void link_step_aside(const struct link *l)
{
	static char name[] = "linux-cookiemap.so";

	if (l->own && (object_find(l, "libasan.so") || object_find(l, "libclang_rt.asan")))
		l->own->l_name = name;
}
