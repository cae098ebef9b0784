/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Memory that is believed to be writable and executable, moved, grown, copied; and addresses that
 * held such memory and then hold other, without the program having said so to the mmap family.
 * Apart from flip_shape.c because what is looked at here are two places, or two times.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <unistd.h>

/* Grows where it is, and then where it cannot stay. */
static void remap_grow(void)
{
	unsigned char *p = flip_map(NULL, 256 * PAGE, PROT_NONE, ANON), *q;

	flip_map(p, 16 * PAGE, RWX, ANON | MAP_FIXED);
	if (munmap(p + 16 * PAGE, 240 * PAGE))
		flip_broken("munmap");
	flip_alternate(p, 16);
	q = mremap(p, 16 * PAGE, 32 * PAGE, 0);
	printf("in place: %s\n", q == p ? "yes" : strerrorname_np(errno));
	flip_look();
	flip_check_filled("old pages", q, 0, 16);
	flip_fill(q + 16 * PAGE, 16);
	flip_alternate(q, 32);
	flip_map(p + 32 * PAGE, PAGE, PROT_NONE, ANON | MAP_FIXED_NOREPLACE);
	q = mremap(p, 32 * PAGE, 64 * PAGE, 0);
	printf("no room: %s\n", q == MAP_FAILED ? strerrorname_np(errno) : "grew");
	q = mremap(p, 32 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		flip_broken("mremap");
	flip_look();
	printf("moved: %d\n", q != p);
	flip_check_filled("old pages, moved", q, 0, 32);
	flip_fill(q + 32 * PAGE, 32);
	flip_show("where it was", 'x', p, p);
}

static void remap_move(void)
{
	unsigned char *p = flip_rwx(16), *to = flip_map(NULL, 16 * PAGE, PROT_NONE, ANON), *q;

	flip_alternate(p, 16);
	q = mremap(p, 16 * PAGE, 16 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (q != to)
		flip_broken("mremap");
	flip_look();
	flip_check_filled("moved", q, 0, 16);
	flip_show("where it was", 'w', p, p);
	q = mremap(to + 4 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p);
	if (q != p)
		flip_broken("mremap of a part");
	flip_look();
	flip_check_filled("the part", q, 4, 4);
	flip_check_filled("before it", to, 0, 4);
	flip_check_filled("behind it", to + 8 * PAGE, 8, 8);
	flip_show("where the part was", 'x', to + 5 * PAGE, to);
}

/* A managed range moved over another one that is managed too. */
static void remap_onto(void)
{
	unsigned char *p = flip_rwx(8), *to = flip_rwx(12);

	flip_alternate(p, 8);
	flip_fill(to, 12);
	if (mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to + 2 * PAGE) !=
	    to + 2 * PAGE)
		flip_broken("mremap");
	flip_check_filled("moved", to + 2 * PAGE, 0, 8);
	flip_check_filled("rest", to + 10 * PAGE, 10, 2);
	flip_alternate(to, 12);
	flip_check_filled("all", to, 0, 12);
}

static void remap_shrink(void)
{
	unsigned char *p = flip_rwx(16), *q;

	flip_alternate(p, 16);
	q = mremap(p, 16 * PAGE, 5 * PAGE, 0);
	if (q != p)
		flip_broken("mremap");
	flip_check_filled("kept", p, 0, 5);
	flip_show("cut off", 'x', p + 5 * PAGE, p);
	flip_show("cut off", 'w', p + 6 * PAGE, p);
	/* and shorter while moving, as realloc of a half-used cache would */
	q = flip_map(NULL, 5 * PAGE, PROT_NONE, ANON);
	if (mremap(p, 5 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) != q)
		flip_broken("mremap, shorter");
	flip_check_filled("kept, moved", q, 0, 3);
	flip_show("where it was", 'r', p + 4 * PAGE, p);
}

static void remap_dontunmap(void)
{
	unsigned char *p = flip_rwx(8), *q;

	flip_alternate(p, 8);
	q = mremap(p, 8 * PAGE, 8 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL);
	if (q == MAP_FAILED)
		flip_broken("mremap");
	flip_look();
	flip_check_filled("new place", q, 0, 8);
	printf("old place holds %d, %d\n", p[0], p[7 * PAGE]);
	flip_fill(p, 8);
	flip_check_filled("old place", p, 0, 8);
	flip_check_filled("new place", q, 0, 8);
}

/* An old length of 0 gives a second view. */
static void remap_dup(void)
{
	unsigned char *p = flip_map(NULL, 4 * PAGE, RWX, MAP_SHARED | MAP_ANONYMOUS), *q;

	flip_alternate(p, 4);
	q = mremap(p, 0, 4 * PAGE, MREMAP_MAYMOVE);
	if (q == MAP_FAILED)
		flip_broken("mremap");
	flip_look();
	flip_check_filled("second view", q, 0, 4);
	for (uint32_t i = 0; i < 50; i++) {
		flip_emit(i % 2 ? p : q, i);
		if (flip_call(i % 2 ? q : p) != i)
			printf("the other view does not return %u\n", i);
		flip_look();
	}
	flip_check_filled("first view", p + PAGE, 1, 3);
}

/* Memory of which only a part is believed to be W and X: what is called as one is several to the
 * kernel. */
static void remap_mixed(void)
{
	unsigned char *p = flip_rwx(8), *to = flip_map(NULL, 16 * PAGE, PROT_NONE, ANON), *q;

	flip_fill(p, 8);
	flip_protect(p + 4 * PAGE, 4, RX);
	q = mremap(p, 8 * PAGE, 16 * PAGE, MREMAP_MAYMOVE);
	printf("grown: %s\n", q == MAP_FAILED ? strerrorname_np(errno) : "yes");
	for (int i = 0; i < 8; i += 2)
		flip_show("call", 'x', p + i * PAGE, p);
	flip_show("write", 'w', p + 5 * PAGE, p);
	q = mremap(p + 4 * PAGE, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (q != to)
		flip_broken("mremap of the RX part");
	flip_show("RX part, call", 'x', to + PAGE, to);
	flip_show("RX part, write", 'w', to + PAGE, to);
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	if (q != to)
		flip_broken("mremap onto it");
	flip_check_filled("moved onto it", to, 0, 4);
	flip_look();
}

/* Attached over it, and detached: plain memory, then none. */
static void attach_over(void)
{
	int id = shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0700);
	unsigned char *p = flip_rwx(3);

	flip_fill(p, 3);
	if (id < 0 || shmat(id, p + PAGE, SHM_REMAP) != p + PAGE)
		flip_broken("shmat");
	shmctl(id, IPC_RMID, NULL);
	flip_look();
	flip_emit(p + PAGE, 3);
	flip_show("attached, call", 'x', p + PAGE, p);
	if (shmdt(p + PAGE))
		flip_broken("shmdt");
	flip_show("detached, write", 'w', p + PAGE, p);
	flip_map(p + PAGE, PAGE, RW, ANON | MAP_FIXED_NOREPLACE);
	flip_emit(p + PAGE, 4);
	flip_show("mapped, call", 'x', p + PAGE, p);
	flip_check_filled("last", p + 2 * PAGE, 2, 1);
}

/* The heap made so, then shrunk and grown again. */
static void heap(void)
{
	unsigned char *p;

	printf("stdio has its buffer\n");
	p = sbrk(64 * PAGE);
	if (p == (void *)-1)
		flip_broken("sbrk");
	p += 2 * PAGE - (uintptr_t)p % PAGE;
	flip_protect(p, 16, RWX);
	flip_alternate(p, 16);
	flip_check_filled("heap", p, 0, 16);
	if (sbrk(-60 * (long)PAGE) == (void *)-1 || sbrk(60 * PAGE) == (void *)-1)
		flip_broken("sbrk");
	flip_look();
	flip_emit(p + 8 * PAGE, 1);
	flip_show("new heap, call", 'x', p + 8 * PAGE, p);
}

/* Memory of malloc's made so, and freed. What malloc gives then is not. */
static void malloced(void)
{
	const size_t pages = 300;
	unsigned char *p, *q, *at;

	mallopt(M_MMAP_THRESHOLD, 128 * 1024); /* and remain so */
	p = malloc(pages * PAGE);
	if (!p)
		flip_broken("malloc");
	at = p + PAGE - (uintptr_t)p % PAGE;
	flip_protect(at, 16, RWX);
	flip_alternate(at, 16);
	flip_check_filled("malloc", at, 0, 16);
	flip_protect(at, 4, RW);
	free(p);
	q = malloc(pages * PAGE);
	printf("the same place: %d\n", p == q);
	flip_emit(at, 1);
	flip_emit(at + 8 * PAGE, 1);
	flip_show("given back, call", 'x', at, at);
	flip_show("forgotten, call", 'x', at + 8 * PAGE, at);
}

const struct flip_case flip_move[] = {
	{"remap_grow", remap_grow},
	{"remap_move", remap_move},
	{"remap_onto", remap_onto},
	{"remap_shrink", remap_shrink},
	{"remap_dontunmap", remap_dontunmap},
	{"remap_dup", remap_dup},
	{"remap_mixed", remap_mixed},
	{"attach_over", attach_over},
	{"heap", heap},
	{"malloced", malloced},
	{NULL, NULL},
};
