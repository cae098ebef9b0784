/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Memory that something depends on at the very moment in which it is given X: the stack in use,
 * code that another thread executes, data that another thread writes. Not for flip, which would
 * make either of the two wait: for policies that only look (audit, wx.inspect), which must change
 * nothing about it, not even for the time of the look.
 */

#include "tests/interpose/flip.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROUNDS 2000

static volatile int stop;
static unsigned char *page;
static volatile unsigned long n_done;

static void protect_often(void *(*use)(void *), int prot)
{
	pthread_t t;

	if (pthread_create(&t, NULL, use, NULL))
		flip_broken("pthread_create");
	while (!n_done)
		;
	for (int i = 0; i < ROUNDS; i++)
		flip_protect(page, 1, prot);
	stop = 1;
	pthread_join(t, NULL);
	flip_look();
	printf("used all the time\n");
}

static void *execute(void *arg)
{
	for (; !stop; n_done++)
		flip_call(page);
	return arg;
}

/* Code that is executed is given X once more. */
static void rights_executed(void)
{
	page = flip_map(NULL, PAGE, RW, ANON);
	flip_emit(page, 1);
	flip_protect(page, 1, RX);
	protect_often(execute, RX);
}

static void *store(void *arg)
{
	for (; !stop; n_done++)
		((volatile unsigned char *)page)[100]++;
	return arg;
}

/* Data that is written is given X and keeps W. */
static void rights_written(void)
{
	page = flip_map(NULL, PAGE, RW, ANON);
	protect_often(store, RWX);
}

/* What gcc's trampolines need: the stack that is in use. */
static void rights_stack(void)
{
	unsigned char here[64] __attribute__((aligned(64)));
	unsigned char *base = (unsigned char *)((uintptr_t)here & ~(PAGE - 1));

	flip_protect(base - PAGE, 2, RWX);
	flip_check("on the stack", here, 42);
	flip_look();
	printf("the stack's code ran\n");
}

/* What the kernel refuses leaves everything as it was. */
static void rights_refused(void)
{
	static const int bad[] = {RX | 0x100, RX | PROT_GROWSDOWN, RX | PROT_GROWSUP};

	page = flip_map(NULL, PAGE, RW, ANON);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		errno = 0;
		printf("%#x: %d, ", bad[i], mprotect(page, PAGE, bad[i]));
		printf("%s\n", strerrorname_np(errno));
		flip_show("then", 'w', page, page);
	}
	flip_emit(page, 7);
	flip_protect(page, 1, RX);
	printf("at last %u\n", flip_call(page));
	flip_look();
}

/* Code that ends as if it went on in a page that nobody may read. */
static void rights_behind(void)
{
	page = flip_map(NULL, 2 * PAGE, RW, ANON);
	flip_emit(page, 8);
	page[PAGE - 1] = 0x0f;
	flip_protect(page + PAGE, 1, PROT_NONE);
	flip_protect(page, 2, RX);
	printf("both %u\n", flip_call(page));
	flip_protect(page, 1, RWX);
	flip_look();
}

const struct flip_case flip_rights[] = {
	{"rights_executed", rights_executed}, {"rights_written", rights_written},
	{"rights_stack", rights_stack},       {"rights_refused", rights_refused},
	{"rights_behind", rights_behind},     {NULL, NULL},
};
