/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SQLite on cookies: runs the SQL of its standard input as sqlite3(1) does, in a database in
 * memory, and prints the same.
 *
 *     sqlite [sealed] <statements
 *
 * Its page cache is a region that the whole process has nothing but a pointer to, and its heap one
 * that is reserved in full and grows by cmprotect(3): all that it allocates lies in there.
 * `sealed`: the heap is sealed before it has grown, so it cannot, and SQLite is out of memory.
 */

#include <cookiemap.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_BYTES  ((size_t)1 << 30)
#define STEP_BYTES  ((size_t)64 << 10)
#define CACHE_PAGES 64
#define RW          (PROT_READ | PROT_WRITE)

static void need(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

/* ---- a heap: blocks of powers of two, lists of free ones ---------------------------------------
 */

struct block {
	size_t shift;
	struct block *next;
};

static struct {
	cm_t cookie;
	char *start;
	size_t used, open;
	struct block *free[48];
} heap;

static unsigned shift_for(size_t bytes)
{
	unsigned shift = 5;

	while ((size_t)1 << shift < bytes + sizeof(struct block))
		shift++;
	return shift;
}

/* Return: whether so many bytes more may be used. */
static bool heap_grow(size_t bytes)
{
	size_t more = (heap.used + bytes + STEP_BYTES - 1) / STEP_BYTES * STEP_BYTES - heap.open;

	if (heap.used + bytes <= heap.open)
		return true;
	if (heap.open + more > HEAP_BYTES || cmprotect(heap.cookie, heap.open, more, RW))
		return false;
	heap.open += more;
	return true;
}

static void *heap_malloc(int bytes)
{
	unsigned shift = shift_for((size_t)bytes);
	struct block *b = heap.free[shift];

	if (b) {
		heap.free[shift] = b->next;
		return b + 1;
	}
	if (!heap_grow((size_t)1 << shift))
		return NULL;
	b = (struct block *)(heap.start + heap.used);
	heap.used += (size_t)1 << shift;
	b->shift = shift;
	return b + 1;
}

static void heap_free(void *p)
{
	struct block *b = (struct block *)p - 1;

	b->next = heap.free[b->shift];
	heap.free[b->shift] = b;
}

static int heap_size(void *p)
{
	return p ? (int)(((size_t)1 << ((struct block *)p)[-1].shift) - sizeof(struct block)) : 0;
}

static int heap_round(int bytes)
{
	return (int)(((size_t)1 << shift_for((size_t)bytes)) - sizeof(struct block));
}

static void *heap_realloc(void *old, int bytes)
{
	void *p;

	if (bytes <= heap_size(old))
		return old;
	p = heap_malloc(bytes);
	if (!p)
		return NULL;
	memcpy(p, old, (size_t)heap_size(old));
	heap_free(old);
	return p;
}

/* All of it is there from the start, and none of it can be used. */
static int heap_init(void *data)
{
	struct cmreq req;
	void *start = NULL;

	CMREQ_INIT(&req, HEAP_BYTES, PROT_NONE);
	CMREQ_SETMAX(&req, RW);
	CMREQ_SETFLAGS(&req, MAP_NORESERVE);
	CMREQ_SETNAME(&req, "sqlite heap");
	need(!cmmmap(&req, &heap.cookie), "heap");
	need(!cmgetptr(&req, &start), "its address");
	heap.start = start;
	return SQLITE_OK;
}

static void heap_shutdown(void *data)
{
	cmclose(heap.cookie, CM_CLOSE_UNMAP);
}

/* ---- the page cache -------------------------------------------------------------------------- */

static cm_t cache_open(void)
{
	int head = 0, line;
	void *start = NULL;
	cm_t cookie;

	sqlite3_config(SQLITE_CONFIG_PCACHE_HDRSZ, &head);
	line = (4096 + head + 7) & ~7;
	need(!cmmmap(0, (size_t)line * CACHE_PAGES, RW | PROT_MAX(RW), 0, -1, 0, &cookie),
	     "page cache");
	need(!cmgetptr(cookie, &start), "its address");
	need(!cmrestrict(cookie, CM_OP_CLOSE, NULL), "cmrestrict");
	need(!sqlite3_config(SQLITE_CONFIG_PAGECACHE, start, line, CACHE_PAGES), "PAGECACHE");
	return cookie;
}

/* ---- the program ----------------------------------------------------------------------------- */

static int print_row(void *data, int n, char **value, char **name)
{
	for (int i = 0; i < n; i++)
		printf("%s%s", i ? "|" : "", value[i] ? value[i] : "");
	putchar('\n');
	return 0;
}

static int run(sqlite3 *db)
{
	static char sql[1 << 16];
	size_t n = fread(sql, 1, sizeof(sql) - 1, stdin);
	char *error = NULL;

	sql[n] = 0;
	if (sqlite3_exec(db, sql, print_row, NULL, &error)) {
		printf("Error: %s\n", error ? error : sqlite3_errmsg(db));
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const sqlite3_mem_methods methods = {heap_malloc,   heap_free,  heap_realloc,
						    heap_size,     heap_round, heap_init,
						    heap_shutdown, NULL};
	sqlite3 *db;
	cm_t cache;
	int status;

	need(!sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), "MALLOC");
	cache = cache_open();
	need(!sqlite3_open(":memory:", &db), "sqlite3_open");
	if (argc > 1 && !strcmp(argv[1], "sealed"))
		need(!cmseal(heap.cookie, 0, HEAP_BYTES, CM_SEAL_PROT), "cmseal");
	status = run(db);
	if (heap.used > 2 * STEP_BYTES)
		fputs("the heap has grown\n", stderr);
	sqlite3_close(db);
	sqlite3_shutdown();
	need(!cmclose(cache, CM_CLOSE_UNMAP), "cmclose");
	return status;
}
