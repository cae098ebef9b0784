/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * 8 threads with 2 500 mappings each, mapped, unmapped in whole and in part, protected, remapped
 * and discarded at random. Every page knows what it must hold and with which rights; both are
 * checked. Half of the calls go through libc, half are raw; all through libc if so told.
 *
 *   maps [MAPPINGS-PER-THREAD [libc]]
 */

#include "tests/escape/stress/check.h"
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include "common/sys.h"

#define PAGE      4096ul
#define N_THREADS 8
#define MAX_PAGES 16

struct mapping {
	unsigned char *at;
	unsigned n_pages;
	bool writable;
	unsigned char stamp; /* in the first and last byte of every page */
};

struct worker {
	pthread_t thread;
	unsigned long random;
	struct mapping *maps;
	unsigned n_maps;
};

static unsigned per_thread = 2500;
static unsigned long raw_too = ~0ul; /* a mask for the choice */

static void *result(long r)
{
	if (!sys_is_error(r))
		return (void *)r;
	errno = (int)-r;
	return MAP_FAILED;
}

static void stamp(struct mapping *m, unsigned char value)
{
	m->stamp = value;
	for (unsigned i = 0; i < m->n_pages; i++)
		m->at[i * PAGE] = m->at[i * PAGE + PAGE - 1] = value;
}

static void verify(const struct mapping *m)
{
	for (unsigned i = 0; i < m->n_pages; i++)
		CHECK(m->at[i * PAGE] == m->stamp && m->at[i * PAGE + PAGE - 1] == m->stamp);
}

static void map_one(struct worker *w, struct mapping *m)
{
	unsigned long r = check_random(&w->random);
	size_t n_pages = 1 + r % MAX_PAGES;
	int flags = MAP_ANONYMOUS | (r & 1 << 8 ? MAP_SHARED : MAP_PRIVATE);

	if (r & raw_too & 1 << 9)
		m->at = result(sys_mmap(0, n_pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0));
	else
		m->at = mmap(NULL, n_pages * PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
	CHECK(m->at != MAP_FAILED);
	m->n_pages = (unsigned)n_pages;
	m->writable = true;
	stamp(m, (unsigned char)(r >> 16));
}

/* In whole, or all but the first page. */
static void unmap_one(struct worker *w, struct mapping *m)
{
	unsigned long r = check_random(&w->random);
	unsigned keep = m->n_pages > 1 && r & 1;
	unsigned char *from = m->at + keep * PAGE;
	size_t len = (m->n_pages - keep) * PAGE;

	CHECK((r & raw_too & 2 ? (int)sys_munmap((uint64_t)from, len) : munmap(from, len)) == 0);
	m->n_pages = keep;
}

static void protect_one(struct worker *w, struct mapping *m)
{
	int prot = PROT_READ | (m->writable ? 0 : PROT_WRITE);
	size_t len = m->n_pages * PAGE;

	if (check_random(&w->random) & raw_too & 1)
		CHECK(sys_mprotect((uint64_t)m->at, len, prot) == 0);
	else
		CHECK(mprotect(m->at, len, prot) == 0);
	m->writable = !m->writable;
}

static void remap_one(struct worker *w, struct mapping *m)
{
	unsigned long r = check_random(&w->random);
	unsigned n_pages = 1 + r % m->n_pages; /* shrinks: growing shared memory would be SIGBUS */
	void *to;

	to = mmap(NULL, n_pages * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(to != MAP_FAILED);
	to = mremap(m->at, m->n_pages * PAGE, n_pages * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	CHECK(to != MAP_FAILED);
	m->at = to;
	m->n_pages = n_pages;
}

static void change_one(struct worker *w, struct mapping *m)
{
	unsigned long r = check_random(&w->random);

	if (!m->n_pages) {
		map_one(w, m);
		return;
	}
	verify(m);
	switch (r % 4) {
	case 0:
		unmap_one(w, m);
		break;
	case 1:
		protect_one(w, m);
		break;
	case 2:
		remap_one(w, m);
		break;
	default:
		CHECK(madvise(m->at, m->n_pages * PAGE, MADV_WILLNEED) == 0);
	}
	if (m->n_pages && m->writable)
		stamp(m, (unsigned char)(r >> 16));
}

static void *work(void *arg)
{
	struct worker *w = arg;

	w->maps = calloc(per_thread, sizeof(*w->maps));
	CHECK(w->maps);
	for (unsigned i = 0; i < per_thread; i++)
		map_one(w, &w->maps[i]);
	for (unsigned i = 0; i < 2 * per_thread; i++)
		change_one(w, &w->maps[check_random(&w->random) % per_thread]);
	for (unsigned i = 0; i < per_thread; i++) {
		verify(&w->maps[i]);
		if (w->maps[i].n_pages)
			CHECK(munmap(w->maps[i].at, w->maps[i].n_pages * PAGE) == 0);
	}
	free(w->maps);
	return NULL;
}

int main(int argc, char **argv)
{
	struct worker workers[N_THREADS] = {0};

	if (argc == 3)
		raw_too = 0;
	if (argc >= 2)
		per_thread = (unsigned)atoi(argv[1]);
	for (unsigned i = 0; i < N_THREADS; i++) {
		workers[i].random = 0x9e3779b97f4a7c15ul * (i + 1);
		CHECK(!(errno = pthread_create(&workers[i].thread, NULL, work, &workers[i])));
	}
	for (unsigned i = 0; i < N_THREADS; i++)
		CHECK(!(errno = pthread_join(workers[i].thread, NULL)));
	puts("DONE");
	return 0;
}
