/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/procmap.h"

#include <fcntl.h>
#include "common/procmap.h"
#include "common/sys.h"
#include "interpose/text.h"
#include "interpose/forbid.h"

/*
 * What the kernel's list of mappings has to tell of start-up, one mapping at a time, where ld.so's
 * own data do not: how many pages lie below the vdso, and where the headers of an object are whose
 * first page is not at its bias, or does not hold them. Where the list cannot be asked (no /proc,
 * Linux before 6.11) these are not known.
 *
 * Context: the constructor; opens a descriptor and closes it.
 */

#define MAX_STEPS 32 /* mappings of one object */

struct entry {
	struct range range;
	uint64_t offset;
	uint64_t inode;
	uint64_t dev;
	char name[32]; /* the beginning of it */
};

static int maps_open(void)
{
	return (int)sys_open("/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
}

static bool entry_at(int maps, uint64_t addr, struct entry *ep)
{
	char room[4096]; /* a name that does not fit is an error */
	struct procmap_query q = {.size = sizeof(q),
				  .query_addr = addr,
				  .vma_name_size = sizeof(room),
				  .vma_name_addr = (uint64_t)room};

	if (sys_raw6(SYS_ioctl, maps, PROCMAP_QUERY, (long)&q, 0, 0, 0))
		return false;
	*ep = (struct entry){{q.vma_start, q.vma_end},
			     q.vma_offset,
			     q.inode,
			     (uint64_t)q.dev_major << 32 | q.dev_minor,
			     ""};
	for (unsigned i = 0; q.vma_name_size && room[i] && i + 1 < sizeof(ep->name); i++)
		ep->name[i] = room[i];
	return true;
}

/* The vdso and what the kernel maps below it; empty where there is none. Context: as the file. */
struct range procmap_vdso(uint64_t base)
{
	struct range all = {0, 0};
	struct piece piece[SEGMENT_PIECES];
	struct segments s;
	struct entry e;
	int maps;

	if (!base || !segments_at(&s, base) || !segments_pieces(&s, piece))
		return all;
	all = piece[0].range;
	maps = maps_open();
	if (maps < 0)
		return all;
	while (entry_at(maps, all.start - 1, &e) && e.range.end == all.start &&
	       text_begins(e.name, "[vvar"))
		all.start = e.range.start;
	sys_close(maps);
	return all;
}

static bool is_of_file(const struct entry *a, const struct entry *b)
{
	return a->inode && a->inode == b->inode && a->dev == b->dev;
}

/* The mapping of an object's file that holds an offset, counted from the first, at `e`, upwards. */
static bool find_offset(int maps, struct entry e, uint64_t from, uint64_t to, struct entry *ep)
{
	struct entry next;

	for (unsigned i = 0; i < MAX_STEPS; i++, e = next) {
		if (e.offset <= from && to <= e.offset + range_len(e.range)) {
			*ep = e;
			return true;
		}
		if (!entry_at(maps, e.range.end, &next) || !is_of_file(&e, &next))
			return false;
	}
	return false;
}

static bool find(int maps, uint64_t inside, struct segments *sp)
{
	struct entry e, below, holder;
	const Elf64_Ehdr *h;
	uint64_t end;

	if (!entry_at(maps, inside, &e))
		return false;
	for (unsigned i = 0; e.offset && i < MAX_STEPS; i++, e = below)
		if (!entry_at(maps, e.range.start - 1, &below) || !is_of_file(&e, &below))
			return false;
	if (e.offset)
		return false;
	if (segments_at(sp, e.range.start))
		return true;
	h = (const Elf64_Ehdr *)e.range.start;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_phentsize != sizeof(Elf64_Phdr) ||
	    __builtin_add_overflow(h->e_phoff, h->e_phnum * sizeof(Elf64_Phdr), &end) ||
	    !find_offset(maps, e, h->e_phoff, end, &holder))
		return false;
	sp->header = (const Elf64_Phdr *)(holder.range.start + (h->e_phoff - holder.offset));
	sp->n = h->e_phnum;
	return true;
}

/*
 * The program headers of the object that holds an address, by what is mapped of its file. Context:
 * as the file.
 *
 * Return: false where they cannot be found.
 */
bool procmap_segments(struct segments *sp, uint64_t inside, uint64_t bias)
{
	int maps = maps_open();
	bool found;

	if (maps < 0)
		return false;
	found = find(maps, inside, sp);
	sys_close(maps);
	sp->bias = bias;
	return found;
}
