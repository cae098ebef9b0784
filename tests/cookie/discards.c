/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Content that is sealed against being discarded, and a view of it: madvise(2) at the view's
 * address would discard the same memory. Alone it does.
 */

#define LEN (4 * PAGE)

static unsigned char *view_of(cm_t c)
{
	void *p;

	if (cmgetcap(c, &p, R))
		claims_broken("cmgetcap");
	return p;
}

static bool is_refused(void *at, size_t len)
{
	errno = 0;
	return madvise(at, len, MADV_REMOVE) == -1 && errno == EPERM;
}

static void of(int seals, const char *name)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	unsigned char *at = region_at(c), *view;

	region_fill(c, LEN, 'a');
	view = view_of(c);
	if (cmseal(c, PAGE, 2 * PAGE, seals))
		claims_broken("cmseal");
	claim(is_refused(at + PAGE, PAGE), "%s: its content is not discarded", name);
	claim(is_refused(view + PAGE, PAGE), "nor by a view's address");
	claim(is_refused(view + 2 * PAGE, 2 * PAGE), "nor together with what is not sealed");
	claim(is_refused(view, LEN), "nor with all");
	claim(at[PAGE] == 'a' && at[2 * PAGE] == 'a' && at[3 * PAGE] == 'a', "it is there");
	claim(!madvise(view + 3 * PAGE, PAGE, MADV_REMOVE) && !at[3 * PAGE] && at[0] == 'a',
	      "what is not sealed can be discarded");
}

int main(void)
{
	of(CM_SEAL_DISCARD, "DISCARD");
	of(CM_SEAL_DOWNGRADE, "DOWNGRADE");
	of(CM_SEAL_DISCARD | CM_SEAL_PROT, "DISCARD, PROT");
	return claims_end();
}
