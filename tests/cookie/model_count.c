/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/*
 * How often each call has ended in which way: a long run in which one of these never came up has
 * tried less than it seems to.
 */

#define RESULTS 134 /* errno is not larger */

static struct counted {
	const char *call;
	unsigned n[RESULTS];
} counted[24];

static const struct {
	const char *call;
	int results[14]; /* ended by -1 */
} due[] = {
	{"cmmmap", {0, EFAULT, EINVAL, EBADF, ENOTSUP, ENOMEM, EEXIST, EACCES, ENODEV, -1}},
	{"cmmmapreq",
	 {0, EFAULT, EINVAL, EBADF, ERANGE, ENOTSUP, ENOMEM, EEXIST, EACCES, ENODEV, -1}},
	{"cmsubmap", {0, EBADF, EPERM, EINVAL, ERANGE, ENOTSUP, EACCES, ENODEV, -1}},
	{"cmsubmapreq", {0, EBADF, EPERM, EFAULT, EINVAL, ERANGE, ENOTSUP, EACCES, ENODEV, -1}},
	{"cmunmap", {0, EBADF, EPERM, EINVAL, ERANGE, -1}},
	{"cmclose", {0, EBADF, EPERM, EINVAL, -1}},
	{"cmrevoke", {0, EBADF, EPERM, -1}},
	{"cmprotect", {0, EBADF, EPERM, EINVAL, ERANGE, ENOTSUP, ENOMEM, EACCES, -1}},
	{"cmadvise", {0, EBADF, EPERM, EINVAL, ERANGE, ENOMEM, EACCES, -1}},
	{"cmsync", {0, EBADF, EPERM, EINVAL, ERANGE, ENOMEM, -1}},
	{"cmincore", {0, EBADF, EPERM, EFAULT, EINVAL, ERANGE, ENOMEM, -1}},
	{"cminherit", {0, EBADF, EPERM, EINVAL, ERANGE, ENOTSUP, ENOMEM, -1}},
	{"cmseal", {0, EBADF, EPERM, EINVAL, ERANGE, -1}},
	{"cmrestrict", {0, EBADF, -1}},
	{"cmandperm", {0, EBADF, EPERM, -1}},
	{"cmgetptr", {0, EBADF, EPERM, EFAULT, -1}},
	{"cmgetcap", {0, EBADF, EPERM, EFAULT, EINVAL, ENOTSUP, EACCES, -1}},
	{"cmstat", {0, EBADF, EPERM, EFAULT, ENOENT, -1}},
	{"cmmemfd", {0, EFAULT, EINVAL, -1}},
};

void count_result(const char *call, int error)
{
	unsigned i = 0;

	while (counted[i].call && strcmp(counted[i].call, call))
		i++;
	counted[i].call = call;
	if (error < RESULTS)
		counted[i].n[error]++;
}

static unsigned count_of(const char *call, int error)
{
	for (unsigned i = 0; counted[i].call; i++)
		if (!strcmp(counted[i].call, call))
			return counted[i].n[error];
	return 0;
}

void count_print(void)
{
	for (unsigned i = 0; counted[i].call; i++) {
		printf("# %s:", counted[i].call);
		for (int error = 0; error < RESULTS; error++)
			if (counted[i].n[error])
				printf(" %s %u", error_name(error), counted[i].n[error]);
		printf("\n");
	}
}

/* Return: how many results never came up that should have. */
unsigned count_missing(void)
{
	unsigned missing = 0;

	for (unsigned i = 0; i < sizeof due / sizeof *due; i++)
		for (const int *error = due[i].results; *error >= 0; error++)
			if (!count_of(due[i].call, *error)) {
				printf("%s has never been %s\n", due[i].call, error_name(*error));
				missing++;
			}
	return missing;
}
