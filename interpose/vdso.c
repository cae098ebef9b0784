/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/vdso.h"

#include <fcntl.h>
#include "common/procmap.h"
#include "common/sys.h"
#include "interpose/segment.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * The pages that the kernel lends to every process: vdso, whose place the auxiliary vector tells,
 * and below it vvar and its like, of which nothing tells how many they are but the kernel's list of
 * mappings. Where that cannot be asked (no /proc, Linux before 6.11) the vdso alone is known.
 *
 * Context: the constructor; opens a descriptor and closes it.
 */

/* The mapping at an address, if its name begins so. */
static bool named_at(int maps, uint64_t addr, const char *name, struct range *rp)
{
	char room[32];
	struct procmap_query q = {.size = sizeof(q),
				  .query_addr = addr,
				  .vma_name_size = sizeof(room),
				  .vma_name_addr = (uint64_t)room};

	if (sys_raw6(SYS_ioctl, maps, PROCMAP_QUERY, (long)&q, 0, 0, 0) || !q.vma_name_size)
		return false;
	room[sizeof(room) - 1] = 0;
	*rp = (struct range){q.vma_start, q.vma_end};
	return text_begins(room, name);
}

/* The range of vdso and vvar; empty where there is none. Context: as the file. */
struct range vdso_range(uint64_t base)
{
	struct range all = {0, 0}, r;
	struct piece piece[SEGMENT_PIECES];
	struct segments s;
	long maps;

	if (!base || !segments_at(&s, base) || !segments_pieces(&s, piece))
		return all;
	all = piece[0].range;
	maps = sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
	if (maps < 0)
		return all;
	while (named_at((int)maps, all.start - 1, "[vvar", &r) && r.end == all.start)
		all.start = r.start;
	sys_close((int)maps);
	return all;
}
