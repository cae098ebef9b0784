/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/seal.h"

#include <dlfcn.h>
#include <sys/shm.h>
#include "include/cookiemap.h"
#include "tests/escape/attacks/seal_late.h"

/*
 * Targets that are not there at start-up:
 *
 *   sealed:NUMBER    anonymous memory with these seals, of include/cookiemap.h
 *   shared:NUMBER    … shared memory of a file
 *   constant:NUMBER  anonymous memory that is read-only
 *   shm:NUMBER       a System V shared memory segment
 *   heap:NUMBER      the last pages of the heap
 *   mseal mimmutable anonymous memory sealed by that function
 *   late_text late_relro late_data           a library's that dlopen(3) brings
 *   nodelete_text nodelete_relro nodelete_data   … with RTLD_NODELETE
 *
 * The functions that seal are the library's: natively there are none, and nothing is sealed.
 */

#pragma weak cmsealrange
#pragma weak mimmutable
int seal_mseal(void *addr, size_t len, unsigned long flags) __asm__("mseal");
#pragma weak seal_mseal

#define OWN_BYTES (2 * ATTACK_PAGE)

/* A C library may have an mseal of its own, which would be no twin. */
static bool under_cookiemap(void)
{
	return cmsealrange;
}

static void *map(int flags, int fd)
{
	void *p = mmap(NULL, OWN_BYTES, ATTACK_RW, flags, fd, 0);

	if (p == MAP_FAILED)
		attack_broken("own");
	memset(p, 9, OWN_BYTES);
	memset((char *)p + ATTACK_PAGE, 10, ATTACK_PAGE);
	return p;
}

static void *shared(void)
{
	int fd = memfd_create("shared", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, OWN_BYTES))
		attack_broken("memfd");
	return map(MAP_SHARED, fd);
}

static void *constant(void)
{
	void *p = map(ATTACK_ANON, -1);

	if (mprotect(p, OWN_BYTES, PROT_READ))
		attack_broken("mprotect");
	return p;
}

static void *segment(void)
{
	int id = shmget(IPC_PRIVATE, OWN_BYTES, IPC_CREAT | 0600);
	void *p = shmat(id, NULL, 0);

	shmctl(id, IPC_RMID, NULL);
	if (p == (void *)-1)
		attack_broken("shmat");
	return memset(p, 12, OWN_BYTES);
}

static void *heap(void)
{
	char *end = sbrk(0);
	char *at = (char *)(((uintptr_t)end + ATTACK_PAGE - 1) & -ATTACK_PAGE);

	if (sbrk(at - end + (long)OWN_BYTES) == (void *)-1)
		attack_broken("sbrk");
	memset(at, 11, OWN_BYTES);
	return at;
}

static struct seal_target with_seals(void *at, const char *number)
{
	if (under_cookiemap() && cmsealrange(at, OWN_BYTES, atoi(number)))
		attack_broken("cmsealrange");
	return (struct seal_target){at, OWN_BYTES, false};
}

static struct seal_target by_function(const char *name)
{
	void *at = map(ATTACK_ANON, -1);

	if (under_cookiemap() &&
	    (attack_is(name, "mseal") ? seal_mseal(at, OWN_BYTES, 0) : mimmutable(at, OWN_BYTES)))
		attack_broken("seal");
	return (struct seal_target){at, OWN_BYTES, false};
}

static struct seal_target late(const char *name, const char *library, int flags)
{
	const struct seal_late *pages = seal_load(library, flags, "seal_late");
	const char *piece = strchr(name, '_') + 1;
	char *at = pages->data;

	if (attack_is(piece, "text"))
		at = pages->text;
	if (attack_is(piece, "relro"))
		at = pages->relro;
	return (struct seal_target){at, OWN_BYTES, false};
}

struct seal_target seal_own(const char *name, const char *library)
{
	if (!strncmp(name, "sealed:", 7))
		return with_seals(map(ATTACK_ANON, -1), name + 7);
	if (!strncmp(name, "shared:", 7))
		return with_seals(shared(), name + 7);
	if (!strncmp(name, "constant:", 9))
		return with_seals(constant(), name + 9);
	if (!strncmp(name, "shm:", 4))
		return with_seals(segment(), name + 4);
	if (!strncmp(name, "heap:", 5))
		return with_seals(heap(), name + 5);
	if (attack_is(name, "mseal") || attack_is(name, "mimmutable"))
		return by_function(name);
	if (!strncmp(name, "late_", 5))
		return late(name, library, 0);
	if (!strncmp(name, "nodelete_", 9))
		return late(name, library, RTLD_NODELETE);
	return (struct seal_target){NULL, 0, false};
}
