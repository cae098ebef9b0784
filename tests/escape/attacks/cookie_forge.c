/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Values that nobody gave out, or not any more:
 *
 *   cookie_forge HOW cookie|pointer
 *
 *   flip     each bit of a live value inverted
 *   next     what comes before and after a live value, and around 0
 *   guess    random values, and the slot of a live one with another tag
 *   stale    a value whose memory was given back, 100 000 times over: none ever means anything
 * again
 */

#include "tests/escape/attacks/cookie.h"
#include "tests/escape/attacks/cookie_hold.h"

#define LIVE    16
#define GUESSES 20000
#define TURNS   100000

static uint64_t live[LIVE];

static uint64_t random64(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static bool is_live(uint64_t value)
{
	for (int i = 0; i < LIVE; i++)
		if (live[i] == value)
			return true;
	return false;
}

static void reach(uint64_t value)
{
	if (!is_live(value) && hold_reach(value))
		attack_executed();
}

static void flip(void)
{
	for (int i = 0; i < LIVE; i++)
		for (int bit = 0; bit < 64; bit++)
			reach(live[i] ^ 1ull << bit);
}

static void next(void)
{
	uint64_t by = hold_step();

	for (uint64_t n = 0; n < 4096; n++) {
		reach(live[LIVE / 2] + n * by);
		reach(live[LIVE / 2] - n * by);
		reach(n * by);
		reach(-n * by);
	}
}

static void guess(void)
{
	for (int i = 0; i < GUESSES; i++)
		reach(hold_near(live[i % LIVE], random64()));
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Every value that was closed, tried on who came next; and all of them in the end. */
static void stale(void)
{
	static uint64_t old[TURNS];

	for (int i = 0; i < TURNS; i++) {
		old[i] = hold_new();
		if (i && old[i] != old[i - 1] && hold_reach_fast(old[i - 1]))
			attack_executed();
		hold_end(old[i], i);
	}
	live[0] = hold_new();
	for (int i = 0; i < TURNS; i++)
		if (i % 10 ? hold_reach_fast(old[i]) : hold_reach(old[i]))
			attack_executed();
	qsort(old, TURNS, sizeof(old[0]), by_value);
	for (int i = 1; i < TURNS; i++)
		if (old[i] == old[i - 1])
			attack_executed();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*fn)(void);
	} hows[] = {{"flip", flip}, {"next", next}, {"guess", guess}, {"stale", stale}};

	if (argc != 3)
		attack_broken("usage");
	hold_by(argv[2]);
	for (int i = 0; i < LIVE; i++)
		live[i] = hold_new();
	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++) {
		if (!attack_is(argv[1], hows[i].name))
			continue;
		hows[i].fn();
		errno = EBADF;
		attack_refused("reach");
	}
	attack_broken("how");
}
