/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/next.h"

#include <errno.h>
#include <sys/syscall.h>
#include "interpose/state.h"
#include "interpose/forbid.h"

/*
 * Other people's wrappers of the mmap family: a sanitizer's runtime keeps its shadow memory in step
 * by them, and must not be cut out because the library stands before it. A call that has been
 * judged is made by theirs, in libc's place. What they do then does not come through the gate and
 * is policed by the supervisor.
 *
 * Context: as the wrapper that is called.
 */

typedef long (*next_fn)(long, long, long, long, long, long);

static void *definition(long nr)
{
	void *const *next = state()->next;

	switch (nr) {
	case SYS_mmap:
		return next[NEXT_mmap];
	case SYS_munmap:
		return next[NEXT_munmap];
	case SYS_mprotect:
		return next[NEXT_mprotect];
	case SYS_pkey_mprotect:
		return next[NEXT_pkey_mprotect];
	case SYS_mremap:
		return next[NEXT_mremap];
	case SYS_madvise:
		return next[NEXT_madvise];
	case SYS_shmat:
		return next[NEXT_shmat];
	case SYS_shmdt:
		return next[NEXT_shmdt];
	case SYS_remap_file_pages:
		return next[NEXT_remap_file_pages];
	default:
		return NULL;
	}
}

/* Those that return a pointer; the others return an int, whose upper half is undefined. */
static bool gives_address(long nr)
{
	return nr == SYS_mmap || nr == SYS_mremap || nr == SYS_shmat;
}

/*
 * Makes the call by the next definition of its name, if somebody has one. All of them take their
 * arguments in registers, in the kernel's order, and mremap's are no different for being variadic
 * (System V ABI for x86-64, section 3.2.3: al tells the number of vector registers).
 *
 * Return: true with the result, -errno on failure, in *rp; false: nobody has.
 */
bool next_call(const struct mm_call *c, long *rp)
{
	next_fn next = (next_fn)definition(c->nr);
	int *error = __errno_location(), saved = *error;
	const uint64_t *a = c->arg;
	long r;

	if (!next)
		return false;
	*error = 0;
	r = next((long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5]);
	if (!gives_address(c->nr))
		r = (int)r;
	*rp = r != -1 ? r : *error ? -*error : -EINVAL;
	*error = saved;
	return true;
}
