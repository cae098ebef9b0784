/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common/fmt.h"

/*
 * Patch kits (common/kit.h): what sends libc's own calls through the gate.
 *
 * A kit's text is made here from the file and from nothing that the program says but addresses, so
 * what becomes executable by it is the file's own code with jumps to wherever the asker has its
 * stubs. It is given for objects only that the asker has mapped, executable, as they are in the
 * file, and that are libc or ld.so by name.
 *
 * Where a program's stubs are from its libc is mostly the same for one program, so kits are kept.
 * (It is not where a library of 2 MiB or more lies between, which the kernel aligns to a huge
 * page.)
 */

#define REACH 0x7ffe0000ull /* of a jump, less the lengths of a window and of the stubs */

static uint64_t stub_at(uint64_t stubs, unsigned i)
{
	return stubs + (uint64_t)i * KIT_STUB_BYTES + KIT_STUB_AT;
}

static void put_jump(uint8_t *at, uint64_t from, uint64_t to)
{
	int32_t rel = (int32_t)(to - from - KIT_JUMP_BYTES);

	at[0] = 0xe9;
	memcpy(at + 1, &rel, sizeof(rel));
}

/* Adds one object to a kit under construction; its addresses are from the object's base. */
static void add_object(struct kit *k, unsigned object, const struct patch_file *f,
		       uint64_t to_stubs, unsigned *pagep)
{
	uint8_t *text = (uint8_t *)k + *pagep * CM_PAGE;

	k->n_known[object] = f->n_known;
	k->window[object] =
		(struct kit_window){.start = f->start, .page = *pagep, .n_pages = f->n_pages};
	memcpy(text, f->text, f->n_pages * CM_PAGE);
	for (unsigned i = 0; i < f->n_sites; i++) {
		uint64_t mov = f->back[i] - KIT_SITE_BYTES;

		put_jump(text + (mov - f->start), mov, stub_at(to_stubs, k->n_sites));
		k->site[k->n_sites++] =
			(struct kit_site){.back = f->back[i], .nr = f->nr[i], .object = object};
	}
	*pagep += f->n_pages;
}

static int seal(const void *bytes, size_t size, struct stat *stp)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int fd = memfd_create("cookiemap-patch", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, size) != (ssize_t)size || fcntl(fd, F_ADD_SEALS, seals) < 0 ||
	    fstat(fd, stp) < 0) {
		close(fd);
		return -EIO;
	}
	return fd;
}

static int kit_build(struct patches *ps, struct patch_kit *kp)
{
	struct stat st = {.st_ino = 0};
	size_t size = CM_PAGE;
	unsigned page = 1;
	struct kit *k;

	for (unsigned i = 0; i < KIT_OBJECTS; i++)
		size += kp->of.file[i] ? kp->of.file[i]->n_pages * CM_PAGE : 0;
	k = calloc(1, size);
	if (!k)
		return -ENOMEM;
	k->magic = KIT_MAGIC;
	for (unsigned i = 0; i < KIT_OBJECTS; i++)
		if (kp->of.file[i])
			add_object(k, i, kp->of.file[i], kp->to_stubs[i], &page);
	kp->fd = seal(k, size, &st);
	free(k);
	if (kp->fd < 0)
		return kp->fd;
	kp->of.ino = st.st_ino;
	ps->dev = st.st_dev;
	return 0;
}

static const struct patch_kit *kit_get(struct patches *ps, struct patch_kit *wanted)
{
	struct patch_kit *k;

	for (unsigned i = 0; i < PATCH_KITS && i < ps->n_kits; i++) {
		k = &ps->kit[i];
		if (!memcmp(k->of.file, wanted->of.file, sizeof(k->of.file)) &&
		    !memcmp(k->to_stubs, wanted->to_stubs, sizeof(k->to_stubs)))
			return k;
	}
	if (!patch_known_room(ps) || kit_build(ps, wanted) < 0)
		return NULL;
	k = &ps->kit[ps->n_kits % PATCH_KITS];
	if (ps->n_kits++ >= PATCH_KITS)
		close(k->fd);
	*k = *wanted;
	*patch_known_place(ps, k->of.ino) = k->of;
	ps->n_known++;
	return k;
}

static bool is_in_reach(const struct patch_file *f, uint64_t to_stubs)
{
	return to_stubs - f->start + REACH < 2 * REACH;
}

static bool is_code(const struct vma *v)
{
	return v->prot == (PROT_READ | PROT_EXEC) && !v->shared;
}

/*
 * Whether the window is mapped there, executable, as it is in the file, with more of the file
 * around it; and may be so, which may not have been looked at yet.
 */
static bool has_window(struct supervisor *s, struct proc *p, const struct patch_file *f,
		       uint64_t base)
{
	uint64_t at = base + f->start, size = f->n_pages * CM_PAGE;
	struct vma v;

	return !vma_at(p->maps, at, &v) && v.ino == f->map_ino && v.dev == f->map_dev &&
	       is_code(&v) && v.offset_bytes + (at - v.range.start) == f->offset &&
	       v.range.end - at >= size && range_len(v.range) > size &&
	       image_verify_range(s, p, p->via, v.range);
}

/*
 * The stubs are the library's, by its name and by their place in it. So of the distance that a jump
 * goes, which becomes executable, an image can choose the pages, by mapping the library where it
 * likes, and no more.
 */
static bool has_stubs(struct proc *p, uint64_t stubs)
{
	struct vma v;

	return p->maps >= 0 && !vma_at(p->maps, stubs, &v) && is_code(&v) && vma_is_library(&v) &&
	       stubs - v.range.start + v.offset_bytes == KIT_STUBS_AT &&
	       v.range.end - stubs >= KIT_SITES * KIT_STUB_BYTES;
}

/* The file loaded at `base`, if it can be patched there. */
static const struct patch_file *file_at(struct supervisor *s, struct proc *p, uint64_t base,
					uint64_t stubs)
{
	const struct patch_file *f;
	struct vma v;

	if (!base || p->maps < 0 || vma_at(p->maps, base, &v) || v.range.start != base ||
	    v.offset_bytes || !v.ino || !vma_is_libc(&v))
		return NULL;
	f = patch_file_get(s, p->via, &v);
	return f && f->n_pages && is_in_reach(f, stubs - base) && has_window(s, p, f, base) ? f
											    : NULL;
}

/*
 * A kit for a process that has its libc and its ld.so at `base` (0: not to be patched) and the
 * library's stubs at `stubs`.
 *
 * Return: its memfd, the supervisor's; or -ENOENT: nothing to patch.
 */
int patch_give(struct supervisor *s, struct proc *p, const uint64_t base[KIT_OBJECTS],
	       uint64_t stubs)
{
	struct patch_kit wanted = {.fd = -1};
	const struct patch_kit *k;
	unsigned n_sites = 0;

	if (!has_stubs(p, stubs))
		return -ENOENT;
	for (unsigned i = 0; i < KIT_OBJECTS; i++) {
		const struct patch_file *f = file_at(s, p, base[i], stubs);

		if (!f || n_sites + f->n_sites > KIT_SITES)
			continue;
		n_sites += f->n_sites;
		wanted.of.file[i] = f;
		wanted.to_stubs[i] = stubs - base[i];
	}
	if (!n_sites)
		return -ENOENT;
	k = kit_get(&s->patches, &wanted);
	if (!k)
		return -ENOENT;
	p->kit = k->of.ino;
	return k->fd;
}

/* The kit that a process has mapped: of a fork nobody has told. 0: none. */
uint64_t patch_find(struct supervisor *s, struct proc *p)
{
	struct vma_walk w;
	struct vma v;

	if (p->kit || p->maps < 0)
		return p->kit;
	vma_walk_begin(&w, p->maps, 0, VMA_EXEC);
	while (!p->kit && !vma_walk_next(&w, &v))
		if (v.dev == s->objects.memory_dev && patch_is_kit(&s->patches, v.ino))
			p->kit = v.ino;
	vma_walk_end(&w);
	return p->kit;
}

/* Says, once for a program, what of its libc goes through the gate. */
void patch_note(struct supervisor *s, struct proc *p, const uint64_t n_done[KIT_OBJECTS])
{
	const struct patch_known *k = patch_known_find(&s->patches, p->kit);
	char text[1700];
	struct fmt f = FMT_INIT(text);

	if (!s->verbose || !report_once(&s->report, "patch", p->exe))
		return;
	fmt_str(&f, p->exe);
	fmt_str(&f, k ? ":" : ": no call sites of libc patched");
	for (unsigned i = 0; k && i < KIT_OBJECTS; i++) {
		if (!k->file[i])
			continue;
		fmt_str(&f, i && k->file[0] ? ", " : " ");
		fmt_str(&f, "patched ");
		fmt_udec(&f, n_done[i]);
		fmt_str(&f, " of ");
		fmt_udec(&f, k->file[i]->n_known);
		fmt_str(&f, " call sites of ");
		fmt_str(&f, k->file[i]->name);
	}
	report_note(&s->report, &p->rule->policy, text);
}
