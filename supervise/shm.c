/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/shm.h"

#include <stdio.h>
#include <sys/stat.h>

/*
 * How long a System V segment is, which shmat(2) does not say in registers: where it is attached
 * over something (SHM_REMAP), that is what it replaces.
 *
 * The kernel lists segments for whoever reads (sysvipc(5) under /proc), of the reader's own IPC
 * namespace. A number is not given to another segment before some ten thousand were made and
 * removed in its place (ipc/util.c, ipc_buildid()), so what is said here still holds when the call
 * is made.
 */

/* Whether its segments are those that we see. */
static bool is_of_our_namespace(pid_t pid)
{
	struct stat own, others;
	char path[40];

	snprintf(path, sizeof(path), "/proc/%d/ns/ipc", (int)pid);
	return !stat("/proc/self/ns/ipc", &own) && !stat(path, &others) &&
	       own.st_ino == others.st_ino && own.st_dev == others.st_dev;
}

/* The length in bytes of the segment that a number means to a process; 0: not known. */
uint64_t shm_bytes(pid_t pid, int id)
{
	FILE *f = is_of_our_namespace(pid) ? fopen("/proc/sysvipc/shm", "re") : NULL;
	unsigned long long size, bytes = 0;
	char line[512];
	int at;

	while (f && !bytes && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %d %*o %llu", &at, &size) == 2 && at == id)
			bytes = size;
	if (f)
		fclose(f);
	return bytes;
}
