/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/symbol.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include "tests/unit/unit.h"

static const struct link_map *libc_map(void)
{
	const struct link_map *m;

	for (m = _r_debug.r_map; m; m = m->l_next)
		if (strstr(m->l_name, "/libc.so"))
			return m;
	ck_abort_msg("no libc in the list");
}

static struct symbol_table libc_table(void)
{
	const struct link_map *m = libc_map();
	struct symbol_table t;

	ck_assert_int_eq(symbol_table_init(&t, m->l_addr, m->l_ld, (const void *)m->l_addr), 0);
	return t;
}

/* Functions that glibc does not choose at run time; several have more than one version. */
static const char *const functions[] = {
	"execvpe", "fexecve", "posix_spawn",       "posix_spawnp", "mmap",     "mmap64", "dlclose",
	"malloc",  "fopen",   "pthread_cond_wait", "regexec",      "realpath", "munmap", "syscall",
};

START_TEST(it_finds_what_ld_so_finds)
{
	struct symbol_table t = libc_table();
	void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
	uint64_t at;

	ck_assert_ptr_nonnull(libc);
	ck_assert_msg(!symbol_find(&t, functions[_i], symbol_hash(functions[_i]), &at), "%s",
		      functions[_i]);
	ck_assert_msg((void *)at == dlsym(libc, functions[_i]), "%s", functions[_i]);
}
END_TEST

static const char *const absent[] = {"",          "nonexistent", "execvp_",
				     "execv\x80", "environ",     "memcpy"};

START_TEST(it_finds_no_other)
{
	struct symbol_table t = libc_table();
	uint64_t at = 7;

	ck_assert_msg(symbol_find(&t, absent[_i], symbol_hash(absent[_i]), &at) == -ENOENT, "%s",
		      absent[_i]);
	ck_assert_uint_eq(at, 7);
}
END_TEST

/* Tables that point nowhere, forged in a copy of the description: found or not, never a fault. */
START_TEST(forged_tables_are_not_followed)
{
	const struct symbol_table good = libc_table();
	uint64_t at;

	srand(1);
	for (int i = 0; i < 20000; i++) {
		struct symbol_table t = good;
		uint64_t *fields[] = {&t.symtab, &t.strtab, &t.strtab_bytes, &t.hash, &t.versym};
		uint64_t *field = fields[i % 5];
		uint64_t len = range_len(good.image);

		*field = rand() & 1 ? good.image.start + (uint64_t)rand() % len
				    : (uint64_t)rand() << 33 ^ (uint64_t)rand();
		if (field == &t.strtab || field == &t.strtab_bytes) {
			/* what symbol_table_init() has promised about the names */
			t.strtab = good.image.start + (uint64_t)rand() % len;
			t.strtab_bytes = (uint64_t)rand() % (good.image.end - t.strtab);
		}
		symbol_find(&t, functions[(size_t)i % 14], symbol_hash(functions[(size_t)i % 14]),
			    &at);
	}
}
END_TEST

START_TEST(what_is_no_object_is_refused)
{
	const struct link_map *m = libc_map();
	static char page[4096];
	struct symbol_table t;
	ElfW(Dyn) none = {.d_tag = DT_NULL};

	ck_assert_int_eq(symbol_table_init(&t, m->l_addr, m->l_ld, page), -ENOEXEC);
	memcpy(page, ELFMAG, SELFMAG);
	ck_assert_int_eq(symbol_table_init(&t, m->l_addr, m->l_ld, page), -ENOEXEC);
	ck_assert_int_eq(symbol_table_init(&t, m->l_addr, &none, (const void *)m->l_addr),
			 -ENOEXEC);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("symbol");
	TCase *t = tcase_create("symbol");

	tcase_add_loop_test(t, it_finds_what_ld_so_finds, 0, 14);
	tcase_add_loop_test(t, it_finds_no_other, 0, 6);
	tcase_add_test(t, forged_tables_are_not_followed);
	tcase_add_test(t, what_is_no_object_is_refused);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
