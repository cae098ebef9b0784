/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/look.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/cookie/claims.h"

/*
 * What memory really is, by two witnesses that know nothing of cookies: the processor, which faults
 * or does not, and /proc. Threads may touch memory at the same time.
 */

static _Thread_local sigjmp_buf fault;
static _Thread_local volatile sig_atomic_t touching;

static void faulted(int sig)
{
	if (!touching) {
		signal(sig, SIG_DFL);
		return;
	}
	siglongjmp(fault, 1);
}

static void catch_faults(void)
{
	struct sigaction act = {.sa_handler = faulted, .sa_flags = SA_NODEFER};

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGBUS, &act, NULL);
}

static void touch_read(void *at)
{
	(void)*(volatile unsigned char *)at;
}

/* Leaves what is there, if nobody else writes to it. */
static void touch_write(void *at)
{
	volatile unsigned char *p = at;

	__atomic_fetch_or(p, 0, __ATOMIC_RELAXED);
}

static void touch_run(void *at)
{
	((void (*)(void))at)();
}

static bool survives(void (*touch)(void *), void *at)
{
	struct sigaction was[2];
	volatile bool good = false;

	sigaction(SIGSEGV, NULL, &was[0]);
	sigaction(SIGBUS, NULL, &was[1]);
	if (was[0].sa_handler != faulted || was[1].sa_handler != faulted)
		catch_faults();
	touching = 1;
	if (!sigsetjmp(fault, 0)) {
		touch(at);
		good = true;
	}
	touching = 0;
	return good;
}

bool look_reads(const void *at)
{
	return survives(touch_read, (void *)(uintptr_t)at);
}

bool look_writes(void *at)
{
	return survives(touch_write, at);
}

bool look_runs(void *at)
{
	return survives(touch_run, at);
}

/* mov $value,%eax; ret */
void code_write(void *at, uint32_t value)
{
	unsigned char code[CODE_RETURNS_BYTES] = {0xb8, 0, 0, 0, 0, 0xc3};

	memcpy(code + 1, &value, sizeof(value));
	memcpy(at, code, sizeof(code));
}

uint32_t code_call(void *at)
{
	return ((uint32_t(*)(void))at)();
}

static bool parse(const char *line, struct look *l)
{
	char prot[5];
	int name = 0;

	*l = (struct look){0};
	if (sscanf(line, "%lx-%lx %4s %*s %*s %*s %n", &l->start, &l->end, prot, &name) != 3)
		return false;
	l->prot = (prot[0] == 'r' ? PROT_READ : 0) | (prot[1] == 'w' ? PROT_WRITE : 0) |
		  (prot[2] == 'x' ? PROT_EXEC : 0);
	l->shared = prot[3] == 's';
	snprintf(l->name, sizeof(l->name), "%s", line + name);
	l->name[strcspn(l->name, "\n")] = 0;
	return true;
}

static void parse_more(const char *line, struct look *l)
{
	size_t kb;

	if (sscanf(line, "Rss: %zu", &kb) == 1)
		l->rss_bytes = kb << 10;
	else if (sscanf(line, "AnonHugePages: %zu", &kb) == 1)
		l->huge_bytes = kb << 10;
	else if (!strncmp(line, "VmFlags: ", 9))
		snprintf(l->flags, sizeof(l->flags), " %.*s", (int)strcspn(line + 9, "\n"),
			 line + 9);
}

/* The first mapping that ends after the address. */
static bool find(const char *path, uintptr_t at, struct look *lookp)
{
	FILE *file = fopen(path, "r");
	struct look l = {0};
	char line[1024];
	bool found = false;

	if (!file)
		claims_broken(path);
	while (fgets(line, sizeof(line), file)) {
		struct look next;

		if (!parse(line, &next)) {
			parse_more(line, &l);
			continue;
		}
		if (found)
			break;
		l = next;
		found = l.end > at;
	}
	fclose(file);
	if (found)
		*lookp = l;
	return found;
}

/*
 * The mapping that holds the address.
 *
 * Return: false if nothing is mapped there.
 */
bool look_maps(uintptr_t at, struct look *lookp)
{
	return find("/proc/self/maps", at, lookp) && lookp->start <= at;
}

bool look_smaps(uintptr_t at, struct look *lookp)
{
	return find("/proc/self/smaps", at, lookp) && lookp->start <= at;
}

bool look_is_prot(const void *at, size_t len, int prot)
{
	uintptr_t p = (uintptr_t)at, end = p + len;
	struct look l;

	for (; p < end; p = l.end)
		if (!look_maps(p, &l) || l.prot != prot)
			return false;
	return true;
}

bool look_is_free(const void *at, size_t len)
{
	struct look l;

	return !find("/proc/self/maps", (uintptr_t)at, &l) || l.start >= (uintptr_t)at + len;
}

/* What of this process is in memory. */
size_t look_rss_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t pages = 0;

	if (!file || fscanf(file, "%*s %zu", &pages) != 1)
		claims_broken("statm");
	fclose(file);
	return pages * PAGE;
}

/* How many descriptors are open, besides the one that this takes. */
unsigned look_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (!dir)
		claims_broken("/proc/self/fd");
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}
