/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/symbol.h"
#include "interpose/text.h"

#include <errno.h>
#include "interpose/forbid.h"

/*
 * The address of a function in an object that ld.so has loaded, without asking ld.so: dlsym(3)
 * takes its lock, may allocate, and would find the wrapper.
 *
 * Source: gABI "Dynamic Section" and "Symbol Versioning"; the GNU hash section as binutils writes
 * it (bfd/elflink.c) and glibc reads it (elf/dl-lookup.c). Of several versions the default one is
 * taken, whose index lacks the hidden bit.
 *
 * Holds: nothing outside the object's segments is read, whatever its tables say.
 *
 * Context: pure; used in the constructor.
 */

#define VERSYM_HIDDEN 0x8000

/* Names have no end of their own to go by in a forged table. */
#define MAX_CHAIN 0x10000

static bool inside(const struct symbol_table *t, uint64_t at, uint64_t len)
{
	return at >= t->image.start && at <= t->image.end && len <= t->image.end - at;
}

static bool load_u32(const struct symbol_table *t, uint64_t at, uint32_t *vp)
{
	if (!inside(t, at, 4))
		return false;
	__builtin_memcpy(vp, (const void *)at, 4); /* inline: nothing here is aligned for certain */
	return true;
}

/* The span of the object's loaded segments, from its program headers. */
static int image_range(const ElfW(Ehdr) * e, uint64_t bias, struct range *rp)
{
	const ElfW(Phdr) *ph = (const ElfW(Phdr) *)((const char *)e + e->e_phoff);
	struct range r = {UINT64_MAX, 0};

	if (memcmp(e->e_ident, ELFMAG, SELFMAG) || e->e_phentsize != sizeof(*ph) ||
	    e->e_phoff + e->e_phnum * sizeof(*ph) > CM_PAGE)
		return -ENOEXEC;
	for (unsigned i = 0; i < e->e_phnum; i++) {
		uint64_t start = bias + ph[i].p_vaddr, end = start + ph[i].p_memsz;

		if (ph[i].p_type != PT_LOAD || end < start)
			continue;
		r.start = start < r.start ? start : r.start;
		r.end = end > r.end ? end : r.end;
	}
	if (r.start >= r.end)
		return -ENOEXEC;
	*rp = r;
	return 0;
}

/*
 * Finds the tables of the object loaded with `bias` whose dynamic section is `dyn` and whose first
 * page, with the ELF and program headers, is at `ehdr`. glibc has added the bias to the addresses
 * in `dyn`, other loaders leave them as they are in the file: an address below the object is taken
 * to be one of those.
 *
 * Return: 0; -ENOEXEC for what is no such object or lacks a table.
 */
int symbol_table_init(struct symbol_table *tp, uint64_t bias, const ElfW(Dyn) * dyn,
		      const void *ehdr)
{
	struct symbol_table t = {.bias = bias};

	if (image_range(ehdr, bias, &t.image))
		return -ENOEXEC;
	for (; inside(&t, (uint64_t)dyn, sizeof(*dyn)) && dyn->d_tag != DT_NULL; dyn++) {
		uint64_t v = dyn->d_un.d_val, at = v < t.image.start ? bias + v : v;

		switch (dyn->d_tag) {
		case DT_SYMTAB:
			t.symtab = at;
			break;
		case DT_STRTAB:
			t.strtab = at;
			break;
		case DT_STRSZ:
			t.strtab_bytes = v;
			break;
		case DT_GNU_HASH:
			t.hash = at;
			break;
		case DT_VERSYM:
			t.versym = at;
			break;
		}
	}
	if (!t.symtab || !t.hash || !inside(&t, t.strtab, t.strtab_bytes))
		return -ENOEXEC;
	*tp = t;
	return 0;
}

/* The GNU hash of a name: one for all objects that it is looked up in. Context: pure. */
uint32_t symbol_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h;
}

/* Whether the object may have a name of this hash: two bits of a Bloom filter say no for most of
 * those that it does not have. */
static bool may_have(const struct symbol_table *t, uint32_t hash, uint32_t n_words, uint32_t shift)
{
	uint64_t at = t->hash + 16 + 8ull * (n_words ? hash / 64 % n_words : 0), word;

	if (!n_words || !inside(t, at, 8))
		return false;
	__builtin_memcpy(&word, (const void *)at, 8);
	return word >> hash % 64 & word >> (hash >> (shift & 31)) % 64 & 1;
}

/* Where the chain of a name's bucket begins: its first symbol's number, 0 for an empty one, and
 * the address of the chain word of symbol 0. */
static bool bucket_of(const struct symbol_table *t, uint32_t hash, uint32_t *firstp,
		      uint64_t *chainp)
{
	uint32_t n_buckets, first_hashed, n_bloom, shift;
	uint64_t buckets;

	if (!load_u32(t, t->hash, &n_buckets) || !load_u32(t, t->hash + 4, &first_hashed) ||
	    !load_u32(t, t->hash + 8, &n_bloom) || !load_u32(t, t->hash + 12, &shift) ||
	    !n_buckets || !may_have(t, hash, n_bloom, shift))
		return false;
	buckets = t->hash + 16 + (uint64_t)n_bloom * sizeof(ElfW(Addr));
	*chainp = buckets + 4ull * n_buckets - 4ull * first_hashed;
	return load_u32(t, buckets + 4ull * (hash % n_buckets), firstp) &&
	       (!*firstp || *firstp >= first_hashed);
}

static bool name_is(const struct symbol_table *t, uint32_t offset, const char *name)
{
	uint64_t len = text_len(name) + 1;

	return offset <= t->strtab_bytes && len <= t->strtab_bytes - offset &&
	       !memcmp((const char *)t->strtab + offset, name, len);
}

static bool is_default(const struct symbol_table *t, uint32_t i)
{
	uint64_t at = t->versym + 2ull * i;
	uint16_t v;

	if (!t->versym)
		return true;
	if (!inside(t, at, 2))
		return false;
	__builtin_memcpy(&v, (const void *)at, 2);
	return !(v & VERSYM_HIDDEN);
}

/* The function that symbol `i` defines under `name`. */
static bool symbol_is(const struct symbol_table *t, uint32_t i, const char *name, uint64_t *addrp)
{
	uint64_t at = t->symtab + (uint64_t)i * sizeof(ElfW(Sym));
	ElfW(Sym) s;

	if (!inside(t, at, sizeof(s)))
		return false;
	__builtin_memcpy(&s, (const void *)at, sizeof(s));
	if (s.st_shndx == SHN_UNDEF || (s.st_info & 15) != STT_FUNC ||
	    !name_is(t, s.st_name, name) || !is_default(t, i) ||
	    !inside(t, t->bias + s.st_value, 1))
		return false;
	*addrp = t->bias + s.st_value;
	return true;
}

/*
 * The address of the function that the object exports as `name`, whose hash is `hash`, in its
 * default version.
 *
 * Return: 0; -ENOENT where there is none (one that is chosen at run time, STT_GNU_IFUNC, counts as
 * none).
 */
int symbol_find(const struct symbol_table *t, const char *name, uint32_t hash, uint64_t *addrp)
{
	uint32_t i, word;
	uint64_t chain;

	if (!bucket_of(t, hash, &i, &chain) || !i)
		return -ENOENT;
	for (unsigned n = 0; n < MAX_CHAIN; n++, i++) {
		if (!load_u32(t, chain + 4ull * i, &word))
			return -ENOENT;
		if ((word | 1) == (hash | 1) && symbol_is(t, i, name, addrp))
			return 0;
		if (word & 1) /* end of the chain */
			return -ENOENT;
	}
	return -ENOENT;
}
