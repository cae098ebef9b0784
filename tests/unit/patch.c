/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Patch kits: for whom one is made, what is in it, and what is remembered of it.
 *
 * The process that asks is the test itself: with its own libc, or with small objects that it maps
 * as a loader would. Its stubs are in a file of the library's name that holds nothing; nobody jumps
 * there.
 */

#include "supervise/supervisor.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "tests/unit/image.h"
#include "tests/unit/unit.h"

#define MOV(nr) 0xb8, (nr)&0xff, (nr) >> 8, 0, 0
#define SYSCALL 0x0f, 0x05
#define CMP     0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff
#define RET     0xc3

#define RX   (PROT_READ | PROT_EXEC)
#define ROOM (IMAGE_BASE + (4u << 20)) /* of address space, for an object */
#define NEAR 0x10000000ull             /* from an object to its stubs */
#define FAR  0x400000000ull            /* from an object to the next */
#define NONE UINT64_MAX

static struct supervisor s;
static struct proc p;
static uint64_t libc, loader;
static char folder[] = "/tmp/cookiemap-patch-XXXXXX";
static struct image image;
static int library;
static uint64_t libc_stubs; /* near libc, and so near its loader */
static uint64_t next_place;

static int find_libc(struct dl_phdr_info *i, size_t size, void *arg)
{
	if (strstr(i->dlpi_name, "/libc.so"))
		libc = i->dlpi_addr;
	if (strstr(i->dlpi_name, "/ld-linux"))
		loader = i->dlpi_addr;
	return 0;
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/* The page that the stubs are in, and the one behind it, at an address. Return: whether there was
 * room. */
static bool put_stubs(uint64_t at)
{
	void *q = mmap((void *)at, 2 * CM_PAGE, RX, MAP_PRIVATE | MAP_FIXED_NOREPLACE, library,
		       KIT_STUBS_AT);

	ck_assert(q == (void *)at || (q == MAP_FAILED && errno == EEXIST));
	return q == (void *)at;
}

static void setup_supervisor(const char *profile)
{
	struct policy_dirs none = {0};
	struct policy_blob tree;
	struct policy_set *set;
	uint64_t gate;
	int memfd;

	s = (struct supervisor){.listener = -1};
	ck_assert_int_eq(policy_set_new(&set, &none, stderr), 0);
	ck_assert_int_eq(policy_set_profile(set, profile, &tree, stderr), 0);
	ck_assert_int_eq(rules_init(&s.rules, set, &tree), 0);
	ck_assert_int_eq(gate_make(&gate, &memfd), 0);
	ck_assert_int_eq(supervisor_init(&s, gate, memfd), 0);
	report_init(&s.report, open("/dev/null", O_WRONLY | O_CLOEXEC));
	p = (struct proc){.pid = getpid(),
			  .via = getpid(),
			  .pidfd = -1,
			  .maps = vma_open(getpid()),
			  .exe = (char *)"/usr/bin/patched",
			  .rule = rules_for(&s.rules, "/usr/bin/patched"),
			  .known = true};
	ck_assert_int_ge(p.maps, 0);
	ck_assert_ptr_nonnull(p.rule);
}

static void setup(void)
{
	strcpy(folder, "/tmp/cookiemap-patch-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	dl_iterate_phdr(find_libc, NULL);
	ck_assert(libc && loader);
	setup_supervisor("default");
	library = open(path_of("libcminterpose.so"), O_CREAT | O_RDWR | O_CLOEXEC, 0700);
	ck_assert_int_eq(ftruncate(library, KIT_STUBS_AT + 2 * CM_PAGE), 0);
	next_place = 0x300000000000; /* where sanitizers have nothing either */
	libc_stubs = libc - NEAR;
	if (!put_stubs(libc_stubs))
		ck_assert(put_stubs(libc_stubs += 2 * NEAR));
}

static void teardown(void)
{
	char command[64];

	close(p.maps);
	snprintf(command, sizeof(command), "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static int give(uint64_t first, uint64_t second, uint64_t stubs)
{
	const uint64_t base[KIT_OBJECTS] = {first, second};

	return patch_give(&s, &p, base, stubs);
}

/* The kit for one object of the test's own with its stubs near by. */
static int give_one(uint64_t base)
{
	put_stubs(base + NEAR);
	return give(base, 0, base + NEAR);
}

/* The kit for libc and its loader. */
static int give_both(void)
{
	return give(libc, loader, libc_stubs);
}

static uint64_t inode(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return st.st_ino;
}

static const struct kit *view(int fd)
{
	struct stat st;
	void *at;

	ck_assert_int_eq(fstat(fd, &st), 0);
	at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	ck_assert_ptr_ne(at, MAP_FAILED);
	return at;
}

/* ---- objects of the test's own -----------------------------------------------------------------
 */

/* Writes an object, whole pages of it and one more. `at`: where it wants its code,
 * which the file has at IMAGE_CODE. */
static int write_object_at(const char *name, const uint8_t *code, size_t n, uint64_t at)
{
	int fd = open(path_of(name), O_CREAT | O_TRUNC | O_RDWR, 0700);
	Elf64_Phdr *h = (Elf64_Phdr *)(image.bytes + sizeof(Elf64_Ehdr));

	image_init(&image, code, 1);
	h->p_filesz = h->p_memsz = n;
	h->p_vaddr = at;
	ck_assert_int_eq(write(fd, image.bytes, IMAGE_CODE), IMAGE_CODE);
	ck_assert_int_eq(write(fd, code, n), (ssize_t)n);
	ck_assert_int_eq(ftruncate(fd, (off_t)page_up(IMAGE_CODE + n) + CM_PAGE), 0);
	return fd;
}

static int write_object(const char *name, const uint8_t *code, size_t n)
{
	return write_object_at(name, code, n, IMAGE_BASE + IMAGE_CODE);
}

struct place {
	uint64_t text; /* from the base; where the object wants it: IMAGE_BASE */
	off_t offset;
	int prot;
	int flags;
};

static const struct place proper = {IMAGE_BASE, 0, RX, MAP_PRIVATE};

/* Maps an object as its program headers say, but for what `how` says otherwise. */
static uint64_t load(int fd, const struct place *how)
{
	char *base = mmap((void *)next_place, ROOM, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	struct stat st;

	ck_assert_ptr_ne(base, MAP_FAILED);
	next_place += FAR;
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_ptr_eq(mmap(base, CM_PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0), base);
	ck_assert_ptr_ne(mmap(base + how->text, (size_t)(st.st_size - how->offset), how->prot,
			      how->flags | MAP_FIXED, fd, how->offset),
			 MAP_FAILED);
	return (uint64_t)base;
}

static const uint8_t one_call[] = {MOV(9), SYSCALL, CMP, RET};

/* An object with that name, loaded. */
static uint64_t object(const char *name)
{
	int fd = write_object(name, one_call, sizeof(one_call));
	uint64_t base = load(fd, &proper);

	close(fd);
	return base;
}

/* ---- what is in one
 * ------------------------------------------------------------------------------
 */

START_TEST(libc_and_its_loader_get_one)
{
	int fd = give_both();
	const struct kit *k;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GET_SEALS),
			 F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	ck_assert_uint_eq(p.kit, inode(fd));
	ck_assert(patch_is_kit(&s.patches, p.kit));
	k = view(fd);
	ck_assert(k->magic == KIT_MAGIC);
	for (unsigned i = 0; i < KIT_OBJECTS; i++)
		ck_assert(k->n_known[i] > 0 && k->window[i].n_pages > 0);
	ck_assert_uint_gt(k->n_sites, 8);
}
END_TEST

/* What the kernel would say of a mapping of the kit's page. */
static struct vma mapping_of(uint64_t kit, uint64_t page)
{
	return (struct vma){.dev = s.patches.dev,
			    .ino = kit,
			    .offset_bytes = page * CM_PAGE,
			    .name = "/memfd:x (deleted)"};
}

/* The window's bytes as the file has them, by what is remembered of the kit. */
static uint8_t *bytes_of_file(const struct kit_window *w, uint64_t kit)
{
	struct vma v = mapping_of(kit, w->page);
	size_t size = w->n_pages * CM_PAGE;
	uint8_t *bytes = malloc(size);
	struct stat st;
	int fd;

	ck_assert(patch_origin(&s.patches, &v));
	fd = open(v.name, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq(st.st_ino, v.ino);
	ck_assert_int_eq(pread(fd, bytes, size, (off_t)v.offset_bytes), (ssize_t)size);
	close(fd);
	return bytes;
}

/* The jump at `jump` leads to stub `i`; `mov`, what the file has there, is the call it stands for.
 */
static void check_jump(const uint8_t *jump, const uint8_t *mov, uint64_t addr, uint64_t stubs,
		       unsigned i, uint32_t nr)
{
	const uint8_t wanted[] = {MOV(nr), SYSCALL};
	int32_t rel;

	ck_assert_uint_eq(jump[0], 0xe9);
	memcpy(&rel, jump + 1, sizeof(rel));
	ck_assert_uint_eq(addr + 5 + (uint64_t)(int64_t)rel, stubs + i * 160 + 8);
	ck_assert_mem_eq(mov, wanted, sizeof(wanted));
}

static void check_window(const struct kit *k, unsigned object, uint64_t base, uint64_t stubs)
{
	const struct kit_window *w = &k->window[object];
	const uint8_t *copy = (const uint8_t *)k + w->page * CM_PAGE;
	uint8_t *file = bytes_of_file(w, p.kit);

	for (unsigned i = 0; i < k->n_sites; i++) {
		uint64_t at = k->site[i].back - 7 - w->start;

		if (k->site[i].object != object)
			continue;
		ck_assert_uint_le(at + 7, w->n_pages * CM_PAGE);
		check_jump(copy + at, file + at, base + k->site[i].back - 7, stubs, i,
			   k->site[i].nr);
		memcpy(file + at, copy + at, 5);
	}
	ck_assert_mem_eq(copy, file, w->n_pages * CM_PAGE);
	free(file);
}

START_TEST(a_kit_of_both_is_their_files_but_for_jumps)
{
	const struct kit *k = view(give_both());

	check_window(k, 0, libc, libc_stubs);
	check_window(k, 1, loader, libc_stubs);
}
END_TEST

/* Loop: stubs behind the object and before it, near and far. */
START_TEST(a_kit_is_the_file_but_for_jumps_to_the_stubs)
{
	static const int64_t far[] = {NEAR, -(int64_t)NEAR, 0x70000000, -0x70000000};
	uint64_t base = object("libc.so.6"), stubs = base + (uint64_t)far[_i];
	int fd;

	ck_assert(put_stubs(stubs));
	fd = give(base, 0, stubs);
	ck_assert_int_ge(fd, 0);
	check_window(view(fd), 0, base, stubs);
}
END_TEST

/* Of libc's calls those that libc makes for itself are in it, whatever else is. */
START_TEST(mmap_munmap_and_mprotect_are_in_it)
{
	const struct kit *k = view(give(libc, 0, libc_stubs));
	unsigned seen = 0;

	for (unsigned i = 0; i < k->n_sites; i++)
		seen |= k->site[i].nr <= SYS_munmap ? 1u << k->site[i].nr : 0;
	ck_assert_uint_eq(seen, 1u << SYS_mmap | 1u << SYS_munmap | 1u << SYS_mprotect);
	ck_assert_uint_eq(k->window[1].n_pages, 0);
	ck_assert_uint_eq(k->n_known[1], 0);
}
END_TEST

START_TEST(an_object_of_that_name_gets_its_own_code)
{
	uint64_t base = object("libc.so.own");
	int fd = give_one(base);

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(view(fd)->n_sites, 1);
	check_window(view(fd), 0, base, base + NEAR);
}
END_TEST

/* Loop: one page more than a window has; the window's first and last possible place. */
START_TEST(sites_that_no_window_holds_are_left_out)
{
	static uint8_t code[(KIT_PAGES + 1) * CM_PAGE];
	static const struct {
		size_t second; /* where the second site is */
		unsigned n;
	} rows[] = {{64, 2}, {KIT_PAGES * CM_PAGE - 0x200 - 13, 2}, {KIT_PAGES * CM_PAGE, 1}};
	uint64_t base;
	int fd;

	memset(code, 0xcc, sizeof(code));
	memcpy(code, one_call, sizeof(one_call));
	memcpy(code + rows[_i].second, one_call, sizeof(one_call));
	base = load(write_object("libc.so.wide", code, sizeof(code)), &proper);
	fd = give_one(base);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(view(fd)->n_sites, rows[_i].n);
	ck_assert_uint_eq(view(fd)->n_known[0], 2);
	ck_assert_uint_le(view(fd)->window[0].n_pages, KIT_PAGES);
	check_window(view(fd), 0, base, base + NEAR);
}
END_TEST

START_TEST(more_sites_than_stubs_are_left_out)
{
	static uint8_t code[2 * KIT_SITES * sizeof(one_call)];
	uint64_t first, second;
	const struct kit *k;

	for (size_t i = 0; i < sizeof(code); i += sizeof(one_call))
		memcpy(code + i, one_call, sizeof(one_call));
	first = load(write_object("libc.so.many", code, sizeof(code)), &proper);
	k = view(give_one(first));
	ck_assert_uint_eq(k->n_sites, KIT_SITES);
	check_window(k, 0, first, first + NEAR);
	/* The other object finds no stub any more, and is left as it is. */
	next_place = first + 2 * NEAR;
	second = object("ld-linux.few");
	ck_assert_int_ge(give(0, second, first + NEAR), 0);
	ck_assert_int_ge(give(first, second, first + NEAR), 0);
	ck_assert_uint_eq(view(give(first, second, first + NEAR))->window[1].n_pages, 0);
}
END_TEST

/* ---- who gets none
 * ------------------------------------------------------------------------------- */

static uint64_t anonymous(int prot)
{
	return (uint64_t)mmap(NULL, CM_PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Loop: addresses that no libc is loaded at. */
START_TEST(what_is_no_libc_gets_none)
{
	extern const char __executable_start[];
	int stack;
	const uint64_t bad[] = {0,
				1,
				CM_PAGE,
				libc + 1,
				libc + CM_PAGE,
				libc - CM_PAGE,
				libc + 0x100000,
				loader + CM_PAGE,
				(uint64_t)__executable_start,
				page_down((uint64_t)&stack),
				page_down((uint64_t)&s),
				anonymous(PROT_READ),
				0xffffffffff600000, /* vsyscall */
				0x7ffffffff000,
				1ull << 63,
				UINT64_MAX,
				UINT64_MAX - CM_PAGE + 1};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		ck_assert_int_eq(give(bad[i], 0, libc_stubs), -ENOENT);
		ck_assert_int_eq(give(bad[i], bad[i], libc_stubs), -ENOENT);
	}
	ck_assert_uint_eq(s.patches.n_kits, 0);
	ck_assert_uint_eq(p.kit, 0);
	ck_assert_int_ge(give(bad[3], loader, libc_stubs), 0); /* the other gets its own */
}
END_TEST

START_TEST(stubs_that_no_jump_reaches_get_none)
{
	static const uint64_t far[] = {1ull << 32, -(1ull << 32), 1ull << 33, -(1ull << 33),
				       1ull << 40};
	uint64_t base = object("libc.so.6");

	for (size_t i = 0; i < sizeof(far) / sizeof(*far); i++) {
		ck_assert(put_stubs(base + far[i]));
		ck_assert_int_eq(give(base, 0, base + far[i]), -ENOENT);
	}
	ck_assert_int_ge(give_one(base), 0);
}
END_TEST

/* Loop: stubs about as far away from the site as a jump goes, behind it and before. */
START_TEST(a_jump_leads_to_its_stub_or_there_is_none)
{
	uint64_t base = object("libc.so.6"), away = 0x7ff80000 + _i / 2 * 0x20000ull;
	uint64_t stubs = base + IMAGE_BASE + (_i % 2 ? -away : away);
	int fd;

	ck_assert(put_stubs(stubs));
	fd = give(base, 0, stubs);
	if (fd >= 0)
		check_window(view(fd), 0, base, stubs);
	else
		ck_assert_int_eq(fd, -ENOENT);
	ck_assert(fd >= 0 || _i >= 4); /* the nearest of them are in reach */
}
END_TEST

/* Loop: what is mapped where the stubs are said to be. */
START_TEST(stubs_that_are_not_the_librarys_get_none)
{
	static const struct place bad[] = {
		{0, KIT_STUBS_AT, PROT_READ, MAP_PRIVATE},
		{0, KIT_STUBS_AT, RX | PROT_WRITE, MAP_PRIVATE},
		{0, KIT_STUBS_AT, RX, MAP_SHARED},
		{0, KIT_STUBS_AT - CM_PAGE, RX, MAP_PRIVATE},
		{0, KIT_STUBS_AT + CM_PAGE, RX, MAP_PRIVATE},
		{0, KIT_STUBS_AT, RX, MAP_PRIVATE}, /* and of another name */
	};
	uint64_t base = object("libc.so.6"), stubs = base + 2 * NEAR;
	int fd = library;

	if (_i == 5) {
		fd = open(path_of("libz.so.1"), O_CREAT | O_RDWR, 0700);
		ck_assert_int_eq(ftruncate(fd, KIT_STUBS_AT + 2 * CM_PAGE), 0);
	}
	ck_assert_ptr_eq(mmap((void *)stubs, 2 * CM_PAGE, bad[_i].prot, bad[_i].flags | MAP_FIXED,
			      fd, bad[_i].offset),
			 (void *)stubs);
	ck_assert_int_eq(give(base, 0, stubs), -ENOENT);
	ck_assert_int_ge(give_one(base), 0);
}
END_TEST

START_TEST(stubs_at_another_place_of_the_library_get_none)
{
	uint64_t base = object("libc.so.6"), stubs = base + NEAR;

	ck_assert_int_ge(give_one(base), 0);
	for (uint64_t by = 1; by < 2 * CM_PAGE; by *= 2) {
		ck_assert_int_eq(give(base, 0, stubs + by), -ENOENT);
		ck_assert_int_eq(give(base, 0, stubs - by), -ENOENT);
	}
	ck_assert_int_eq(munmap((void *)(stubs + CM_PAGE), CM_PAGE), 0); /* the last few of them */
	ck_assert_int_eq(give(base, 0, stubs), -ENOENT);
	ck_assert_int_eq(munmap((void *)stubs, CM_PAGE), 0);
	ck_assert_int_eq(give(base, 0, stubs), -ENOENT);
	ck_assert_int_eq(give(base, 0, 0), -ENOENT);
	ck_assert_int_eq(give(base, 0, NONE), -ENOENT);
}
END_TEST

/* Loop: the text mapped otherwise than a loader does. */
START_TEST(text_that_is_not_mapped_as_it_is_in_the_file_gets_none)
{
	static const struct place bad[] = {
		{IMAGE_BASE, 0, PROT_READ, MAP_PRIVATE},
		{IMAGE_BASE, 0, PROT_READ | PROT_WRITE, MAP_PRIVATE},
		{IMAGE_BASE, 0, RX | PROT_WRITE, MAP_PRIVATE},
		{IMAGE_BASE, 0, RX, MAP_SHARED},
		{IMAGE_BASE, CM_PAGE, RX, MAP_PRIVATE},
		{IMAGE_BASE + CM_PAGE, 0, RX, MAP_PRIVATE},
		{IMAGE_BASE - CM_PAGE, 0, RX, MAP_PRIVATE},
	};
	static uint8_t code[CM_PAGE + sizeof(one_call)];
	int fd;

	memcpy(code, one_call, sizeof(one_call));
	memcpy(code + CM_PAGE, one_call, sizeof(one_call));
	fd = write_object("libc.so.placed", code, sizeof(code));
	ck_assert_int_eq(give_one(load(fd, &bad[_i])), -ENOENT);
	ck_assert_int_ge(give_one(load(fd, &proper)), 0);
}
END_TEST

START_TEST(text_of_another_file_gets_none)
{
	int mine = write_object("libc.so.mine", one_call, sizeof(one_call));
	int other = write_object("libc.so.other", one_call, sizeof(one_call));
	uint64_t base = load(mine, &proper);

	ck_assert_int_ge(give_one(base), 0);
	ck_assert_ptr_ne(mmap((void *)(base + IMAGE_BASE), 2 * CM_PAGE, RX, MAP_PRIVATE | MAP_FIXED,
			      other, 0),
			 MAP_FAILED);
	ck_assert_int_eq(give_one(base), -ENOENT);
	ck_assert_int_eq(munmap((void *)(base + IMAGE_BASE), 2 * CM_PAGE), 0);
	ck_assert_int_eq(give_one(base), -ENOENT);
}
END_TEST

START_TEST(text_that_is_mapped_in_part_gets_none)
{
	static uint8_t code[5 * CM_PAGE];
	uint64_t base;

	memcpy(code + 3 * CM_PAGE, one_call, sizeof(one_call));
	memcpy(code + 4 * CM_PAGE, one_call, sizeof(one_call));
	base = load(write_object("libc.so.part", code, sizeof(code)), &proper);
	ck_assert_int_ge(give_one(base), 0);
	ck_assert_int_eq(mprotect((void *)(base + IMAGE_BASE + 4 * CM_PAGE), CM_PAGE, PROT_READ),
			 0);
	ck_assert_int_eq(give_one(base), -ENOENT);
}
END_TEST

/* The window must not be all there is of the mapping: what lies around it tells that a kit is in
 * its place. */
START_TEST(text_that_is_no_more_than_the_window_gets_none)
{
	uint64_t base = object("libc.so.alone");

	ck_assert_int_ge(give_one(base), 0);
	ck_assert_int_eq(munmap((void *)(base + IMAGE_BASE + CM_PAGE), CM_PAGE), 0);
	ck_assert_int_eq(give_one(base), -ENOENT);
}
END_TEST

/* What policy refuses, and nobody has looked at yet. */
START_TEST(text_that_may_not_be_code_gets_none)
{
	uint64_t base;

	close(p.maps);
	setup_supervisor("strict"); /* any file that is written from now on is too new for it */
	base = object("libc.so.6");
	ck_assert_int_eq(give_one(base), -ENOENT);
	ck_assert(p.killed);
	ck_assert_uint_eq(s.patches.n_kits, 0);
}
END_TEST

/* Loop: names. The last four are libc's or a loader's. */
START_TEST(an_object_of_another_name_gets_none)
{
	static const char *const names[] = {"libz.so.1",   "xlibc.so.6",  "libc.s",
					    "libm.so.6",   "libc.so.6",   "ld-linux-x86-64.so.2",
					    "ld-musl-x86", "libc-2.31.so"};
	bool named = _i >= 4;

	ck_assert_int_eq(give_one(object(names[_i])) >= 0, named);
	ck_assert_uint_eq(s.patches.n_kits, named);
}
END_TEST

/* Loop: objects that hold nothing to patch. */
START_TEST(an_object_without_calls_gets_none)
{
	static const uint8_t codes[][8] = {{RET}, {MOV(39), SYSCALL, RET}, {MOV(9), RET, RET, RET}};
	int fd = write_object("libc.so.empty", codes[_i], sizeof(codes[_i]));

	ck_assert_int_eq(give_one(load(fd, &proper)), -ENOENT);
}
END_TEST

/* What a dynamic loader would refuse, mapped by hand: the text's place in memory and that in the
 * file are no whole pages apart. */
START_TEST(segments_that_no_kernel_maps_get_none)
{
	static uint8_t code[2 * CM_PAGE];

	memset(code, 0xcc, sizeof(code));
	memcpy(code, one_call, sizeof(one_call));
	memcpy(code + 0xf00, one_call, sizeof(one_call));
	ck_assert_int_eq(
		give_one(load(write_object_at("libc.so.askew", code, sizeof(code), IMAGE_BASE + 1),
			      &proper)),
		-ENOENT);
	ck_assert_int_ge(give_one(load(write_object("libc.so.even", code, sizeof(code)), &proper)),
			 0);
}
END_TEST

/* ---- what is remembered
 * -------------------------------------------------------------------------- */

START_TEST(the_same_layout_gets_the_same_kit)
{
	int fd = give_both();
	uint64_t first = p.kit;

	p.kit = 0;
	ck_assert_int_eq(give_both(), fd);
	ck_assert_uint_eq(p.kit, first);
	ck_assert_uint_eq(s.patches.n_kits, 1);
	if (put_stubs(libc_stubs + 2 * CM_PAGE))
		give(libc, loader, libc_stubs + 2 * CM_PAGE);
	ck_assert_uint_ne(p.kit, first);
	give(libc, 0, libc_stubs);
	ck_assert_uint_ne(p.kit, first);
}
END_TEST

/* One that cannot be made takes nothing from those that were. */
START_TEST(without_descriptors_the_kits_before_stay_known)
{
	uint64_t base = object("libc.so.far"), stubs = base + NEAR + 2 * CM_PAGE, first;
	struct rlimit all, none;
	struct vma v;
	int next;

	ck_assert_int_ge(give_one(base), 0);
	first = p.kit;
	v = mapping_of(first, 1);
	ck_assert(put_stubs(stubs));
	next = dup(STDIN_FILENO);
	close(next);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = (struct rlimit){(rlim_t)next, all.rlim_max};
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(give(base, 0, stubs), -ENOENT);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &all), 0);
	ck_assert(patch_is_kit(&s.patches, first) && patch_origin(&s.patches, &v));
}
END_TEST

/* More layouts than are kept: what was given out is known for ever, and what is asked for again is
 * made again. */
START_TEST(a_kit_that_is_not_kept_is_known_still)
{
	enum { N = PATCH_KITS + 8 };
	uint64_t base = object("libc.so.far"), ino[N];
	int held = -1;

	for (unsigned i = 0; i < N; i++) {
		int fd = -1;

		if (put_stubs(base + NEAR + i * 2 * CM_PAGE))
			fd = give(base, 0, base + NEAR + i * 2 * CM_PAGE);
		ck_assert_int_ge(fd, 0);
		if (!i)
			held = dup(fd); /* as whoever has mapped it */
		ino[i] = p.kit;
		for (unsigned k = 0; k < i; k++)
			ck_assert_uint_ne(ino[k], ino[i]);
	}
	for (unsigned i = 0; i < N; i++) {
		struct vma v = mapping_of(ino[i], 1), caller = {.ino = 0};

		ck_assert(patch_is_kit(&s.patches, ino[i]));
		ck_assert(patch_origin(&s.patches, &v));
		ck_assert_str_eq(v.name, path_of("libc.so.far"));
		ck_assert(patch_caller(&s.patches, ino[i], 0, &caller));
	}
	ck_assert_int_ge(give_one(base), 0);
	ck_assert_uint_ne(p.kit, ino[0]);
	ck_assert_uint_eq(inode(held), ino[0]);
	ck_assert(patch_is_kit(&s.patches, ino[0]));
	check_window(view(held), 0, base, base + NEAR);
	give(base, 0, base + NEAR + (N - 1) * 2 * CM_PAGE);
	ck_assert_uint_eq(p.kit, ino[N - 1]);
}
END_TEST

START_TEST(a_file_that_changed_is_read_again)
{
	static const uint8_t before[64] = {MOV(9), SYSCALL, CMP, RET};
	static const uint8_t other[] = {0x90, 0x90, MOV(11), SYSCALL, CMP, RET};
	int fd = write_object("libc.so.changing", before, sizeof(before));
	uint64_t base = load(fd, &proper), first;
	struct vma v;

	ck_assert_int_ge(give_one(base), 0);
	first = p.kit;
	usleep(20000); /* the file systems' clock is coarse */
	ck_assert_int_eq(pwrite(fd, other, sizeof(other), IMAGE_CODE), sizeof(other));
	ck_assert_int_ge(give_one(base), 0);
	ck_assert_uint_ne(p.kit, first);
	ck_assert_uint_eq(view(give_one(base))->site[0].nr, SYS_munmap);
	check_window(view(give_one(base)), 0, base, base + NEAR);
	v = mapping_of(first, 1);
	ck_assert(patch_is_kit(&s.patches, first) && patch_origin(&s.patches, &v));
	/* Without anything to patch in it, and cut off. */
	usleep(20000);
	ck_assert_int_eq(pwrite(fd, "\xc3\xc3\xc3", 3, IMAGE_CODE + 2), 3);
	ck_assert_int_eq(give_one(base), -ENOENT);
	usleep(20000);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(give_one(base), -ENOENT);
}
END_TEST

START_TEST(files_beyond_the_limit_get_none)
{
	uint64_t base[PATCH_FILES + 1];
	char name[32];

	for (unsigned i = 0; i <= PATCH_FILES; i++) {
		snprintf(name, sizeof(name), "libc.so.%u", i);
		base[i] = object(name);
		ck_assert_int_eq(give_one(base[i]) >= 0, i < PATCH_FILES);
	}
	for (unsigned i = 0; i < PATCH_FILES; i++)
		ck_assert_int_ge(give_one(base[i]), 0);
	ck_assert_int_eq(give_both(), -ENOENT);
}
END_TEST

START_TEST(pages_of_a_kit_are_told_to_be_the_files)
{
	const struct kit *k = view(give_both());
	struct vma v = mapping_of(p.kit, 0), mapped;
	uint64_t end = k->window[1].page + k->window[1].n_pages, base[] = {libc, loader};

	ck_assert(!patch_origin(&s.patches, &v)); /* its table */
	v = mapping_of(p.kit, end);
	ck_assert(!patch_origin(&s.patches, &v));
	for (unsigned i = 0; i < KIT_OBJECTS; i++) {
		for (unsigned n = 0; n < k->window[i].n_pages; n++) {
			uint64_t at = base[i] + k->window[i].start + n * CM_PAGE;

			ck_assert_int_eq(vma_at(p.maps, at, &mapped), 0);
			v = mapping_of(p.kit, k->window[i].page + n);
			ck_assert(patch_origin(&s.patches, &v));
			ck_assert_str_eq(v.name, mapped.name);
			ck_assert(v.ino == mapped.ino && v.dev == mapped.dev);
			ck_assert_uint_eq(v.offset_bytes,
					  mapped.offset_bytes + at - mapped.range.start);
		}
	}
}
END_TEST

START_TEST(the_stub_tells_whose_call_it_is)
{
	const struct kit *k = view(give_both());
	uint64_t base[] = {libc, loader};
	struct vma v, mapped;

	for (unsigned i = 0; i < k->n_sites; i++) {
		uint64_t at = base[k->site[i].object] + k->site[i].back;

		ck_assert(patch_caller(&s.patches, p.kit, i, &v));
		ck_assert_int_eq(vma_at(p.maps, at, &mapped), 0);
		ck_assert_str_eq(v.name, mapped.name);
		ck_assert(v.ino == mapped.ino && v.dev == mapped.dev);
		ck_assert_uint_eq(v.offset_bytes, mapped.offset_bytes + at - mapped.range.start);
	}
	for (unsigned i = k->n_sites; i < 2 * KIT_SITES; i++)
		ck_assert(!patch_caller(&s.patches, p.kit, i, &v));
	ck_assert(!patch_caller(&s.patches, p.kit, UINT32_MAX, &v));
}
END_TEST

START_TEST(nothing_else_is_a_kit)
{
	int fd = memfd_create("cookiemap-patch", MFD_CLOEXEC);
	uint64_t ino[] = {0, 1, inode(fd), NONE}, given;
	struct vma v, before;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(ino) / sizeof(*ino); i++) {
			v = before = mapping_of(ino[i], 1);
			ck_assert(!patch_is_kit(&s.patches, ino[i]));
			ck_assert(!patch_origin(&s.patches, &v));
			ck_assert(!memcmp(&v, &before, sizeof(v)));
			ck_assert(!patch_caller(&s.patches, ino[i], 0, &v));
		}
		give_both(); /* and when there is one */
	}
	given = p.kit;
	v = mapping_of(given, 1);
	v.offset_bytes = NONE & ~(CM_PAGE - 1);
	ck_assert(!patch_origin(&s.patches, &v));
	v = mapping_of(given, 1);
	v.dev++; /* another file of that number */
	ck_assert(!patch_origin(&s.patches, &v));
}
END_TEST

START_TEST(a_process_that_may_not_be_looked_at_gets_none)
{
	close(p.maps);
	p.maps = -EACCES;
	ck_assert_int_eq(give_both(), -ENOENT);
	p.maps = vma_open(getpid());
	ck_assert_int_ge(give_both(), 0);
}
END_TEST

static struct vma at_address(uint64_t addr)
{
	struct vma v;

	ck_assert_int_eq(vma_at(p.maps, addr, &v), 0);
	return v;
}

/* Maps the window's pages of a kit somewhere. Return: whether that is its place. */
static bool is_in_place(int fd, uint64_t at, int prot, int flags)
{
	const struct kit_window *w = &view(fd)->window[0];
	struct vma v;

	ck_assert_ptr_eq(mmap((void *)at, w->n_pages * CM_PAGE, prot, flags | MAP_FIXED, fd,
			      (off_t)(w->page * CM_PAGE)),
			 (void *)at);
	v = at_address(at);
	return patch_is_in_place(&s.patches, p.maps, &v);
}

/* An object whose window is its second page of text, of three. Return: where that is. */
static uint64_t framed_object(int *fdp)
{
	static uint8_t code[2 * CM_PAGE];
	uint64_t base;

	memcpy(code + CM_PAGE, one_call, sizeof(one_call));
	base = load(write_object("libc.so.6", code, sizeof(code)), &proper);
	*fdp = give_one(base);
	ck_assert_int_ge(*fdp, 0);
	return base + IMAGE_BASE + CM_PAGE;
}

START_TEST(a_kit_is_in_place_in_the_files_text_only)
{
	int fd;
	uint64_t place = framed_object(&fd);

	ck_assert(!is_in_place(fd, place + 8 * CM_PAGE, RX, MAP_PRIVATE));
	ck_assert(!is_in_place(fd, place, PROT_READ, MAP_PRIVATE));
	ck_assert(!is_in_place(fd, place, RX | PROT_WRITE, MAP_PRIVATE));
	ck_assert(!is_in_place(fd, place, RX, MAP_SHARED));
	ck_assert(is_in_place(fd, place, RX, MAP_PRIVATE));
	ck_assert(!is_in_place(fd, place + CM_PAGE, RX, MAP_PRIVATE)); /* beside it */
	ck_assert(!is_in_place(fd, place - CM_PAGE, RX, MAP_PRIVATE));
}
END_TEST

/* Loop: only what lies before it is there, only what lies behind it, neither. */
START_TEST(one_side_of_a_kits_place_is_enough)
{
	int fd;
	uint64_t place = framed_object(&fd);

	if (_i != 0)
		ck_assert_int_eq(munmap((void *)(place - CM_PAGE), CM_PAGE), 0);
	if (_i != 1)
		ck_assert_int_eq(munmap((void *)(place + CM_PAGE), 2 * CM_PAGE), 0);
	ck_assert(!is_in_place(fd, place, RX, MAP_SHARED));
	ck_assert(!is_in_place(fd, place, RX | PROT_WRITE, MAP_PRIVATE));
	ck_assert(is_in_place(fd, place, RX, MAP_PRIVATE) == (_i != 2));
}
END_TEST

static bool piece_is_in_place(uint64_t at)
{
	struct vma v = at_address(at);

	ck_assert_uint_eq(v.range.start, at); /* it is one */
	return patch_is_in_place(&s.patches, p.maps, &v);
}

/* As mlock(2) makes them. */
START_TEST(pieces_of_a_kit_are_in_place_together)
{
	static uint8_t code[4 * CM_PAGE];
	uint64_t base, place;
	int fd;

	for (unsigned i = 1; i < 4; i++)
		memcpy(code + i * CM_PAGE, one_call, sizeof(one_call));
	base = load(write_object("libc.so.6", code, sizeof(code)), &proper);
	place = base + IMAGE_BASE + CM_PAGE;
	fd = give_one(base);
	ck_assert_uint_eq(view(fd)->window[0].n_pages, 3);
	ck_assert(is_in_place(fd, place, RX, MAP_PRIVATE));
	ck_assert_int_eq(madvise((void *)(place + CM_PAGE), CM_PAGE, MADV_DONTFORK), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(piece_is_in_place(place + i * CM_PAGE));
	/* What holds nobody. */
	ck_assert_int_eq(munmap((void *)(place - CM_PAGE), CM_PAGE), 0);
	ck_assert_int_eq(munmap((void *)(place + 3 * CM_PAGE), 2 * CM_PAGE), 0);
	for (unsigned i = 0; i < 3; i++)
		ck_assert(!piece_is_in_place(place + i * CM_PAGE));
}
END_TEST

/* A page of the kit beside another of it that does not follow it in the file. */
START_TEST(pieces_in_another_order_are_not_in_place)
{
	static uint8_t code[3 * CM_PAGE];
	uint64_t base, place;
	int fd;

	for (unsigned i = 1; i < 3; i++)
		memcpy(code + i * CM_PAGE, one_call, sizeof(one_call));
	base = load(write_object("libc.so.6", code, sizeof(code)), &proper);
	place = base + IMAGE_BASE + CM_PAGE;
	fd = give_one(base);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_ptr_ne(mmap((void *)(place + i * CM_PAGE), CM_PAGE, RX,
				      MAP_PRIVATE | MAP_FIXED, fd, (off_t)((2 - i) * CM_PAGE)),
				 MAP_FAILED);
	ck_assert(!piece_is_in_place(place));
	ck_assert(!piece_is_in_place(place + CM_PAGE));
}
END_TEST

START_TEST(a_mapping_that_is_no_kit_is_in_no_place)
{
	uint64_t base = object("libc.so.6");
	struct vma v = at_address(base + IMAGE_BASE);

	ck_assert(!patch_is_in_place(&s.patches, p.maps, &v));
	ck_assert_int_ge(give_one(base), 0);
	ck_assert(!patch_is_in_place(&s.patches, p.maps, &v));
	v = mapping_of(p.kit, 0);
	v.prot = RX;
	ck_assert(!patch_is_in_place(&s.patches, p.maps, &v));
}
END_TEST

/* As of a fork, whose parent was given it. */
START_TEST(a_kit_that_is_mapped_is_found)
{
	uint64_t base = object("libc.so.6"), given;
	int fd = give_one(base);

	given = p.kit;
	p.kit = 0;
	ck_assert_uint_eq(patch_find(&s, &p), 0);
	ck_assert(is_in_place(fd, base + IMAGE_BASE, RX, MAP_PRIVATE));
	ck_assert_uint_eq(patch_find(&s, &p), given);
	ck_assert_uint_eq(p.kit, given);
	close(p.maps);
	p.maps = -EACCES;
	p.kit = 0;
	ck_assert_uint_eq(patch_find(&s, &p), 0);
}
END_TEST

static void add_tests_of_memory(TCase *t)
{
	tcase_add_test(t, the_same_layout_gets_the_same_kit);
	tcase_add_test(t, a_kit_that_is_not_kept_is_known_still);
	tcase_add_test(t, a_file_that_changed_is_read_again);
	tcase_add_test(t, files_beyond_the_limit_get_none);
	tcase_add_test(t, pages_of_a_kit_are_told_to_be_the_files);
	tcase_add_test(t, the_stub_tells_whose_call_it_is);
	tcase_add_test(t, nothing_else_is_a_kit);
	tcase_add_test(t, a_process_that_may_not_be_looked_at_gets_none);
	tcase_add_test(t, a_kit_is_in_place_in_the_files_text_only);
	tcase_add_loop_test(t, one_side_of_a_kits_place_is_enough, 0, 3);
	tcase_add_test(t, pieces_of_a_kit_are_in_place_together);
	tcase_add_test(t, pieces_in_another_order_are_not_in_place);
	tcase_add_test(t, a_mapping_that_is_no_kit_is_in_no_place);
	tcase_add_test(t, a_kit_that_is_mapped_is_found);
}

static void add_tests(TCase *t)
{
	tcase_add_test(t, libc_and_its_loader_get_one);
	tcase_add_test(t, a_kit_of_both_is_their_files_but_for_jumps);
	tcase_add_loop_test(t, a_kit_is_the_file_but_for_jumps_to_the_stubs, 0, 4);
	tcase_add_test(t, mmap_munmap_and_mprotect_are_in_it);
	tcase_add_test(t, an_object_of_that_name_gets_its_own_code);
	tcase_add_loop_test(t, sites_that_no_window_holds_are_left_out, 0, 3);
	tcase_add_test(t, more_sites_than_stubs_are_left_out);
	tcase_add_test(t, what_is_no_libc_gets_none);
	tcase_add_test(t, stubs_that_no_jump_reaches_get_none);
	tcase_add_loop_test(t, a_jump_leads_to_its_stub_or_there_is_none, 0, 26);
	tcase_add_loop_test(t, text_that_is_not_mapped_as_it_is_in_the_file_gets_none, 0, 7);
	tcase_add_test(t, text_of_another_file_gets_none);
	tcase_add_test(t, text_that_is_mapped_in_part_gets_none);
	tcase_add_test(t, without_descriptors_the_kits_before_stay_known);
	tcase_add_loop_test(t, stubs_that_are_not_the_librarys_get_none, 0, 6);
	tcase_add_test(t, stubs_at_another_place_of_the_library_get_none);
	tcase_add_test(t, text_that_is_no_more_than_the_window_gets_none);
	tcase_add_test(t, text_that_may_not_be_code_gets_none);
	tcase_add_loop_test(t, an_object_of_another_name_gets_none, 0, 8);
	tcase_add_loop_test(t, an_object_without_calls_gets_none, 0, 3);
	tcase_add_test(t, segments_that_no_kernel_maps_get_none);
}

int main(void)
{
	Suite *suite = suite_create("patch");
	TCase *t = tcase_create("patch");

	tcase_add_checked_fixture(t, setup, teardown);
	add_tests(t);
	add_tests_of_memory(t);
	tcase_set_timeout(t, 30);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
