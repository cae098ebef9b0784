/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Changes memory that is a cookie's, past the cookie:
 *
 *   cookie_change FROM BY TARGET WAY
 *
 * FROM and BY are those of seal_by.c, and inside, beside: in the middle of a call that is made by a
 * cookie (cookie_inside.c). TARGET is in cookie_target.c, WAY in seal_way.c, and
 *
 *   second   mremap(2) of old length 0: another mapping of the same memory, written through
 *   seal     mseal(2)
 *   free realloc   the page dressed up as what malloc(3) has mapped, and given to these
 *   attach   shmat(2) there, without SHM_REMAP: only where nothing is mapped
 *   huge huge_move   a file of huge pages mapped, and moved, to the page before: more than is said
 */

#include <sys/shm.h>
#include "tests/escape/attacks/cookie.h"
#include "tests/escape/attacks/seal.h"

#define MSEAL 462 /* Debian 12's headers lack it */

static struct seal_target target;
static const char *way;
static int segment = -1, huge = -1;

static enum seal_outcome second(void)
{
	char *p = (char *)seal_call(SYS_mremap, (long)target.at, 0, (long)target.size,
				    MREMAP_MAYMOVE, 0);

	if (p == MAP_FAILED || seal_call(SYS_mprotect, (long)p, (long)target.size, ATTACK_RW, 0, 0))
		return SEAL_REFUSED;
	*(volatile char *)p ^= 1;
	return SEAL_LOOK;
}

static enum seal_outcome attach(void)
{
	long r = seal_call(SYS_shmat, segment, (long)target.at, 0, 0, 0);

	return r == -1 ? SEAL_REFUSED : SEAL_LOOK;
}

/* The page before the target is where huge pages begin. */
static enum seal_outcome map_huge(void)
{
	long at = (long)target.at - (long)ATTACK_PAGE, r;
	void *p;

	if (attack_is(way, "huge")) {
		r = seal_call(SYS_mmap, at, ATTACK_PAGE, ATTACK_RW,
			      MAP_SHARED | MAP_FIXED | MAP_NORESERVE, huge);
		return r == -1 ? SEAL_REFUSED : SEAL_LOOK;
	}
	p = mmap(NULL, ATTACK_PAGE, ATTACK_RW, MAP_SHARED | MAP_NORESERVE, huge, 0);
	if (p == MAP_FAILED)
		attack_broken("huge");
	r = seal_call(SYS_mremap, (long)p, ATTACK_PAGE, ATTACK_PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
		      at);
	return r == -1 ? SEAL_REFUSED : SEAL_LOOK;
}

/* As sysmalloc_mmap() of glibc lays it out: a length and the mark of what is mapped. */
static enum seal_outcome give_to_malloc(void)
{
	size_t *chunk = (size_t *)target.at;
	void *volatile p = chunk + 2;

	chunk[0] = 0;
	chunk[1] = target.size | 2;
	seal_remember(target);
	if (attack_is(way, "free"))
		free(p);
	else if (!realloc(p, 64 * target.size))
		return SEAL_REFUSED;
	return SEAL_LOOK;
}

static enum seal_outcome seal(void)
{
	long r = seal_call(MSEAL, (long)target.at, (long)target.size, 0, 0, 0);

	return r == -1 ? SEAL_REFUSED : SEAL_EXECUTED;
}

static enum seal_outcome attempt(void)
{
	if (attack_is(way, "seal"))
		return seal();
	if (attack_is(way, "free") || attack_is(way, "realloc"))
		return give_to_malloc();
	if (huge >= 0)
		return map_huge();
	if (attack_is(way, "second"))
		return second();
	if (attack_is(way, "attach"))
		return attach();
	return seal_attempt(target);
}

static void prepare(void)
{
	seal_prepare(way, target);
	if (!strncmp(way, "huge", 4)) {
		huge = memfd_create("huge", MFD_CLOEXEC | MFD_HUGETLB);
		if (huge < 0)
			attack_broken("memfd");
	}
	if (!attack_is(way, "attach"))
		return;
	segment = shmget(IPC_PRIVATE, target.size, IPC_CREAT | 0600);
	if (segment < 0 || shmat(segment, NULL, 0) == (void *)-1)
		attack_broken("shmget");
	shmctl(segment, IPC_RMID, NULL); /* it stays while it is attached */
}

static void attack(void)
{
	enum seal_outcome r;
	int error;

	seal_remember(target);
	r = attempt();
	error = r == SEAL_LOOK ? EEXIST : errno; /* it said that it did, and did not */
	if (r == SEAL_EXECUTED || seal_changed(target))
		seal_executed();
	errno = error;
	attack_refused(way);
}

int main(int argc, char **argv)
{
	if (argc != 5)
		attack_broken("usage");
	way = argv[4];
	seal_by(argv[2]);
	target = seal_find(argv[3], NULL);
	prepare();
	if (attack_is(argv[1], "inside"))
		cookie_inside(attack);
	if (attack_is(argv[1], "beside"))
		cookie_beside(attack);
	seal_from(argv[1], argv, attack);
}
