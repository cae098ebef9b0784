/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * Random numbers that are the same in every run, and what is said where the library and the model
 * disagree: the last calls, with the step's number, so that `model SEED STEPS` does them again.
 * Separate because everything else stands on it.
 */

#define TAIL      40
#define ARGUMENTS 8

struct step {
	uint64_t number;
	const char *call;
	unsigned n;
	int result; /* errno; -1: it has not returned */
	uint64_t argument[ARGUMENTS];
};

static struct step tail[TAIL];
static unsigned newest;
static uint64_t state;

void draw_seed(uint64_t seed)
{
	state = 0x9e3779b97f4a7c15ull ^ (seed + 1) * 0xbf58476d1ce4e5b9ull;
	if (!state)
		state = 1;
	for (int i = 0; i < 16; i++)
		draw(2);
}

/* xorshift64*. Source: S. Vigna, "An experimental exploration of Marsaglia's xorshift", 2016. */
uint64_t draw(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1dull >> 11) % below;
}

bool chance(unsigned percent)
{
	return draw(100) < percent;
}

/* Notes a call and its n arguments, each a uint64_t, before it is made. */
void step_begin(uint64_t number, const char *call, unsigned n, ...)
{
	struct step *s = &tail[++newest % TAIL];
	va_list ap;

	*s = (struct step){.number = number, .call = call, .n = n, .result = -1};
	va_start(ap, n);
	for (unsigned i = 0; i < n; i++)
		s->argument[i] = va_arg(ap, uint64_t);
	va_end(ap);
}

/* A call has returned. Return: errno where it failed, 0 where it did not. */
int step_end(int result)
{
	int error = result ? errno : 0;

	tail[newest % TAIL].result = error;
	count_result(tail[newest % TAIL].call, error);
	if (result != 0 && result != -1)
		disagree("the call returned %d", result);
	return error;
}

const char *error_name(int error)
{
	const char *name = error ? strerrorname_np(error) : "0";

	return name ? name : "?";
}

static void print_tail(void)
{
	for (unsigned i = 1; i <= TAIL; i++) {
		const struct step *s = &tail[(newest + i) % TAIL];

		if (!s->call)
			continue;
		printf("# %llu: %s(", (unsigned long long)s->number, s->call);
		for (unsigned j = 0; j < s->n; j++)
			printf("%s%#llx", j ? ", " : "", (unsigned long long)s->argument[j]);
		printf(")%s%s\n", s->result < 0 ? "" : " = ",
		       s->result < 0 ? "" : error_name(s->result));
	}
}

/* Ends the test: says what differs and how it came to that. */
void disagree(const char *format, ...)
{
	va_list ap;

	print_tail();
	printf("disagreement at step %llu: ", (unsigned long long)tail[newest % TAIL].number);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

void agree(int wanted, int got)
{
	if (wanted != got)
		disagree("%s, not %s as the model says", error_name(got), error_name(wanted));
}
