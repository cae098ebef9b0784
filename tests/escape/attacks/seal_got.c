/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Has a function of libc's called that is none: its entry in the program's global offset table,
 * which is read-only once it is bound, is made to name another.
 *
 *   seal_got protect    mprotect(2) it writable, and write
 *   seal_got pkey       the same by pkey_mprotect(2)
 *   seal_got replace    map memory over the page, with all its entries but one as they were
 *   seal_got move       mremap(2) such memory onto it
 */

#include <stdint.h>
#include "tests/escape/attack.h"

static long impostor(const char *text)
{
	return (long)strlen(text) + 42;
}

/* The entry, and not what it holds. */
static void **entry_of_a64l(void)
{
	void **entry;

	__asm__("lea a64l@GOTPCREL(%%rip), %0" : "=r"(entry));
	return entry;
}

/* Without any function: the page may be the one by which functions are found. */
static void fill(volatile char *page, const char *from)
{
	for (size_t i = 0; i < ATTACK_PAGE; i++)
		page[i] = from[i];
}

static void change(const char *how, char *page, char *forged)
{
	const int placed = MREMAP_MAYMOVE | MREMAP_FIXED;
	long r;

	if (attack_is(how, "move")) {
		if (mremap(forged, ATTACK_PAGE, ATTACK_PAGE, placed, page) != page)
			attack_refused(how);
		return;
	}
	if (attack_is(how, "protect"))
		r = mprotect(page, ATTACK_PAGE, ATTACK_RW);
	else if (attack_is(how, "pkey"))
		r = pkey_mprotect(page, ATTACK_PAGE, ATTACK_RW, -1);
	else
		r = mmap(page, ATTACK_PAGE, ATTACK_RW, MAP_FIXED | ATTACK_ANON, -1, 0) != page;
	if (r)
		attack_refused(how);
	fill(page, forged);
}

int main(int argc, char **argv)
{
	void **entry = entry_of_a64l();
	size_t within = (uintptr_t)entry % ATTACK_PAGE;
	char *page = (char *)entry - within, *forged = attack_page(ATTACK_RW, ATTACK_ANON);

	if (argc != 2 || a64l("./") != 64)
		attack_broken("usage");
	memcpy(forged, page, ATTACK_PAGE);
	*(void **)(forged + within) = (void *)impostor;
	change(argv[1], page, forged);
	if (a64l("./") != 44)
		attack_broken("impostor");
	attack_executed();
}
