/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <cookiemap.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/* What forms.c and forms.cc share; it is compiled as C and as C++. Both print the same. */

#define PAGE 4096
#define RW   (PROT_READ | PROT_WRITE)

static inline void say(const char *what, int result)
{
	printf("%s: %s\n", what, result ? strerror(errno) : "done");
}

/* A region of one page was made: at the hint, if there was one; then it goes. */
static inline void made(const char *what, int result, const cm_t *cookiep, const void *hint)
{
	void *ptr = NULL;

	if (!result && !cmgetptr(*cookiep, &ptr))
		printf("%s: %s\n", what, !hint || ptr == hint ? "done" : "elsewhere");
	else
		say(what, -1);
	cmclose(*cookiep, CM_CLOSE_UNMAP);
}

/*
 * An address where nothing is; another one each time, since what was a region's is not free when it
 * is closed.
 */
static inline char *free_page(void)
{
	void *at = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(at, PAGE);
	return (char *)at;
}
