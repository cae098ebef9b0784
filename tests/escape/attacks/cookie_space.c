/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Takes addresses that a cookie holds, by what the kernel gives to whoever asks:
 *
 *   cookie_space WAY TARGET [LIBRARY]
 *
 * WAY:
 *   noreplace hint   mmap(2) there · attach: shmat(2)
 *   grow             mremap(2) of the page before
 *   stack            a MAP_GROWSDOWN mapping behind that grows
 *   heap             the end of the heap, moved up to there · heap_hole: moved down over it
 *   storm            mmap, malloc, threads and dlopen(3) until there is no other gap of this size
 *
 * TARGET: reserve, hole, noreuse: a region, what was unmapped from one, what was closed never to be
 * used again; gone: what was closed in an area · free: nobody's, the twin.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <sys/shm.h>
#include "tests/escape/attacks/cookie.h"

#define P     ATTACK_PAGE
#define PAGES 4ul
#define LEN   (PAGES * P)

static char *at; /* LEN bytes; before and behind a page that is mapped, if not `gone` */
static const char *library;

/* ---- the target ---------------------------------------------------------------------------- */

static void make_gone(void)
{
	struct cookie_region r = cookie_region(PAGES, ATTACK_RW, 0);

	at = r.at;
	cookie_must(cmclose(r.cookie, CM_CLOSE_UNMAP), "cmclose");
}

/* There, where nothing is. */
static void make_at(const char *target)
{
	bool reserve = attack_is(target, "reserve");
	cm_t c;

	if (attack_is(target, "free"))
		return;
	cookie_must(cmmmap(at, LEN, reserve ? PROT_NONE : ATTACK_RW,
			   CM_EXACT | (reserve ? CM_RESERVE : 0), -1, 0, &c),
		    "CM_EXACT");
	if (attack_is(target, "hole"))
		cookie_must(cmunmap(c, 0, LEN), "cmunmap");
	else if (attack_is(target, "noreuse"))
		cookie_must(cmclose(c, CM_CLOSE_UNMAP | CM_NOREUSE), "cmclose");
	else if (!reserve)
		attack_broken("target");
}

static void make(const char *target)
{
	cmclose(cookie_region(1, PROT_READ, 0).cookie, CM_CLOSE_UNMAP);
	at = cookie_gap(PAGES);
	if (attack_is(target, "gone"))
		make_gone();
	else
		make_at(target);
}

/* ---- ways ---------------------------------------------------------------------------------- */

static bool overlaps(const char *p, size_t len)
{
	return p < at + LEN && at < p + len;
}

/* Whether a mapping that was made has an address of the target; it is an answer to the question. */
static void judge(void *p, size_t len, const char *step)
{
	if (p == MAP_FAILED)
		attack_refused(step);
	if (overlaps(p, len))
		attack_executed();
	errno = EEXIST;
	attack_refused(step);
}

static void noreplace(void)
{
	judge(mmap(at, P, ATTACK_RW, ATTACK_ANON | MAP_FIXED_NOREPLACE, -1, 0), P, "mmap");
}

static void hint(void)
{
	judge(mmap(at, P, ATTACK_RW, ATTACK_ANON, -1, 0), P, "mmap");
}

static void attach(void)
{
	int id = shmget(IPC_PRIVATE, P, IPC_CREAT | 0600), error;
	void *p = shmat(id, at, 0);

	error = errno;
	shmctl(id, IPC_RMID, NULL);
	errno = error;
	judge(p, P, "shmat");
}

static void grow(void)
{
	judge(mremap(at - P, P, 2 * P, 0), 2 * P, "mremap");
}

static void on_fault(int nr)
{
	errno = EFAULT;
	attack_refused("stack");
}

/* Onto an own stack: what it faults on is what it would grow into. */
static void stack(void)
{
	static char own[65536];
	stack_t s = {.ss_sp = own, .ss_size = sizeof(own)};
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_ONSTACK};
	char *p;

	sigaltstack(&s, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	if (munmap(at + LEN, P))
		attack_broken("munmap");
	p = mmap(at + LEN, P, ATTACK_RW, ATTACK_ANON | MAP_GROWSDOWN | MAP_FIXED_NOREPLACE, -1, 0);
	if (p != at + LEN)
		attack_broken("MAP_GROWSDOWN");
	*(volatile char *)(p - 1) = 1;
	attack_executed();
}

/* ---- storm --------------------------------------------------------------------------------- */

static void *in_thread(void *arg)
{
	char here;

	if (overlaps(&here, 1))
		attack_executed();
	return NULL;
}

static void look_at_maps(void)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;

	if (!maps)
		attack_broken("maps");
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %*3[^-]", &start, &end) == 2 &&
		    overlaps((char *)start, end - start) && strncmp(strchr(line, ' '), " ---p", 5))
			attack_executed();
	fclose(maps);
}

static void storm(void)
{
	pthread_t t;

	for (int i = 0; i < 400; i++) {
		size_t len = (i % PAGES + 1) * P;
		char *p =
			mmap(NULL, len, ATTACK_RW, ATTACK_ANON | (i & 1 ? MAP_POPULATE : 0), -1, 0);

		if (overlaps(p, len))
			attack_executed();
		if (overlaps(malloc(i * 1000), 1) || !dlopen(library, RTLD_NOW | RTLD_LOCAL))
			attack_executed();
		if (i % 20 == 0 && !pthread_create(&t, NULL, in_thread, NULL))
			pthread_join(t, NULL);
	}
	look_at_maps();
	errno = EEXIST;
	attack_refused("storm");
}

/* ---- the heap ------------------------------------------------------------------------------ */

static char *page_up_of(char *p)
{
	return (char *)(((uintptr_t)p + P - 1) & -P);
}

static void heap(void)
{
	char *end = sbrk(0);

	if (sbrk(at + LEN - end) != (void *)-1)
		attack_executed();
	attack_refused("sbrk");
}

static void heap_hole(void)
{
	*at = 1;
	brk(at - P);
	if (msync(at, LEN, MS_ASYNC))
		attack_executed();
	errno = ENOMEM;
	attack_refused("brk");
}

/* The target lies behind the heap, or in it: the program's choice. */
static void attack_heap(const char *way, const char *target)
{
	bool hole = attack_is(way, "heap_hole");
	cm_t c;

	cmclose(cookie_region(1, PROT_READ, 0).cookie, CM_CLOSE_UNMAP);
	at = page_up_of(sbrk(hole ? 64 * P : 0)) + 16 * P;
	if (hole && munmap(at, LEN))
		attack_broken("munmap");
	if (attack_is(target, "reserve"))
		cookie_must(cmmmap(at, LEN, ATTACK_RW, CM_EXACT, -1, 0, &c), "CM_EXACT");
	else if (hole && mmap(at, LEN, ATTACK_RW, ATTACK_ANON | MAP_FIXED, -1, 0) != at)
		attack_broken("mmap");
	if (hole)
		heap_hole();
	heap();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} ways[] = {{"noreplace", noreplace}, {"hint", hint},   {"attach", attach},
		    {"grow", grow},           {"stack", stack}, {"storm", storm}};

	if (argc < 3)
		attack_broken("usage");
	library = argc > 3 ? argv[3] : NULL;
	if (!strncmp(argv[1], "heap", 4))
		attack_heap(argv[1], argv[2]);
	make(argv[2]);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (!attack_is(argv[1], ways[i].name))
			continue;
		if (attack_is(argv[1], "grow") && mprotect(at - P, P, PROT_READ))
			attack_broken("mprotect");
		ways[i].fn();
	}
	attack_broken("way");
}
