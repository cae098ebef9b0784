/* SPDX-License-Identifier: BSD-2-Clause */
#include "common/seal.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "tests/unit/seal_rows.h"
#include "tests/unit/unit.h"

/*
 * What calls do to memory, by common/seal.c and by the kernel. Each test is a process of its own,
 * so that a row begins with the pages of its scene and nothing else.
 */

#define N(array) (sizeof(array) / sizeof((array)[0]))

static unsigned n_deeds(const struct row *row)
{
	return !!row->deed[0].seal + !!row->deed[1].seal;
}

START_TEST(registers_say_what_is_done)
{
	const struct row *row = &rows[_i];
	struct seal_deed deed[SEAL_DEEDS];
	unsigned n = seal_deeds(row->nr, row->args, deed);

	ck_assert_msg(n == n_deeds(row), "%s: %u deeds", row->name, n);
	for (unsigned i = 0; i < n; i++) {
		const struct seal_deed *d = &deed[i], *want = &row->deed[i];

		ck_assert_msg(d->seal == want->seal && d->prot == want->prot &&
				      d->range.start == want->range.start &&
				      d->range.end == want->range.end,
			      "%s: deed %u is %x, %llx-%llx, protection %x", row->name, i, d->seal,
			      (unsigned long long)d->range.start, (unsigned long long)d->range.end,
			      d->prot);
	}
}
END_TEST

/* What shows of a page: its rights, what a fork child gets of it, and its content. */
struct page {
	bool mapped;
	char rights[5];
	bool dontfork, wipeonfork;
	int byte; /* -1: cannot be read */
};

static void map_all(int flags)
{
	char *p = mmap((void *)BASE, N_PAGES * P, RW, flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE,
		       -1, 0);

	ck_assert_ptr_eq(p, (void *)BASE);
	for (unsigned i = 0; i < N_PAGES; i++)
		p[i * P] = (char)(i + 1);
}

static int segment_of(size_t n_pages)
{
	int id = shmget(IPC_PRIVATE, n_pages * P, IPC_CREAT | 0600);

	ck_assert_int_ge(id, 0);
	return id;
}

static void scene_grow_down(void)
{
	char *p = mmap((void *)AT(8), 8 * P, RW, FIXED | MAP_GROWSDOWN, -1, 0);

	ck_assert_ptr_eq(p, (void *)AT(8));
	for (unsigned i = 0; i < 8; i++)
		p[i * P] = (char)(i + 9);
}

/* Return: a segment that the row's call is about, or -1. No segment outlives the test. */
static int scene_set(enum scene scene)
{
	int id = -1;

	map_all(scene == SHARED ? MAP_SHARED : MAP_PRIVATE);
	if (scene == STACK)
		scene_grow_down();
	if (scene == ATTACHED || scene == SEGMENT)
		id = segment_of(scene == ATTACHED ? 1 : 4);
	if (scene == ATTACHED) {
		ck_assert_ptr_eq(shmat(id, (void *)AT(4), REMAP), (void *)AT(4));
		*(char *)AT(4) = 5;
		ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
	}
	return scene == SEGMENT ? id : -1;
}

static void look_at_line(struct page pages[N_PAGES], const char *line, struct range *rp)
{
	unsigned long start, end;
	char rights[5];

	if (sscanf(line, "%lx-%lx %4s", &start, &end, rights) == 3)
		*rp = (struct range){start, end};
	for (unsigned i = 0; i < N_PAGES; i++) {
		if (!range_contains(*rp, (struct range){AT(i), AT(i + 1)}))
			continue;
		if (!pages[i].mapped)
			memcpy(pages[i].rights, rights, sizeof(rights));
		pages[i].mapped = true;
		if (strncmp(line, "VmFlags:", 8))
			continue;
		pages[i].dontfork = strstr(line, " dc");
		pages[i].wipeonfork = strstr(line, " wf");
	}
}

static void look(struct page pages[N_PAGES])
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	struct range range = {0, 0};
	char line[512];

	ck_assert_ptr_nonnull(smaps);
	memset(pages, 0, N_PAGES * sizeof(*pages));
	while (fgets(line, sizeof(line), smaps))
		look_at_line(pages, line, &range);
	fclose(smaps);
	for (unsigned i = 0; i < N_PAGES; i++) {
		char byte;
		struct iovec to = {&byte, 1}, from = {(void *)AT(i), 1};

		pages[i].byte = process_vm_readv(getpid(), &to, 1, &from, 1, 0) == 1 ? byte : -1;
	}
}

static bool is_named(const struct seal_deed *deed, unsigned n, unsigned page)
{
	bool named = false;

	for (unsigned i = 0; i < n; i++)
		named |= range_contains(deed[i].range, (struct range){AT(page), AT(page + 1)});
	return named;
}

/* Makes the call. Return: how many pages it changed, all of them named by the deeds. */
static unsigned n_changed(const char *name, long nr, const uint64_t args[6],
			  const struct seal_deed *deed, unsigned n)
{
	struct page before[N_PAGES], after[N_PAGES];
	unsigned changed = 0;

	look(before);
	for (unsigned i = 0; i < N_PAGES; i++)
		ck_assert_int_eq(before[i].byte, i + 1);
	syscall(nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	look(after);
	for (unsigned i = 0; i < N_PAGES; i++) {
		if (!memcmp(&before[i], &after[i], sizeof(before[i])))
			continue;
		ck_assert_msg(is_named(deed, n, i), "%s: page %u is %s, holds %d", name, i,
			      after[i].rights, after[i].byte);
		changed++;
	}
	return changed;
}

/* Rows that are only looked at stand in the test above. */
START_TEST(kernel_does_nothing_that_no_deed_names)
{
	const struct row *row = &rows[_i];
	uint64_t args[6];
	unsigned changed;
	int id;

	if (row->tried == PURE)
		return;
	memcpy(args, row->args, sizeof(args));
	id = scene_set(row->scene);
	if (id >= 0)
		args[0] = (uint64_t)id;
	changed = n_changed(row->name, row->nr, args, row->deed, n_deeds(row));
	if (id >= 0)
		ck_assert_int_eq(shmctl(id, IPC_RMID, NULL), 0);
	ck_assert_msg(changed || row->tried != DOES, "%s: nothing happened", row->name);
}
END_TEST

/* Numbers that no header has yet as well: whatever a later kernel has a page lose is found here.
 * But those that would take memory from the machine. */
START_TEST(kernel_discards_by_no_advice_that_is_not_listed)
{
	struct seal_deed deed[SEAL_DEEDS];
	const uint64_t args[6] = {AT(4), 2 * P, (uint64_t)_i};
	unsigned n;

	if (_i == 100 || _i == 101)
		return;
	map_all(MAP_PRIVATE);
	n = seal_deeds(SYS_madvise, args, deed);
	ck_assert_uint_eq(n, seal_discards((uint64_t)_i));
	n_changed("madvise", SYS_madvise, args, deed, n);
}
END_TEST

static const struct {
	unsigned seals;
	struct seal_deed deed;
	unsigned prot; /* of the memory */
	bool forbids;
} verdicts[] = {
	{0, UNMAP(0, P), 7, false},
	{SEAL_PROT, PROT(0, P, 1), 1, true}, /* though it changes nothing */
	{SEAL_PROT, UNMAP(0, P), 3, false},
	{SEAL_UNMAP, UNMAP(0, P), 3, true},
	{SEAL_REPLACE, REPLACE(0, P), 3, true},
	{SEAL_MOVE, MOVE(0, P), 3, true},
	{SEAL_DISCARD, DISCARD(0, P), 3, true},
	{SEAL_KERNEL, DISCARD(0, P), 3, false},
	{SEAL_ALL & ~SEAL_PROT, PROT(0, P, 7), 0, false},
	{SEAL_ALL & ~SEAL_UNMAP, UNMAP(0, P), 3, false},
	{SEAL_ALL & ~SEAL_REPLACE, REPLACE(0, P), 3, false},
	{SEAL_ALL & ~SEAL_MOVE, MOVE(0, P), 3, false},
	{SEAL_ALL & ~SEAL_DISCARD, DISCARD(0, P), 3, false},
	/* Rights go and do not come. */
	{SEAL_DOWNGRADE, PROT(0, P, 1), 3, false},
	{SEAL_DOWNGRADE, PROT(0, P, 3), 3, false},
	{SEAL_DOWNGRADE, PROT(0, P, 0), 7, false},
	{SEAL_DOWNGRADE, PROT(0, P, 3), 1, true},
	{SEAL_DOWNGRADE, PROT(0, P, 4), 3, true},
	{SEAL_DOWNGRADE, PROT(0, P, 1), 0, true},
	{SEAL_DOWNGRADE, UNMAP(0, P), 3, false},
	{SEAL_DOWNGRADE, REPLACE(0, P), 3, true},
	{SEAL_DOWNGRADE, MOVE(0, P), 3, true},
	{SEAL_DOWNGRADE, DISCARD(0, P), 3, true},
	{SEAL_DOWNGRADE | SEAL_UNMAP, UNMAP(0, P), 3, true},
	{SEAL_DOWNGRADE | SEAL_PROT, PROT(0, P, 1), 3, true},
};

START_TEST(seals_forbid_what_they_name)
{
	ck_assert_int_eq(seal_forbids(verdicts[_i].seals, &verdicts[_i].deed, verdicts[_i].prot),
			 verdicts[_i].forbids);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("seal");
	TCase *c = tcase_create("seal");

	tcase_add_loop_test(c, registers_say_what_is_done, 0, N(rows));
	tcase_add_loop_test(c, kernel_does_nothing_that_no_deed_names, 0, N(rows));
	tcase_add_loop_test(c, kernel_discards_by_no_advice_that_is_not_listed, 0, 128);
	tcase_add_loop_test(c, seals_forbid_what_they_name, 0, N(verdicts));
	suite_add_tcase(suite, c);
	return unit_run(suite);
}
