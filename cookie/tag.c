/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/tag.h"

#include <stdbool.h>
#include "common/sys.h"

#if defined(__x86_64__)
#include "common/arch/x86_64/thread.h"
#endif

/*
 * What a cookie looks like: the number of its slot in the low 22 bits, and above them 42 bits that
 * follow from the slot's number and from how often it has been used, under a key that the process
 * has drawn. So a value that was closed does not come back, and one that was not given out is
 * guessed once in 2^42 tries; each of those costs a call, and ends in EBADF.
 *
 * The key is in the process's own memory. Whoever reads that memory reads the cookies as well: it
 * is kept from who only gets to choose arguments.
 *
 * Context: freestanding.
 * Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); SipHash-2-4 of a
 * message of eight bytes.
 */

static inline uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_rounds(uint64_t v[4], unsigned n)
{
	while (n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] = rotl(v[0], 32);
		v[2] += v[1];
		v[0] += v[3];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] = rotl(v[2], 32);
	}
}

static uint64_t sip(const struct tag_key *k, uint64_t message)
{
	const uint64_t end = 8ull << 56; /* the message's length, and no bytes left over */
	uint64_t v[4] = {
		k->k[0] ^ 0x736f6d6570736575ull,
		k->k[1] ^ 0x646f72616e646f6dull,
		k->k[0] ^ 0x6c7967656e657261ull,
		k->k[1] ^ 0x7465646279746573ull,
	};

	v[3] ^= message;
	sip_rounds(v, 2);
	v[0] ^= message;
	v[3] ^= end;
	sip_rounds(v, 2);
	v[0] ^= end;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/*
 * Draws a key. Return: 0, or what getrandom(2) gave; there is no key then.
 */
int tag_key_draw(struct tag_key *kp)
{
	long r = sys_raw6(SYS_getrandom, (long)kp->k, sizeof(kp->k), 0, 0, 0, 0);

	kp->n_random = 0;
	return r == sizeof(kp->k) ? 0 : sys_is_error(r) ? (int)r : -5 /* EIO: it cannot be short */;
}

/*
 * Gives a fork child a key of its own, so that what it opens from now on is not what its parent
 * opens, or a sibling: the moment goes in, which they do not share. Without a system call, since a
 * sandboxed child may have none left to make.
 */
void tag_key_fork(struct tag_key *k)
{
	uint64_t moment = thread_moment();
	struct tag_key fresh = {.k = {sip(k, moment), sip(k, moment + 1)}};

	*k = fresh;
}

/* Some 64 bits that cannot be guessed, other ones each time. */
uint64_t tag_random(struct tag_key *k)
{
	return sip(k, --k->n_random); /* counted down, from where no slot's message is */
}

/* The value of a cookie; never 0, since no slot has the number 0. */
uint64_t tag_value(const struct tag_key *k, uint32_t index, uint32_t generation)
{
	uint64_t tag = sip(k, (uint64_t)generation << 32 | index);

	return tag << TAG_INDEX_BITS | index;
}
