/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * usage: start NAME
 *
 * What start-up leaves in the process, looked at from inside: prints one word.
 */

static sigjmp_buf back;

static void on_fault(int sig)
{
	siglongjmp(back, sig);
}

static const char *store_to(char *p)
{
	signal(SIGSEGV, on_fault);
	if (sigsetjmp(back, 1))
		return "fault";
	*(volatile char *)p = *(volatile char *)p;
	return "stored";
}

/* The page of the library that holds the gate's address; NULL: none. */
static char *state_page(void)
{
	unsigned long start, end, gate = 0;
	char line[512], prot[8];
	FILE *f = fopen("/proc/self/maps", "r");
	char *found = NULL;

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "cookiemap-gate") && sscanf(line, "%lx", &gate) != 1)
			gate = 0;
	if (f)
		rewind(f);
	while (gate && f && fgets(line, sizeof(line), f)) {
		static int in_library;

		if (sscanf(line, "%lx-%lx %7s", &start, &end, prot) != 3)
			continue;
		in_library = strstr(line, "libcminterpose") || (in_library && !strpbrk(line, "/["));
		for (unsigned long p = start; in_library && prot[0] == 'r' && p < end; p += 4096)
			if (!memcmp((char *)p, &gate, sizeof(gate)))
				found = (char *)p;
	}
	if (f)
		fclose(f);
	return found;
}

static const char *state(void)
{
	char *p = state_page();

	return p ? store_to(p) : "no such page";
}

static const char *unprotect(void)
{
	char *p = state_page();

	if (!p)
		return "no such page";
	return mprotect(p, 4096, PROT_READ | PROT_WRITE) ? strerrorname_np(errno) : "done";
}

static const char *gate(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "r");
	static char prot[8];

	strcpy(prot, "none");
	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "cookiemap-gate") && sscanf(line, "%*s %7s", prot) != 1)
			return "?";
	if (f)
		fclose(f);
	return prot;
}

/* errno as the first constructor of the program's own finds it. */
static int errno_at_start;

__attribute__((constructor)) static void note_errno(void)
{
	errno_at_start = errno;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "state"))
		puts(state());
	else if (!strcmp(what, "unprotect"))
		puts(unprotect());
	else if (!strcmp(what, "gate"))
		puts(gate());
	else if (!strcmp(what, "errno"))
		printf("%d\n", errno_at_start);
	else
		return 2;
	return 0;
}
