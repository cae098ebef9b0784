/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/names.h"

#include <sys/mman.h>
#include "common/call.h"

/*
 * Names of calls, protections and mapping flags, for reports and tests.
 *
 * MAP_TYPE is a field of four bits with one value, not a set of flags (Linux
 * include/uapi/linux/mman.h), and is printed so. Bits without a name are printed as one hex number:
 * the kernel ignores unknown prot bits, a report must not.
 *
 * Context: anywhere; allocates nothing.
 */

struct bit_name {
	uint64_t bit;
	const char *name;
};

static const struct {
	long nr;
	const char *name;
	unsigned n_args;
} calls[] = {
#define X(NAME, name, n, how) {SYS_##name, #name, n},
	CM_ALL_CALLS(X)
#undef X
};

static const struct bit_name prot_bits[] = {
	{PROT_READ, "PROT_READ"},       {PROT_WRITE, "PROT_WRITE"},   {PROT_EXEC, "PROT_EXEC"},
	{0x01000000, "PROT_GROWSDOWN"}, {0x02000000, "PROT_GROWSUP"},
};

static const struct bit_name map_bits[] = {
	{MAP_FIXED, "MAP_FIXED"},
	{MAP_ANONYMOUS, "MAP_ANONYMOUS"},
	{0x40, "MAP_32BIT"},
	{0x80, "MAP_ABOVE4G"},
	{MAP_GROWSDOWN, "MAP_GROWSDOWN"},
	{0x800, "MAP_DENYWRITE"},
	{0x1000, "MAP_EXECUTABLE"},
	{MAP_LOCKED, "MAP_LOCKED"},
	{MAP_NORESERVE, "MAP_NORESERVE"},
	{MAP_POPULATE, "MAP_POPULATE"},
	{MAP_NONBLOCK, "MAP_NONBLOCK"},
	{MAP_STACK, "MAP_STACK"},
	{MAP_HUGETLB, "MAP_HUGETLB"},
	{0x80000, "MAP_SYNC"},
	{0x100000, "MAP_FIXED_NOREPLACE"},
	{0x4000000, "MAP_UNINITIALIZED"},
};

const char *call_name(long nr)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].nr == nr)
			return calls[i].name;
	return NULL;
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

/* The number of a call of the list by its name, or -1. */
long call_number(const char *name)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (same(calls[i].name, name))
			return calls[i].nr;
	return -1;
}

unsigned call_n_args(long nr)
{
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (calls[i].nr == nr)
			return calls[i].n_args;
	return 6;
}

static void name_bits(struct fmt *f, uint64_t v, const struct bit_name *tab, size_t n, bool any)
{
	for (size_t i = 0; i < n; i++) {
		if (!(v & tab[i].bit))
			continue;
		if (any)
			fmt_char(f, '|');
		fmt_str(f, tab[i].name);
		v &= ~tab[i].bit;
		any = true;
	}
	if (v) {
		if (any)
			fmt_char(f, '|');
		fmt_hex(f, v);
	}
}

void name_prot(struct fmt *f, uint64_t prot)
{
	if (!prot)
		fmt_str(f, "PROT_NONE");
	name_bits(f, prot, prot_bits, sizeof(prot_bits) / sizeof(*prot_bits), false);
}

void name_map_flags(struct fmt *f, uint64_t flags)
{
	static const char *const types[] = {"MAP_FILE", "MAP_SHARED", "MAP_PRIVATE",
					    "MAP_SHARED_VALIDATE"};
	uint64_t type = flags & 15;

	if (type < 4)
		fmt_str(f, types[type]);
	else
		fmt_hex(f, type);
	name_bits(f, flags & ~15ull, map_bits, sizeof(map_bits) / sizeof(*map_bits), true);
}

static void name_arg(struct fmt *f, long nr, unsigned i, uint64_t v)
{
	bool is_mmap = nr == SYS_mmap;

	if (i == 2 && (is_mmap || nr == SYS_mprotect || nr == SYS_pkey_mprotect))
		name_prot(f, v);
	else if (is_mmap && i == 3)
		name_map_flags(f, v);
	else if ((is_mmap && i == 4) || (nr == SYS_madvise && i == 2))
		fmt_dec(f, (int32_t)v);
	else if (i == 1 || v < 1024)
		fmt_udec(f, v);
	else
		fmt_hex(f, v);
}

/* "mprotect(0x7f…, 4096, PROT_READ|PROT_EXEC)" */
void name_call(struct fmt *f, long nr, const uint64_t args[6])
{
	const char *name = call_name(nr);
	unsigned n = call_n_args(nr);

	if (name) {
		fmt_str(f, name);
	} else {
		fmt_str(f, "syscall_");
		fmt_dec(f, nr);
	}
	fmt_char(f, '(');
	for (unsigned i = 0; i < n; i++) {
		if (i)
			fmt_str(f, ", ");
		name_arg(f, nr, i, args[i]);
	}
	fmt_char(f, ')');
}
