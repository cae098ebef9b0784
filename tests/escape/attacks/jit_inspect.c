/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * jit_inspect WHAT HOW: makes code executable that holds an instruction which generated code has no
 * use for. It succeeds when the code has run.
 *
 * WHAT: syscall, which is executed; sysenter, int80, wrpkru, xrstor, which stand behind the code's
 * end (not every processor and kernel can execute them); hidden, a syscall within another
 * instruction; nothing, lfence, which are code like any other.
 *
 * HOW: fetch       memory that was RWX all the time is called
 *      rewritten   the same, after it has run as other code
 *      protect     RW memory is given X and loses W
 *      raw         the same, by an inline mprotect
 *
 * WHAT border: a syscall of which each byte lies in a page of its own. Made executable by
 *      fetch, protect, raw
 *      backwards   the second page is called first
 *      each        the pages are given X one after the other, the second one first
 *      moved       each page is made executable far from the other, then moved to it
 */

#include "tests/escape/attack.h"
#include <stdint.h>
#include "common/sys.h"

#define FUNCTION 1024 /* where a harmless one is, in each page */
#define BEFORE   6    /* bytes of the code in the first page, for border */

/* mov $39,%eax (getpid); syscall; mov $42,%eax; ret */
static const unsigned char with_syscall[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05,
					     0xb8, 42, 0, 0, 0, 0xc3};
/* mov $0xc3050f90,%eax; mov $42,%eax; ret */
static const unsigned char with_hidden[] = {0xb8, 0x90, 0x0f, 0x05, 0xc3, 0xb8, 42, 0, 0, 0, 0xc3};

static const struct {
	const char *what;
	unsigned char bytes[3];
} behind[] = {
	{"sysenter", {0x0f, 0x34}},     {"int80", {0xcd, 0x80}},
	{"wrpkru", {0x0f, 0x01, 0xef}}, {"xrstor", {0x0f, 0xae, 0x2f}},
	{"lfence", {0x0f, 0xae, 0xe8}}, {"nothing", {0x90, 0x90, 0x90}},
};

static void put(volatile unsigned char *to, const unsigned char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i];
	attack_show((void *)to);
}

static void put_what(const char *what, unsigned char *at)
{
	if (attack_is(what, "syscall") || attack_is(what, "border")) {
		put(at, with_syscall, sizeof(with_syscall));
		return;
	}
	if (attack_is(what, "hidden")) {
		put(at, with_hidden, sizeof(with_hidden));
		return;
	}
	put(at, attack_code, sizeof(attack_code));
	for (size_t i = 0; i < sizeof(behind) / sizeof(*behind); i++) {
		if (attack_is(what, behind[i].what)) {
			put(at + sizeof(attack_code), behind[i].bytes, 3);
			return;
		}
	}
	attack_broken("usage");
}

static void run_harmless(unsigned char *page)
{
	if (((int (*)(void))(uintptr_t)(page + FUNCTION))() != 42)
		attack_broken("harmless");
}

static void *pages(int prot)
{
	unsigned char *p = mmap(NULL, 2 * ATTACK_PAGE, prot, ATTACK_ANON, -1, 0);

	if (p == MAP_FAILED)
		attack_broken("mmap");
	for (int i = 0; i < 2; i++)
		put(p + i * ATTACK_PAGE + FUNCTION, attack_code, sizeof(attack_code));
	return p;
}

static void protect(void *at, size_t len)
{
	if (mprotect(at, len, ATTACK_RX))
		attack_refused("mprotect");
}

static void raw_protect(void *at, size_t len)
{
	long r = sys_mprotect((uintptr_t)at, len, ATTACK_RX);

	if (sys_is_error(r)) {
		errno = (int)-r;
		attack_refused("mprotect");
	}
}

/* Two pages that are executable each by itself, brought together. */
static void move_together(unsigned char *p)
{
	unsigned char *far = pages(ATTACK_RW);

	put(far, p + ATTACK_PAGE, 64);
	memset(p + ATTACK_PAGE, 0, 64); /* else they are together already */
	protect(p, ATTACK_PAGE);
	protect(far, ATTACK_PAGE);
	if (mremap(far, ATTACK_PAGE, ATTACK_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + ATTACK_PAGE) ==
	    MAP_FAILED)
		attack_refused("mremap");
}

int main(int argc, char **argv)
{
	const char *what = argc == 3 ? argv[1] : "", *how = argc == 3 ? argv[2] : "";
	int is_border = attack_is(what, "border");
	int by_fetch = attack_is(how, "fetch") || attack_is(how, "rewritten") ||
		       attack_is(how, "backwards");
	unsigned char *p = pages(by_fetch ? ATTACK_RWX : ATTACK_RW);
	unsigned char *at = is_border ? p + ATTACK_PAGE - BEFORE : p;

	if (attack_is(how, "rewritten"))
		run_harmless(p);
	put_what(what, at);
	if (attack_is(how, "backwards"))
		run_harmless(p + ATTACK_PAGE);
	if (attack_is(how, "each"))
		protect(p + ATTACK_PAGE, ATTACK_PAGE);
	if (attack_is(how, "each"))
		protect(p, ATTACK_PAGE);
	else if (attack_is(how, "moved"))
		move_together(p);
	else if (attack_is(how, "raw"))
		raw_protect(p, 2 * ATTACK_PAGE);
	else if (!by_fetch)
		protect(p, 2 * ATTACK_PAGE);
	attack_run(at);
}
