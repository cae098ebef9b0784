/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * malloc(3) and its family on one region of 64 GiB, for LD_PRELOAD: what a program allocates comes
 * from cmsubmap(3), and what it frees of any size goes back by cmunmap(3). So programs that never
 * heard of cookies use them: from ld.so's first call, in many threads, in children.
 *
 * Sizes are powers of two. Blocks of up to 64 KiB lie in chunks of their size and are kept in lists
 * when they are free; greater ones are taken and given back by themselves, and only their addresses
 * are kept. Before every block is its size.
 */

#include <cookiemap.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define REGION_BYTES ((size_t)64 << 30)
#define CHUNK_BYTES  ((size_t)256 << 10)
#define SMALL_BYTES  ((size_t)64 << 10)
#define PAGE_BYTES   ((size_t)4096)
#define N_SIZES      64

#define EXPORT __attribute__((visibility("default")))

/* Right before what the program gets; what was asked for a greater alignment lies further on. */
struct head {
	size_t shift; /* the block is 1 << shift long, this included */
	void *block;
};

struct free_block {
	struct free_block *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static cm_t region;
static char *start;
static size_t used;

/* Of the great ones, offsets of what has no memory now: a list that needs none there. */
static struct free_block *small[N_SIZES];
static size_t great[N_SIZES][256];
static unsigned n_great[N_SIZES];

static int open_region(void)
{
	struct cmreq req;
	void *at;

	CMREQ_INIT(&req, REGION_BYTES, PROT_NONE);
	CMREQ_SETMAX(&req, PROT_READ | PROT_WRITE);
	CMREQ_SETFLAGS(&req, CM_RESERVE);
	if (cmmmap(&req, &region) || cmgetptr(&req, &at))
		return -1;
	start = at;
	return 0;
}

/* Memory at an offset, or 0. */
static char *map(size_t offset, size_t len)
{
	int saved = errno, r = cmsubmap(region, offset, len, PROT_READ | PROT_WRITE, 0, -1, 0);

	errno = saved;
	return r ? NULL : start + offset;
}

/* So many bytes that were never used, a power of two, or 0. */
static char *extend(size_t len)
{
	char *at;

	if ((!start && open_region()) || len > REGION_BYTES - used)
		return NULL;
	at = map(used, len);
	used += at ? len : 0;
	return at;
}

static void *take_great(unsigned shift)
{
	char *at;

	if (!n_great[shift])
		return extend((size_t)1 << shift);
	at = map(great[shift][n_great[shift] - 1], (size_t)1 << shift);
	n_great[shift] -= !!at;
	return at;
}

static void *take_small(unsigned shift)
{
	struct free_block *b = small[shift];
	char *chunk;

	if (!b) {
		chunk = extend(CHUNK_BYTES);
		if (!chunk)
			return NULL;
		for (size_t i = 0; i < CHUNK_BYTES; i += (size_t)1 << shift) {
			b = (struct free_block *)(chunk + i);
			b->next = small[shift];
			small[shift] = b;
		}
	}
	small[shift] = b->next;
	return b;
}

static void give_great(void *block, unsigned shift)
{
	size_t offset = (size_t)((char *)block - start);

	if (cmunmap(region, offset, (size_t)1 << shift))
		__builtin_trap();
	if (n_great[shift] < sizeof(great[0]) / sizeof(great[0][0]))
		great[shift][n_great[shift]++] = offset;
}

static void give_small(void *block, unsigned shift)
{
	struct free_block *b = block;

	b->next = small[shift];
	small[shift] = b;
}

static void *allocate(size_t len, size_t align)
{
	size_t whole = len + sizeof(struct head) + (align > 16 ? align : 0);
	unsigned shift = 5;
	struct head *h;
	uintptr_t at;
	void *block;

	if (whole < len || whole > REGION_BYTES) {
		errno = ENOMEM;
		return NULL;
	}
	while ((size_t)1 << shift < whole)
		shift++;
	pthread_mutex_lock(&lock);
	block = (size_t)1 << shift > SMALL_BYTES ? take_great(shift) : take_small(shift);
	pthread_mutex_unlock(&lock);
	if (!block) {
		errno = ENOMEM;
		return NULL;
	}
	at = ((uintptr_t)block + sizeof(*h) + align - 1) & ~(align - 1);
	h = (struct head *)at - 1;
	*h = (struct head){shift, block};
	return (void *)at;
}

static size_t usable(void *p)
{
	const struct head *h = (const struct head *)p - 1;

	return ((size_t)1 << h->shift) - (size_t)((char *)p - (char *)h->block);
}

/* A child gets the lists as they are between two calls. */
static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
	pthread_mutex_unlock(&lock);
}

static __attribute__((constructor)) void mind_forks(void)
{
	pthread_atfork(before_fork, after_fork, after_fork);
}

EXPORT void *malloc(size_t len)
{
	return allocate(len, alignof(max_align_t));
}

EXPORT void free(void *p)
{
	struct head h;

	if (!p)
		return;
	h = ((struct head *)p)[-1];
	pthread_mutex_lock(&lock);
	if ((size_t)1 << h.shift > SMALL_BYTES)
		give_great(h.block, (unsigned)h.shift);
	else
		give_small(h.block, (unsigned)h.shift);
	pthread_mutex_unlock(&lock);
}

EXPORT void *calloc(size_t n, size_t len)
{
	size_t bytes;
	void *p;

	if (__builtin_mul_overflow(n, len, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	p = allocate(bytes, alignof(max_align_t));
	/* great ones are zero, having just been mapped */
	if (p && (size_t)1 << ((struct head *)p)[-1].shift <= SMALL_BYTES)
		memset(p, 0, bytes);
	return p;
}

EXPORT void *realloc(void *old, size_t len)
{
	size_t had = old ? usable(old) : 0;
	void *p;

	if (old && len <= had && len > had / 4)
		return old;
	p = allocate(len, alignof(max_align_t));
	if (!p || !old)
		return p;
	memcpy(p, old, had < len ? had : len);
	free(old);
	return p;
}

EXPORT int posix_memalign(void **pp, size_t align, size_t len)
{
	void *p;

	if (align < sizeof(void *) || align & (align - 1))
		return EINVAL;
	p = allocate(len, align < 16 ? 16 : align);
	if (!p)
		return ENOMEM;
	*pp = p;
	return 0;
}

EXPORT void *aligned_alloc(size_t align, size_t len)
{
	return allocate(len, align < 16 ? 16 : align);
}

EXPORT void *memalign(size_t align, size_t len)
{
	return allocate(len, align < 16 ? 16 : align);
}

EXPORT void *valloc(size_t len)
{
	return allocate(len, PAGE_BYTES);
}

EXPORT void *pvalloc(size_t len)
{
	return allocate((len + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1), PAGE_BYTES);
}

EXPORT size_t malloc_usable_size(void *p)
{
	return p ? usable(p) : 0;
}
