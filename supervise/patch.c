/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "common/call.h"
#include "common/fmt.h"
#include "supervise/sitecache.h"

/*
 * Patch kits (common/kit.h): what sends libc's own calls through the gate.
 *
 * A kit's text is made here from the file and from nothing that the program says but addresses, so
 * what becomes executable by it is the file's own code with jumps to wherever the asker has its
 * stubs. It is given for objects only that the asker has mapped, executable, as they are in the
 * file, and that are libc or ld.so by name.
 *
 * Where a program's stubs are from its libc is nearly always the same for one program, so kits are
 * kept. What was given out is remembered for ever, by inode, since it may be mapped for ever: such
 * a mapping may be executable, and code in it counts for the file it was copied from.
 *
 * One window of pages is replaced of each object: a second would cut the program's mapping twice
 * more, for calls that nobody makes often.
 */

#define KNOWN_MOST (1u << 20)
#define REACH      0x7ffe0000ull /* of a jump, less the lengths of a window and of the stubs */
#define MOV_BYTES  KIT_JUMP_BYTES

/* ---- files ----------------------------------------------------------------------------------- */

/* The calls that libc makes for itself; who wants the others comes by the wrappers. */
static unsigned worth(const struct site *t)
{
	switch (t->nr) {
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mprotect:
		return 4;
	case SYS_mremap: /* realloc(3) */
		return 3;
	case SYS_madvise: /* in more than one place, and seldom */
		return 2;
	}
	return 0;
}

static uint64_t first_page(const struct site *t)
{
	return page_down(t->addr - MOV_BYTES);
}

/* How many sites from `i` on make the best of one window that begins with it, up to the last that
 * is worth it: every page is compared in every start. */
static size_t in_window(const struct site_list *l, size_t i, unsigned *worthp)
{
	uint64_t end = first_page(&l->at[i]) + KIT_PAGES * CM_PAGE;
	size_t n = 0;

	*worthp = 0;
	for (size_t k = 0; i + k < l->n && k < KIT_SITES; k++) {
		const struct site *t = &l->at[i + k];

		if (t->addr - MOV_BYTES + SITE_SPAN > end ||
		    t->addr - t->offset != l->at[i].addr - l->at[i].offset ||
		    (t->addr - t->offset) % CM_PAGE) /* the kernel maps no such segment */
			break;
		if (!worth(t))
			continue;
		*worthp += worth(t);
		n = k + 1;
	}
	return n;
}

static size_t best_window(const struct site_list *l, size_t *np)
{
	unsigned best = 0, now;
	size_t at = 0;

	*np = 0;
	for (size_t i = 0; i < l->n; i++) {
		size_t n = worth(&l->at[i]) ? in_window(l, i, &now) : 0;

		if (n && now > best) {
			best = now;
			at = i;
			*np = n;
		}
	}
	return at;
}

/* Takes those that are in the file what they were found to be. */
static void take_sites(struct patch_file *f, const struct site *t, size_t n)
{
	uint64_t size = f->n_pages * CM_PAGE;

	for (; n && f->n_sites < KIT_SITES; t++, n--) {
		uint64_t at = t->offset - MOV_BYTES - f->offset;

		if (at >= size || !site_is_intact(t, f->text + at, size - at))
			continue;
		f->nr[f->n_sites] = (uint32_t)t->nr;
		f->back[f->n_sites++] = t->addr + KIT_SITE_BYTES - MOV_BYTES;
	}
}

static int read_window(struct patch_file *f, int fd, const struct site_list *l)
{
	size_t n, i = best_window(l, &n);
	const struct site *first, *last;
	ssize_t size;

	if (!n)
		return -ENOENT;
	first = &l->at[i];
	last = &l->at[i + n - 1];
	f->offset = page_down(first->offset - MOV_BYTES);
	f->start = first_page(first);
	f->n_pages = (unsigned)((page_up(last->addr - MOV_BYTES + SITE_SPAN) - f->start) / CM_PAGE);
	size = (ssize_t)(f->n_pages * CM_PAGE);
	f->text = malloc((size_t)size);
	if (!f->text || pread(fd, f->text, (size_t)size, (off_t)f->offset) != size)
		return -EIO;
	take_sites(f, first, n);
	return f->n_sites ? 0 : -ENOENT;
}

/* Fills in what is to be known of a file. One that cannot be patched has no pages. */
static int file_init(struct patch_file *f, pid_t pid, const struct vma *v)
{
	struct site_list l = {NULL, 0};
	bool cached;
	int fd, r;

	*f = (struct patch_file){.map_dev = v->dev, .map_ino = v->ino};
	memcpy(f->name, v->name, sizeof(f->name));
	fd = object_open(pid, v);
	if (fd < 0)
		return -ENOENT;
	if (fstat(fd, &f->st) < 0) {
		close(fd);
		return -ENOENT;
	}
	r = sites_of_file(fd, &f->st, &l, &cached);
	f->n_known = (unsigned)l.n;
	if (!r)
		r = read_window(f, fd, &l);
	if (r < 0)
		f->n_pages = f->n_sites = 0;
	site_list_deinit(&l);
	close(fd); /* its file system may be unmounted */
	return 0;
}

static bool is_as_read(const struct patch_file *f, const struct stat *st)
{
	return st->st_dev == f->st.st_dev && st->st_ino == f->st.st_ino &&
	       st->st_size == f->st.st_size && st->st_ctim.tv_sec == f->st.st_ctim.tv_sec &&
	       st->st_ctim.tv_nsec == f->st.st_ctim.tv_nsec;
}

/* Nearly always the file stands where the mapping says, in our own eyes too. */
static bool is_unchanged(const struct patch_file *f, pid_t pid, const struct vma *v)
{
	struct stat st;

	if (v->name[0] == '/' && !object_stat(v->name, &st) && is_as_read(f, &st))
		return true;
	return !object_find(pid, v, &st) && is_as_read(f, &st);
}

/* Reading one takes milliseconds, in which nobody is looked at: so whoever is due is looked at
 * first. */
static struct patch_file *file_get(struct supervisor *s, pid_t pid, const struct vma *v)
{
	struct patches *ps = &s->patches;
	struct patch_file *f;

	for (unsigned i = 0; i < ps->n_files; i++) {
		f = ps->file[i];
		if (f->stale || f->map_ino != v->ino || f->map_dev != v->dev)
			continue;
		if (is_unchanged(f, pid, v))
			return f;
		f->stale = true;
	}
	if (ps->n_files == PATCH_FILES)
		return NULL;
	check_all(s);
	f = malloc(sizeof(*f));
	if (!f)
		return NULL;
	if (file_init(f, pid, v) < 0) {
		free(f);
		return NULL;
	}
	return ps->file[ps->n_files++] = f;
}

/* ---- kits that were given out ------------------------------------------------------------------
 */

static struct patch_known *place(const struct patches *ps, uint64_t ino)
{
	unsigned i = (unsigned)(ino * 0x9e3779b97f4a7c15ull >> 40) & (ps->room - 1);

	while (ps->known[i].ino && ps->known[i].ino != ino)
		i = (i + 1) & (ps->room - 1);
	return &ps->known[i];
}

static const struct patch_known *known(const struct patches *ps, uint64_t ino)
{
	const struct patch_known *k = ps->room && ino ? place(ps, ino) : NULL;

	return k && k->ino ? k : NULL;
}

/* Room for one more. Return: false: none, and no kit is to be made. */
static bool make_room(struct patches *ps)
{
	struct patches more = {.room = ps->room ? 2 * ps->room : 64};

	if (2 * ps->n_known < ps->room)
		return true;
	if (more.room > 2 * KNOWN_MOST)
		return false;
	more.known = calloc(more.room, sizeof(*more.known));
	if (!more.known)
		return false;
	for (unsigned i = 0; i < ps->room; i++)
		if (ps->known[i].ino)
			*place(&more, ps->known[i].ino) = ps->known[i];
	free(ps->known);
	ps->known = more.known;
	ps->room = more.room;
	return true;
}

/* Whether a memory object is a kit. `ino`: on the device of memory objects. */
bool patch_is_kit(const struct patches *ps, uint64_t ino)
{
	return known(ps, ino) != NULL;
}

/* Makes the mapping of a kit that of the file it was copied from. Return: whether it was one. */
bool patch_origin(const struct patches *ps, struct vma *v)
{
	const struct patch_known *k = known(ps, v->ino);
	uint64_t at = CM_PAGE;

	for (unsigned i = 0; k && i < KIT_OBJECTS; i++) {
		const struct patch_file *f = k->file[i];
		uint64_t size = f ? f->n_pages * CM_PAGE : 0;

		if (v->offset_bytes >= at && v->offset_bytes < at + size) {
			v->offset_bytes += f->offset - at;
			v->dev = f->map_dev;
			v->ino = f->map_ino;
			memcpy(v->name, f->name, sizeof(v->name));
			return true;
		}
		at += size;
	}
	return false;
}

static bool continues(const struct vma *a, const struct vma *b)
{
	return a->range.end == b->range.start && a->dev == b->dev && a->ino == b->ino &&
	       a->offset_bytes + range_len(a->range) == b->offset_bytes && !a->shared &&
	       a->prot == b->prot;
}

/*
 * Whether a mapping of a kit is in its place: code of the file it was copied from goes on before it
 * or behind it. That is judged for itself; the kit is as good as it is. `maps`: vma_open() of the
 * process; of one that is gone by now nothing is wrong.
 */
bool patch_is_in_place(const struct patches *ps, int maps, const struct vma *v)
{
	struct vma kit = *v, next;
	int r;

	if (v->prot != (PROT_READ | PROT_EXEC) || v->shared || !patch_origin(ps, &kit))
		return false;
	r = vma_at(maps, kit.range.start - 1, &next);
	if (!r && continues(&next, &kit))
		return true;
	r = vma_at(maps, kit.range.end, &next);
	return r == -ESRCH || (!r && continues(&kit, &next));
}

/*
 * The site whose stub has made a call, in the kit with this inode: the name of its file, and its
 * place there in `offset_bytes`. Return: false: nobody knows.
 */
bool patch_caller(const struct patches *ps, uint64_t ino, unsigned stub, struct vma *vp)
{
	const struct patch_known *k = known(ps, ino);

	for (unsigned i = 0; k && i < KIT_OBJECTS; i++) {
		const struct patch_file *f = k->file[i];

		if (f && stub < f->n_sites) {
			*vp = (struct vma){.prot = PROT_READ | PROT_EXEC,
					   .offset_bytes = f->back[stub] - f->start + f->offset,
					   .dev = f->map_dev,
					   .ino = f->map_ino};
			memcpy(vp->name, f->name, sizeof(vp->name));
			return true;
		}
		stub -= f ? f->n_sites : 0;
	}
	return false;
}

/* ---- making one ------------------------------------------------------------------------------ */

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

static int seal(const void *bytes, size_t size, uint64_t *inop)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	int fd = memfd_create("cookiemap-patch", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, size) != (ssize_t)size || fcntl(fd, F_ADD_SEALS, seals) < 0 ||
	    fstat(fd, &st) < 0) {
		close(fd);
		return -EIO;
	}
	*inop = st.st_ino;
	return fd;
}

static int kit_build(struct patch_kit *kp)
{
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
	kp->fd = seal(k, size, &kp->of.ino);
	free(k);
	return kp->fd < 0 ? kp->fd : 0;
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
	if (!make_room(ps) || kit_build(wanted) < 0)
		return NULL;
	k = &ps->kit[ps->n_kits % PATCH_KITS];
	if (ps->n_kits++ >= PATCH_KITS)
		close(k->fd);
	*k = *wanted;
	*place(ps, k->of.ino) = k->of;
	ps->n_known++;
	return k;
}

/* ---- asking for one ----------------------------------------------------------------------------
 */

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
	f = file_get(s, p->via, &v);
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
	struct vma v;

	for (uint64_t at = 0; !p->kit && p->maps >= 0 && !vma_next(p->maps, at, VMA_EXEC, &v);
	     at = v.range.end)
		if (v.dev == s->objects.memory_dev && patch_is_kit(&s->patches, v.ino))
			p->kit = v.ino;
	return p->kit;
}

/* Says, once for a program, what of its libc goes through the gate. */
void patch_note(struct supervisor *s, struct proc *p, const uint64_t n_done[KIT_OBJECTS])
{
	const struct patch_known *k = known(&s->patches, p->kit);
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
