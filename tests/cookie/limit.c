/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <sys/mman.h>
#include "tests/cookie/claims.h"

/*
 * As many cookies as there can be, and one more. Separate for its memory, some 300 MB. Their
 * regions are reservations of a page, which the kernel keeps as one mapping.
 */

#define MOST 4194303u /* slots of 22 bits but the first; cmmmap(3) */

static cm_t given[MOST];

static bool is_live(cm_t c)
{
	struct cm_stat st;

	return !cmstat(c, 0, &st) && st.len == PAGE && st.kind == CM_KIND_RESERVED;
}

int main(void)
{
	unsigned n = 0, n_live = 0, n_ordered = 0;
	cm_t more = 4711;

	while (n < MOST && !cmmmap(0, PAGE, RW, CM_RESERVE, -1, 0, &given[n]))
		n++;
	claim(n == MOST, "%u cookies are live at once", MOST);
	errno = 0;
	claim(cmmmap(0, PAGE, RW, CM_RESERVE, -1, 0, &more) == -1 && errno == ENOMEM &&
		      more == 4711,
	      "and not one more");
	for (unsigned i = 0; i < n; i += 64)
		n_live += is_live(given[i]);
	claim(n_live == (n + 63) / 64, "each is a region's still");
	for (unsigned i = 1; i < n; i++)
		n_ordered += region_at(given[i]) > region_at(given[i - 1]);
	claim(n_ordered == n - 1, "and none has addresses of another");
	claim(!cmsubmap(given[n / 2], 0, PAGE, RW, 0, -1, 0) && (*region_at(given[n / 2]) = 7) == 7,
	      "one in the middle can be filled");
	claim(!cmclose(given[5], CM_CLOSE_UNMAP) &&
		      !cmmmap(0, PAGE, RW, CM_RESERVE, -1, 0, &more) && is_live(more),
	      "where one is closed, another can be made");
	claim(more != given[5] && !is_live(given[5]) && errno == EBADF, "which is not the same");
	return claims_end();
}
