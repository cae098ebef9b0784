/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * What every attack says, and how it ends.
 *
 *   EXECUTED              exit 0  the attack succeeded
 *   REFUSED step ERRNO    exit 1  a step of the attack itself was refused
 *   BROKEN step ERRNO     exit 2  something failed that is no part of the attack
 *
 * The third is what keeps a test honest: an attack that cannot get ready has proved nothing, and
 * must not count as one that was stopped.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define ATTACK_PAGE 4096ul
#define ATTACK_RW   (PROT_READ | PROT_WRITE)
#define ATTACK_RX   (PROT_READ | PROT_EXEC)
#define ATTACK_RWX  (PROT_READ | PROT_WRITE | PROT_EXEC)
#define ATTACK_ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* mov $42,%eax; ret */
static const unsigned char attack_code[6] = {0xb8, 42, 0, 0, 0, 0xc3};

static inline _Noreturn void attack_executed(void)
{
	dprintf(STDOUT_FILENO, "EXECUTED\n");
	_exit(0);
}

static inline _Noreturn void attack_refused(const char *step)
{
	dprintf(STDOUT_FILENO, "REFUSED %s %s\n", step, strerrorname_np(errno));
	_exit(1);
}

static inline _Noreturn void attack_broken(const char *step)
{
	dprintf(STDOUT_FILENO, "BROKEN %s %s\n", step, strerrorname_np(errno));
	_exit(2);
}

/* Hides from the compiler that nobody reads what was written there as data. */
static inline void attack_show(void *at)
{
	__asm__ volatile("" : : "r"(at) : "memory");
}

static inline void attack_plant(void *at)
{
	memcpy(at, attack_code, sizeof(attack_code));
	attack_show(at);
}

/* Calls what was planted, and ends. */
static inline _Noreturn void attack_run(void *at)
{
	int (*fn)(void) = (int (*)(void))at;

	if (fn() != 42)
		attack_broken("call");
	attack_executed();
}

/* Ends as the child ended: the same status, or the same signal. */
static inline _Noreturn void attack_end_as(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		attack_broken("waitpid");
	if (WIFSIGNALED(status))
		kill(getpid(), WTERMSIG(status));
	_exit(WEXITSTATUS(status));
}

static inline void *attack_page(int prot, int flags)
{
	void *p = mmap(NULL, ATTACK_PAGE, prot, flags, -1, 0);

	if (p == MAP_FAILED)
		attack_broken("page");
	return p;
}

static inline int attack_is(const char *arg, const char *word)
{
	return strcmp(arg, word) == 0;
}
