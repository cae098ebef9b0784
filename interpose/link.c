/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/link.h"

#include "common/sys.h"
#include "interpose/procmap.h"
#include "interpose/symbol.h"
#include "interpose/text.h"
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

static const ElfW(auxv_t) * auxv_of(char **envp)
{
	while (*envp)
		envp++;
	return (const ElfW(auxv_t) *)(envp + 1);
}

/* What the vector says of the program and of the kernel's pages. */
static void take_auxv(struct link *l, const ElfW(auxv_t) * av)
{
	for (; av->a_type != AT_NULL; av++) {
		if (av->a_type == AT_PHDR)
			l->program.header = (const ElfW(Phdr) *)av->a_un.a_val;
		else if (av->a_type == AT_PHNUM)
			l->program.n = (unsigned)av->a_un.a_val;
		else if (av->a_type == AT_SYSINFO_EHDR)
			l->vdso = av->a_un.a_val;
		else if (av->a_type == AT_BASE)
			l->loader = av->a_un.a_val;
	}
	if (!l->program.header)
		l->program.n = 0;
}

/* The program's dynamic section; NULL where it has none. */
static const ElfW(Dyn) * program_dynamic(const struct segments *s)
{
	uint64_t bias = 0;

	for (unsigned i = 0; i < s->n; i++)
		if (s->header[i].p_type == PT_PHDR)
			bias = (uint64_t)s->header - s->header[i].p_vaddr;
	for (unsigned i = 0; i < s->n; i++)
		if (s->header[i].p_type == PT_DYNAMIC)
			return (const ElfW(Dyn) *)(bias + s->header[i].p_vaddr);
	return NULL;
}

/*
 * Finds the list from the constructor's environment pointer, behind which the kernel has laid the
 * auxiliary vector. What cannot be found stays NULL.
 */
void link_init(struct link *lp, char **envp)
{
	const ElfW(Dyn) * dyn;

	*lp = (struct link){.first = NULL};
	take_auxv(lp, auxv_of(envp));
	for (dyn = program_dynamic(&lp->program); dyn && dyn->d_tag != DT_NULL; dyn++)
		if (dyn->d_tag == DT_DEBUG)
			lp->debug = (struct r_debug *)dyn->d_un.d_ptr;
	if (!lp->debug)
		return;
	lp->first = lp->debug->r_map;
	for (struct link_map *m = lp->first; m; m = m->l_next)
		if (m->l_ld == _DYNAMIC)
			lp->own = m;
}

/* Whether a page is mapped. Context: as the file. */
bool link_is_mapped(uint64_t page)
{
	unsigned char resident;

	return page && !(page & (CM_PAGE - 1)) &&
	       !sys_raw6(SYS_mincore, (long)page, CM_PAGE, (long)&resident, 0, 0, 0);
}

/* Whether headers are those of an object: its dynamic section is where they say. */
static bool are_of(const struct segments *s, const struct link_map *m)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->header[i].p_type == PT_DYNAMIC)
			return s->bias + s->header[i].p_vaddr == (uint64_t)m->l_ld;
	return false;
}

/* Whether the kernel has loaded an object, and not ld.so. Context: as the file. */
bool link_by_kernel(const struct link *l, const struct link_map *m)
{
	struct segments s = l->program;

	s.bias = m->l_addr;
	return m->l_addr == l->loader || are_of(&s, m);
}

/*
 * The program headers of a loaded object: of the program those that the kernel names, unless it is
 * one that ld.so was told to run; of others those in their first page, which is at their bias where
 * they were linked at 0, and else (prelinked, or rewritten by patchelf) where the kernel says.
 *
 * Return: false where they cannot be told.
 */
bool link_segments(const struct link *l, const struct link_map *m, struct segments *sp)
{
	struct segments s = l->program;

	s.bias = m->l_addr;
	if (m == l->first && are_of(&s, m)) {
		*sp = s;
		return true;
	}
	if ((link_is_mapped(m->l_addr) && segments_at(&s, m->l_addr) && are_of(&s, m)) ||
	    (procmap_segments(&s, (uint64_t)m->l_ld, m->l_addr) && are_of(&s, m))) {
		*sp = s;
		return true;
	}
	return false;
}

/* The first object whose file's name begins so. Context: as the file. */
const struct link_map *link_find(const struct link *l, const char *base)
{
	for (const struct link_map *m = l->first; m; m = m->l_next)
		if (text_begins(text_base(m->l_name), base))
			return m;
	return NULL;
}

/* The tables of a loaded object. Its first page is where its bias is: shared objects are linked at
 * 0. One that is not (prelinked) is passed over, and so is what is not mapped there. */
bool link_tables(const struct link_map *m, struct symbol_table *tp)
{
	if (!link_is_mapped(m->l_addr))
		return false;
	return !symbol_table_init(tp, m->l_addr, m->l_ld, (const void *)m->l_addr);
}

/* What libc has of these is a bare system call, which the library makes itself: no need to look. */
static bool is_own(bool libc, unsigned i)
{
	return libc && i < NEXT_PLAIN_N;
}

/*
 * Finds for every wrapped name the definition that the program would have got without the library:
 * the first one behind it in ld.so's order. Usually it is libc's. A sanitizer's runtime and other
 * preloaded libraries wrap the same names, and are not cut out: they are called in libc's place.
 */
void link_next(const struct link *l, struct state *s)
{
	static const char *const names[] = {
#define X(name) #name,
		INTERPOSE_NEXT_NAMES(X)
#undef X
	};
	bool found[NEXT_N] = {false};
	uint32_t hash[NEXT_N];
	unsigned n_left = NEXT_N;
	struct symbol_table t;

	for (unsigned i = 0; i < NEXT_N; i++)
		hash[i] = symbol_hash(names[i]);
	for (const struct link_map *m = l->own->l_next; m && n_left; m = m->l_next) {
		bool libc = text_begins(text_base(m->l_name), "libc.so");

		if (!link_tables(m, &t))
			continue;
		for (unsigned i = 0; i < NEXT_N; i++) {
			uint64_t at;

			if (found[i] ||
			    (!is_own(libc, i) && symbol_find(&t, names[i], hash[i], &at)))
				continue;
			found[i] = true;
			n_left--;
			if (is_own(libc, i))
				continue;
			s->next[i] = (void *)at;
			s->chained |= i < NEXT_MM_N;
		}
	}
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

	if (l->own && (link_find(l, "libasan.so") || link_find(l, "libclang_rt.asan")))
		l->own->l_name = name;
}
