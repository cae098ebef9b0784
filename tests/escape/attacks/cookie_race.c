/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A value that is used by one thread while another ends it and makes new ones:
 *
 *   cookie_race HOW cookie|pointer
 *
 *   spoil  whoever comes next keeps what he has
 *   peek   cmgetptr(3), which takes no lock, says where this region is or nothing
 *   open   a region is there when cmmmap(3) returns, though the other thread unmaps the address
 *          where the next one will be all the time; `pointer`: by mmap(2)
 *   exact  the same with an address of the program's choice
 */

#include <pthread.h>
#include "tests/escape/attacks/cookie.h"
#include "tests/escape/attacks/cookie_hold.h"

#define TURNS 20000

struct held {
	uint64_t value;
	char *at;
};

static struct held held[TURNS];
static _Atomic int newest = -1;
static char *_Atomic place;
static bool cookies;

static void on_fault(int nr)
{
	attack_executed(); /* the next one's memory is not there any more */
}

static void *spoil(void *arg)
{
	for (unsigned n = 0;; n++) {
		int i = newest;

		if (i >= 0)
			hold_spoil(held[i].value, n);
	}
	return NULL;
}

static void *peek(void *arg)
{
	for (;;) {
		int i = newest;
		void *p;

		if (i < 0)
			continue;
		if (!cookies) /* an address says where it is, whoever has it now */
			p = msync(held[i].at, ATTACK_PAGE, MS_ASYNC) ? held[i].at : NULL;
		else if (cmgetptr(held[i].value, &p))
			continue;
		if (p != held[i].at)
			attack_executed();
	}
	return NULL;
}

static void *unmap(void *arg)
{
	for (;;)
		munmap(place, ATTACK_PAGE);
	return NULL;
}

/* The next one has this page; the other thread has the last one's value. */
static void check(const char *p)
{
	for (int n = 0; n < 20; n++)
		for (size_t i = 0; i < ATTACK_PAGE; i += 512)
			if (((const volatile char *)p)[i] != 0x5a)
				attack_executed();
}

static void turn(int i)
{
	uint64_t next;
	char *p;

	held[i].value = hold_new();
	held[i].at = hold_at(held[i].value);
	newest = i;
	for (volatile int n = 0; n < i % 64; n++)
		;
	hold_end(held[i].value, i);
	next = hold_new();
	p = hold_at(next);
	memset(p, 0x5a, ATTACK_PAGE);
	check(p);
	hold_end(next, i);
}

/* Return: its cookie; 0: there is none, or it is no region. */
static cm_t open_at(char *at)
{
	cm_t c = 0;

	if (!cookies)
		mmap(at, ATTACK_PAGE, ATTACK_RW, ATTACK_ANON | MAP_FIXED_NOREPLACE, -1, 0);
	else if (at)
		cmmmap(at, ATTACK_PAGE, ATTACK_RW, CM_EXACT, -1, 0, &c);
	else
		cmmmap(0, ATTACK_PAGE, ATTACK_RW, 0, -1, 0, &c);
	return c;
}

/* Regions of the area follow each other. */
static void open_next(int i)
{
	cm_t c = open_at(cookies ? NULL : place);
	char *at = c ? cookie_pointer(c) : place;

	if (msync(at, ATTACK_PAGE, MS_ASYNC))
		attack_executed();
	place = at + ATTACK_PAGE;
}

static void open_exact(int i)
{
	cm_t c = open_at(place);

	if (cookies && !c)
		return;
	if (msync(place, ATTACK_PAGE, MS_ASYNC))
		attack_executed();
	if (c)
		cmclose(c, 0); /* it is memory like any other then */
	munmap(place, ATTACK_PAGE);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void *(*other)(void *);
		void (*turn)(int);
	} hows[] = {{"spoil", spoil, turn},
		    {"peek", peek, turn},
		    {"open", unmap, open_next},
		    {"exact", unmap, open_exact}};
	pthread_t t;

	if (argc != 3)
		attack_broken("usage");
	hold_by(argv[2]);
	cookies = attack_is(argv[2], "cookie");
	hold_end(hold_new(), 0);
	place = cookie_gap(1);
	signal(SIGSEGV, on_fault);
	for (size_t h = 0; h < sizeof(hows) / sizeof(hows[0]); h++) {
		if (!attack_is(argv[1], hows[h].name))
			continue;
		errno = pthread_create(&t, NULL, hows[h].other, NULL);
		if (errno)
			attack_broken("thread");
		for (int i = 0; i < TURNS; i++)
			hows[h].turn(i);
		errno = EBADF;
		attack_refused("reach");
	}
	attack_broken("how");
}
