/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/errors.h"

#include <string.h>

/*
 * The closed sets: for each function every errno that its manual page has, and no other. The rows
 * of errors_*.c are held against it (each is provoked), random calls are (nothing else appears),
 * and so are the pages themselves (errors_manual.py).
 */

/* Whoever takes a cookie and the lock. */
#define COOKIE EBADF, EPERM, EDEADLK, ENOTRECOVERABLE

/* ... and an offset and a length. */
#define RANGE COOKIE, EINVAL, ERANGE, ENOMEM

#define SUBMAP RANGE, EACCES, EAGAIN, ENODEV, ENOTSUP, EOVERFLOW

const struct known errors_known[] = {
	{"cmmmap",
	 {EACCES, EAGAIN, EBADF, EDEADLK, EEXIST, EFAULT, EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM,
	  ENOTRECOVERABLE, ENOTSUP, EOVERFLOW, EPERM}},
	{"cmmmapreq",
	 {EACCES, EAGAIN, EBADF, EDEADLK, EEXIST, EFAULT, EINVAL, EMFILE, ENFILE, ENODEV, ENOMEM,
	  ENOTRECOVERABLE, ENOTSUP, EOVERFLOW, EPERM, ERANGE}},
	{"cmsubmap", {SUBMAP}},
	{"csubmap", {SUBMAP}},
	{"cmsubmapreq", {SUBMAP, EFAULT}},
	{"cmunmap", {RANGE}},
	{"cmclose", {COOKIE, EINVAL, ENOMEM}},
	{"cmrevoke", {COOKIE, ENOMEM}},
	{"cmgetptr", {EBADF, EPERM, EFAULT, ENOTRECOVERABLE}},
	{"cmgetcap", {COOKIE, EFAULT, EINVAL, ENOTSUP, EACCES, ENOMEM}},
	{"cmandperm", {COOKIE}},
	{"cmrestrict", {EBADF, EDEADLK, ENOTRECOVERABLE}},
	{"cmstat", {COOKIE, EFAULT, ENOENT}},
	{"cmprotect", {RANGE, ENOTSUP, EACCES}},
	{"cmadvise", {RANGE, EACCES, EAGAIN, EBUSY, EFAULT, EIO}},
	{"cmsync", {RANGE, EBUSY, EIO}},
	{"cmincore", {RANGE, EFAULT, EAGAIN}},
	{"cminherit", {RANGE, ENOTSUP}},
	{"cmseal", {RANGE}},
	{"cmmemfd", {EFAULT, EINVAL, EMFILE, ENFILE, ENOMEM, EPERM}},
	{NULL, {0}},
};

static const char *forgotten_function;
static int forgotten_error;

/* For a twin: from now on this is not documented. */
void errors_forget(const char *function, int error)
{
	forgotten_function = function;
	forgotten_error = error;
}

bool errors_is_known(const char *function, int error)
{
	if (forgotten_function && !strcmp(function, forgotten_function) && error == forgotten_error)
		return false;
	for (const struct known *k = errors_known; k->function; k++)
		if (!strcmp(k->function, function))
			for (const int *e = k->errors; *e; e++)
				if (*e == error)
					return true;
	return false;
}

const char *errors_name(int error)
{
	const char *name = error ? strerrorname_np(error) : "none";

	if (error == ENOTSUP) /* to Linux the same as EOPNOTSUPP */
		return "ENOTSUP";
	return name ? name : "unknown";
}
