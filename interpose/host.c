/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/host.h"

#include "cookie/api.h"
#include "cookie/cookies.h"
#include "interpose/arena.h"
#include "interpose/mm.h"
#include "interpose/mseal.h"
#include "interpose/forbid.h"

/*
 * What the C interface (cookie/) asks of the library that it is part of, where that is the
 * interposer: calls are held against the policy like all others, but not against what cookies say
 * (mm_call.cookie). And how libcookiemap, where a program has it too, finds the interposer's
 * functions.
 *
 * Context: as cookie/host.h.
 */

const struct cookie_calls *cookie_served;

API_EXPORT const struct cookie_server __cm_server = {.size = sizeof(struct cookie_server),
						     .start = cookies_start,
						     .calls = {
#define X(name, params, args) .name = name,
							     COOKIE_CALLS(X)
#undef X
						     }};

long host_call(uint64_t caller, long nr, long a, long b, long c, long d, long e, long f)
{
	const struct state *s = state();
	bool asks = s->supervised && mm_grants_exec(nr, c);

	if (__builtin_expect(!s->watch && !asks && !attention_is(~(unsigned)ATTEND_COOKIES), 1))
		return gate_call6(nr, a, b, c, d, e, f);
	return mm_ruled(&(struct mm_call){
		.nr = nr,
		.arg = {(uint64_t)a, (uint64_t)b, (uint64_t)c, (uint64_t)d, (uint64_t)e,
			(uint64_t)f},
		.caller = caller,
		.direct = true,
		.cookie = true,
	});
}

uint64_t host_pages(size_t len_bytes)
{
	return arena_pages(len_bytes);
}

int host_seal(uint64_t caller, struct range range, unsigned seals)
{
	return mseal_range(range, seals);
}

/* libc's own, under whichever name it exports it: glibc keeps pthread_atfork() out of its library.
 */
int host_atfork(void (*before)(void), void (*after)(void))
{
	int (*glibc)(void (*)(void), void (*)(void), void (*)(void), void *) =
		(int (*)(void (*)(void), void (*)(void), void (*)(void), void *))state()
			->next[NEXT___register_atfork];
	int (*musl)(void (*)(void), void (*)(void), void (*)(void)) =
		(int (*)(void (*)(void), void (*)(void), void (*)(void)))state()
			->next[NEXT_pthread_atfork];

	if (glibc)
		return glibc(before, after, NULL, NULL);
	return musl ? musl(before, after, NULL) : 0;
}

void host_attend(void)
{
	attention_set(ATTEND_COOKIES);
}
