/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/fault.h"

#include <errno.h>
#include <sys/mman.h>
#include "interpose/gate.h"
#include "interpose/inspect.h"
#include "interpose/pages.h"
#include "interpose/step.h"
#include "interpose/turn.h"
#include "interpose/writer.h"
#include "interpose/forbid.h"

/*
 * Faults on memory that flip manages. The processor says in the error code what was tried: a store
 * makes the page writable, an instruction fetch makes it executable, and what was tried is tried
 * again. Reading is possible in either state, so a fault that is neither is the program's own.
 *
 * Execution is asked of the supervisor, which grants it by what the kernel has mapped there;
 * writing back needs no one. The page's word says what we believe of it; the kernel's answer is
 * what counts, and the call is made whatever the word says: two threads may have faulted at once.
 *
 * Every change cuts a mapping in two or three, and a process may have 65 530 of them
 * (vm.max_map_count). So the number of pieces is kept, and from PIECES on changes take whole
 * aligned windows of pages, larger ones the more there are; where the kernel has no more room,
 * larger still.
 *
 * Source: Intel SDM volume 3, "Page-Fault Exceptions" (error code); proc(5), max_map_count.
 *
 * Context: the handler of SIGSEGV, and before system calls that store (io.c).
 */

#define ERROR_WRITE 2
#define ERROR_FETCH 16
#define TRAP_PAGE   14

#define PIECES     4096
#define RECOUNT    1024 /* changes from one count to the next */
#define MAX_WINDOW 4    /* levels, of 16 times as many pages each */

static int pieces; /* runs of executable pages, counted where they are made; see recount() */
static unsigned since_count;
static uint64_t n_writes;

static bool is_x(uint64_t addr)
{
	const page_word *word = pages_find(addr);

	return word && (page_get(word) & (PAGE_MANAGED | PAGE_X)) == (PAGE_MANAGED | PAGE_X);
}

struct tally {
	page_word last;
	int runs;
};

static void tally_one(page_word *word, uint64_t arg)
{
	struct tally *t = (struct tally *)arg;
	page_word x = page_get(word) & PAGE_X;

	t->runs += x && !t->last;
	t->last = x;
}

/* Counts what there is, since unmapping forgets pieces without counting. */
static int recount(void)
{
	struct tally t = {0, 0};

	pages_each((struct range){0, UINT64_MAX}, tally_one, (uint64_t)&t);
	__atomic_store_n(&pieces, t.runs, __ATOMIC_RELAXED);
	return t.runs;
}

static unsigned window_level(void)
{
	int n = __atomic_load_n(&pieces, __ATOMIC_RELAXED);

	if (n < PIECES)
		return 0;
	if (__atomic_fetch_add(&since_count, 1, __ATOMIC_RELAXED) % RECOUNT == 0)
		n = recount();
	if (n < PIECES) /* it was what has been unmapped: the next time is counted at once */
		__atomic_store_n(&since_count, 0, __ATOMIC_RELAXED);
	return n / PIECES < MAX_WINDOW ? (unsigned)(n / PIECES) : MAX_WINDOW;
}

/*
 * Takes a page along with its neighbour: not the one that `rip` lies in, which has to stay as it
 * is, not one that a call is about, and at first not one that has never run, which may be
 * somebody's stack. Until it is given back, calls about it wait (flip.c).
 */
static bool take_along(uint64_t page, unsigned level, uint64_t rip)
{
	page_word *word = pages_find(page);
	page_word wanted = PAGE_MANAGED | (level < 2 ? PAGE_RAN : 0), now;

	if (page == page_down(rip) || !word)
		return false;
	now = page_get(word);
	return (now & (wanted | PAGE_PENDING | PAGE_BUSY)) == wanted &&
	       __atomic_compare_exchange_n(word, &now, now | PAGE_BUSY, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_RELAXED);
}

static void give_back(struct range r, uint64_t page)
{
	for (uint64_t at = r.start; at < r.end; at += CM_PAGE)
		if (at != page)
			__atomic_fetch_and(pages_find(at), (page_word)~PAGE_BUSY, __ATOMIC_ACQ_REL);
}

/* The managed pages around one, within an aligned window; to be given back. */
static struct range window(uint64_t page, unsigned level, uint64_t rip)
{
	uint64_t size = CM_PAGE << 4 * level;
	struct range all = {page & ~(size - 1), (page & ~(size - 1)) + size};
	struct range r = {page, page + CM_PAGE};

	if (!level)
		return r;
	while (r.start > all.start && take_along(r.start - CM_PAGE, level, rip))
		r.start -= CM_PAGE;
	while (r.end < all.end && take_along(r.end, level, rip))
		r.end += CM_PAGE;
	return r;
}

static void note_x(page_word *word, uint64_t unused)
{
	(void)unused;
	if (page_get(word) & PAGE_MANAGED)
		__atomic_fetch_or(word, (page_word)(PAGE_X | PAGE_RAN), __ATOMIC_ACQ_REL);
}

static void note_w(page_word *word, uint64_t unused)
{
	(void)unused;
	__atomic_fetch_and(word, (page_word)~PAGE_X, __ATOMIC_ACQ_REL);
}

/* How many runs more there are if the range becomes executable: one less for each neighbour that
 * is. The reverse is as many less. */
static int pieces_of(struct range r)
{
	return 1 - is_x(r.start - CM_PAGE) - is_x(r.end);
}

static long change(struct range r, enum fault_kind kind)
{
	const page_word *word = pages_find(r.start);

	if (kind == FAULT_WRITE)
		return gate_call6(SYS_mprotect, (long)r.start, (long)range_len(r),
				  PROT_READ | PROT_WRITE, 0, 0, 0);
	return gate_call6(SYS_mprotect, (long)r.start, (long)range_len(r), PROT_READ | PROT_EXEC,
			  (long)__atomic_load_n(&n_writes, __ATOMIC_RELAXED),
			  (long)writer_address(page_get(word) >> PAGE_OWNER_SHIFT),
			  (long)(CONTROL_TOLD | TOLD_FLIP));
}

/*
 * Makes the page, and what lies around it where there are too many pieces, what it is wanted for.
 * Return: 0, or what the kernel or the supervisor said.
 */
static long flip(uint64_t page, enum fault_kind kind, uint64_t rip)
{
	long r = -ENOMEM;

	for (unsigned level = window_level(); r == -ENOMEM && level <= MAX_WINDOW; level++) {
		struct range w = window(page, level, rip);
		bool was = is_x(page);
		int change_of = pieces_of(w);

		if (kind == FAULT_FETCH)
			pages_each(w, note_x, 0); /* before anybody can have run it */
		r = change(w, kind);
		if (!r && kind == FAULT_WRITE)
			pages_each(w, note_w, 0);
		give_back(w, page);
		if (r)
			continue;
		if (was == (kind == FAULT_WRITE))
			__atomic_fetch_add(&pieces, kind == FAULT_FETCH ? change_of : -change_of,
					   __ATOMIC_RELAXED);
	}
	if (!r && kind == FAULT_WRITE)
		__atomic_fetch_add(&n_writes, 1, __ATOMIC_RELAXED);
	return r;
}

static bool serve_fetch(const ucontext_t *uc, uint64_t page, page_word word)
{
	uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];

	turn_wait(page, FAULT_FETCH, uc);
	if (word >> PAGE_OWNER_SHIFT != PAGE_OWNER_SELF && !inspect_page(page, rip))
		return false;
	return !flip(page, FAULT_FETCH, 0);
}

static bool serve_write(ucontext_t *uc, uint64_t addr, page_word word)
{
	uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];

	if (word & PAGE_RAN && !writer_may(uc, addr, word))
		return false;
	if (page_down(rip) == page_down(addr) || page_down(rip + 14) == page_down(addr))
		if (step_begin(uc) < 0) {
			gate_control(CONTROL_REPORT, (uint64_t)KEY_WX_JIT << 8 | V_DENY, rip,
				     REPORT_STORE, addr, 0);
			return false;
		}
	turn_wait(page_down(addr), FAULT_WRITE, uc);
	return !flip(page_down(addr), FAULT_WRITE, rip);
}

/*
 * Serves a page fault at `addr`, if it is flip's to serve. Context: the handler of SIGSEGV.
 *
 * Return: true: what faulted is to be tried again (`uc` may have been changed to do so elsewhere);
 * false: the program's own fault, or one that policy does not serve, which has been reported.
 */
bool fault_serve(ucontext_t *uc, uint64_t addr)
{
	uint64_t error = (uint64_t)uc->uc_mcontext.gregs[REG_ERR];
	const page_word *at;
	page_word word;

	if (uc->uc_mcontext.gregs[REG_TRAPNO] != TRAP_PAGE)
		return false;
	at = pages_find(addr);
	word = at ? page_get(at) : 0;
	if (word & (PAGE_PENDING | PAGE_BUSY) && turn_pass(at, TURN_SHORT))
		return true;
	if (!(word & PAGE_MANAGED))
		return false;
	if (error & ERROR_FETCH)
		return serve_fetch(uc, page_down(addr), word);
	return error & ERROR_WRITE && serve_write(uc, addr, word);
}

/*
 * Makes managed pages writable for a system call that is about to store into them.
 *
 * Context: anywhere.
 * Return: whether any had to be made so.
 */
bool fault_write(struct range pages)
{
	bool any = false;

	for (uint64_t page = pages.start; page < pages.end; page += CM_PAGE)
		any |= is_x(page) && !flip(page, FAULT_WRITE, 0);
	return any;
}
