/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/escape/attacks/seal.h"

#include <fcntl.h>
#include <sys/shm.h>
#include <sys/uio.h>

/*
 * The ways to change memory that is mapped:
 *
 *   protect_rw   make it writable, and write · protect_r, protect_none: take rights away
 *   pkey         as protect_rw, by pkey_mprotect(2)
 *   unmap
 *   replace      map anonymous memory over it · replace_file: a file
 *   grow shrink away   mremap(2) it larger, smaller, to another place
 *   cover        mremap other pages onto it
 *   dontunmap    mremap what it holds away and leave the mapping
 *   shm_remap    shmat(2) a segment over it
 *   remap_pages  remap_file_pages(2), which shared mappings of files alone have
 *   brk          take it from the program by the end of its heap
 *   dontneed free remove dontfork wipeonfork dontneed_locked guard   madvise(2)
 *   process      process_madvise(2) oneself MADV_DONTNEED
 *   shmdt        detach it
 *   unmap_byte protect_byte   name one byte of it, which means its page
 *   feint_unmap feint_map feint_move   a call that would end the mapping, but that the kernel
 *                refuses; and then, should somebody have believed it, protect_none
 */

#define DONTUNMAP 4 /* MREMAP_DONTUNMAP */

static char *other;  /* pages to move things to, or onto them */
static int file, id; /* a file, a shared memory segment, this process's pidfd */

static const struct {
	const char *name;
	int advice; /* a number: Debian 12's headers lack some */
	enum seal_outcome ok;
} advices[] = {
	{"dontneed", 4, SEAL_LOOK},        {"free", 8, SEAL_EXECUTED}, /* when the kernel likes */
	{"remove", 9, SEAL_LOOK},          {"dontfork", 10, SEAL_EXECUTED}, /* in children */
	{"wipeonfork", 18, SEAL_EXECUTED}, {"dontneed_locked", 24, SEAL_LOOK},
	{"guard", 102, SEAL_EXECUTED}, /* no byte of it can be read */
};

static const char *way;

static bool is(const char *name)
{
	return attack_is(way, name);
}

static enum seal_outcome outcome(long r, enum seal_outcome ok)
{
	return r == -1 ? SEAL_REFUSED : ok;
}

static enum seal_outcome protect(struct seal_target t)
{
	int prot = is("protect_rw") || is("pkey") ? ATTACK_RW : PROT_NONE;
	long size = is("protect_byte") ? 1 : (long)t.size;

	if (is("protect_r"))
		prot = PROT_READ;
	if (seal_call(is("pkey") ? SYS_pkey_mprotect : SYS_mprotect, (long)t.at, size, prot, -1, 0))
		return SEAL_REFUSED;
	if (prot == ATTACK_RW)
		*(volatile char *)t.at ^= 1;
	return SEAL_LOOK;
}

static enum seal_outcome map(struct seal_target t)
{
	int flags = MAP_PRIVATE | MAP_FIXED | (is("replace") ? MAP_ANONYMOUS : 0);

	return outcome(seal_call(SYS_mmap, (long)t.at, (long)t.size, ATTACK_RW, flags,
				 is("replace") ? -1 : file),
		       SEAL_LOOK);
}

static long remap(char *at, size_t old, size_t new, int flags, char *to)
{
	return seal_call(SYS_mremap, (long)at, (long)old, (long)new, flags, (long)to);
}

static enum seal_outcome move(struct seal_target t)
{
	const int placed = MREMAP_MAYMOVE | MREMAP_FIXED;

	if (is("grow"))
		return outcome(remap(t.at, t.size, t.size + ATTACK_PAGE, MREMAP_MAYMOVE, NULL),
			       SEAL_EXECUTED);
	if (is("shrink"))
		return outcome(remap(t.at, t.size, t.size - ATTACK_PAGE, 0, NULL), SEAL_LOOK);
	if (is("away"))
		return outcome(remap(t.at, t.size, t.size, placed, other), SEAL_LOOK);
	if (is("cover"))
		return outcome(remap(other, t.size, t.size, placed, t.at), SEAL_LOOK);
	return outcome(remap(t.at, t.size, t.size, MREMAP_MAYMOVE | DONTUNMAP, NULL),
		       SEAL_EXECUTED);
}

/* An address that is no page's, a descriptor that is none, a length that nothing has. */
static enum seal_outcome feint(struct seal_target t)
{
	if (is("feint_unmap"))
		seal_call(SYS_munmap, (long)t.at + 1, (long)t.size, 0, 0, 0);
	if (is("feint_map"))
		seal_call(SYS_mmap, (long)t.at, (long)t.size, ATTACK_RW, MAP_PRIVATE | MAP_FIXED,
			  -1);
	if (is("feint_move"))
		remap(t.at, t.size, 1ul << 46, MREMAP_MAYMOVE, NULL);
	return protect(t);
}

static enum seal_outcome advise_process(struct seal_target t)
{
	struct iovec v = {t.at, t.size};

	return outcome(seal_call(SYS_process_madvise, id, (long)&v, 1, MADV_DONTNEED, 0),
		       SEAL_LOOK);
}

/* The kernel answers with the end of the heap, moved or not. */
static enum seal_outcome shrink_heap(struct seal_target t)
{
	long r = seal_call(SYS_brk, (long)t.at, 0, 0, 0, 0);

	if (r != (long)t.at && r)
		errno = r == -1 ? errno : ENOMEM;
	return r && r != (long)t.at ? SEAL_REFUSED : SEAL_LOOK;
}

/* What a way needs, while everything works. */
void seal_prepare(const char *name, struct seal_target t)
{
	way = name;
	other = mmap(NULL, t.size, ATTACK_RW, ATTACK_ANON, -1, 0);
	if (other == MAP_FAILED)
		attack_broken("other");
	memset(other, 0x5a, t.size);
	file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (is("process"))
		id = (int)syscall(SYS_pidfd_open, getpid(), 0);
	if (is("shm_remap"))
		id = shmget(IPC_PRIVATE, t.size, IPC_CREAT | 0600);
	if (file < 0 || id < 0)
		attack_broken("prepare");
}

static enum seal_outcome attach(struct seal_target t)
{
	long r = seal_call(SYS_shmat, id, (long)t.at, SHM_REMAP, 0, 0);
	int error = errno;

	sys_raw6(SYS_shmctl, id, IPC_RMID, 0, 0, 0, 0);
	errno = error;
	return outcome(r, SEAL_LOOK);
}

/* Does it. */
enum seal_outcome seal_attempt(struct seal_target t)
{
	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (is(advices[i].name))
			return outcome(seal_call(SYS_madvise, (long)t.at, (long)t.size,
						 advices[i].advice, 0, 0),
				       advices[i].ok);
	if (!strncmp(way, "protect_", 8) || is("pkey"))
		return protect(t);
	if (is("unmap") || is("unmap_byte"))
		return outcome(
			seal_call(SYS_munmap, (long)t.at, is("unmap") ? (long)t.size : 1, 0, 0, 0),
			SEAL_LOOK);
	if (is("replace") || is("replace_file"))
		return map(t);
	if (is("grow") || is("shrink") || is("away") || is("cover") || is("dontunmap"))
		return move(t);
	if (is("shm_remap"))
		return attach(t);
	if (is("shmdt"))
		return outcome(seal_call(SYS_shmdt, (long)t.at, 0, 0, 0, 0), SEAL_LOOK);
	if (!strncmp(way, "feint_", 6))
		return feint(t);
	if (is("remap_pages"))
		return outcome(seal_call(SYS_remap_file_pages, (long)t.at, ATTACK_PAGE, 0, 1, 0),
			       SEAL_LOOK);
	if (is("process"))
		return advise_process(t);
	if (is("brk"))
		return shrink_heap(t);
	attack_broken("way");
}
