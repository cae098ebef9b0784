/* SPDX-License-Identifier: BSD-2-Clause */
#include "cookie/host.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include "common/seal.h"
#include "common/sys.h"
#include "cookie/api.h"
#include "cookie/cookies.h"

/*
 * libcookiemap.so: the C interface alone, without supervisor or policy. Calls are made as they are;
 * nobody holds the rest of the program to what the cookies say.
 *
 * Where the interposer is in the process, it serves: what is linked to this library finds the
 * interposer's functions first, by the order of ld.so, and what comes here all the same (by
 * dlopen(3) and dlsym(3)) is passed on.
 *
 * Context: freestanding, but for the constructor.
 */

extern const struct cookie_server __cm_server __attribute__((weak));

const struct cookie_calls *cookie_served;

static __attribute__((constructor)) void start(void)
{
	if (&__cm_server && __cm_server.size >= sizeof(__cm_server)) {
		cookie_served = &__cm_server.calls;
		__cm_server.start();
	} else {
		cookies_start();
	}
}

long host_call(uint64_t caller, long nr, long a, long b, long c, long d, long e, long f)
{
	long r;

	do { /* under a filter of somebody else's a signal may come in between */
		r = sys_raw6(nr, a, b, c, d, e, f);
	} while (r == -EINTR);
	return r;
}

uint64_t host_pages(size_t len_bytes)
{
	long r = sys_mmap(0, page_up(len_bytes), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return sys_is_error(r) ? 0 : (uint64_t)r;
}

/* What mseal(2) keeps it is asked to; where it cannot (before Linux 6.10), and what else there is,
 * the functions of the interface keep. */
int host_seal(uint64_t caller, struct range range, unsigned seals)
{
	if ((seals & SEAL_KERNEL) == SEAL_KERNEL)
		sys_mseal(range.start, range_len(range));
	return 0;
}

int host_atfork(void (*before)(void), void (*after)(void))
{
	return pthread_atfork(before, after, NULL);
}

void host_attend(void)
{
}
