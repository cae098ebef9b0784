/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/vma.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "common/fmt.h"
#include "common/procmap.h"

/*
 * The kernel's own view of another process's mappings.
 *
 * /proc/PID/maps is opened once per image and asked by ioctl(PROCMAP_QUERY), one mapping at a time
 * (Linux 6.11, fs/proc/task_mmu.c); older kernels are read as text, from the start, or by a walk.
 * The descriptor is bound to the address space that it was opened on: after execve it answers
 * ESRCH, it never tells of another image. Opening needs PTRACE_MODE_READ, not the right to attach.
 */

#define QUERY_READABLE   0x01
#define QUERY_WRITABLE   0x02
#define QUERY_EXECUTABLE 0x04
#define QUERY_SHARED     0x08
#define QUERY_OR_NEXT    0x10

static bool text_only;

/* Tests read as on a kernel without PROCMAP_QUERY. */
void vma_force_text(bool on)
{
	text_only = on;
}

/*
 * A descriptor on which the mappings of the process's present image can be asked for.
 * Return: the descriptor, the caller's to close, or -errno (ESRCH gone, EACCES not allowed to
 * look).
 */
int vma_open(pid_t pid)
{
	char path[32];
	struct fmt f = FMT_INIT(path);
	int fd;

	fmt_str(&f, "/proc/");
	fmt_udec(&f, (uint64_t)pid);
	fmt_str(&f, "/maps");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int query(int maps, uint64_t addr, uint64_t flags, struct vma *vp)
{
	struct procmap_query q = {.size = sizeof(q),
				  .query_flags = flags,
				  .query_addr = addr,
				  .vma_name_size = sizeof(vp->name),
				  .vma_name_addr = (uintptr_t)vp->name};

	vp->name[0] = 0;
	if (ioctl(maps, PROCMAP_QUERY, &q) < 0) {
		if (errno != ENAMETOOLONG)
			return -errno;
		q.vma_name_size = 0; /* a path that long is no module that a policy names */
		q.vma_name_addr = 0;
		if (ioctl(maps, PROCMAP_QUERY, &q) < 0)
			return -errno;
	}
	vp->name[sizeof(vp->name) - 1] = 0;
	vp->range = (struct range){q.vma_start, q.vma_end};
	vp->prot = (uint8_t)(((q.vma_flags & QUERY_READABLE) ? PROT_READ : 0) |
			     ((q.vma_flags & QUERY_WRITABLE) ? PROT_WRITE : 0) |
			     ((q.vma_flags & QUERY_EXECUTABLE) ? PROT_EXEC : 0));
	vp->shared = q.vma_flags & QUERY_SHARED;
	vp->offset_bytes = q.vma_offset;
	vp->dev = makedev(q.dev_major, q.dev_minor);
	vp->ino = q.inode;
	return 0;
}

static bool hex_field(const char **pp, const char *end, char stop, uint64_t *vp)
{
	uint64_t v = 0;
	const char *p = *pp;

	for (; p < end && *p != stop; p++) {
		int d = *p >= '0' && *p <= '9'   ? *p - '0'
			: *p >= 'a' && *p <= 'f' ? *p - 'a' + 10
						 : -1;

		if (d < 0 || v >> 60)
			return false;
		v = v << 4 | (unsigned)d;
	}
	if (p == *pp || p == end)
		return false;
	*pp = p + 1;
	*vp = v;
	return true;
}

/*
 * One line of /proc/PID/maps, without its newline (proc_pid_maps(5)).
 * Return: 0 and *vp written, or -EINVAL.
 */
int vma_parse(const char *line, size_t len, struct vma *vp)
{
	const char *p = line, *end = line + len;
	uint64_t start, stop, offset, major, minor, ino = 0;
	struct vma v = {0};
	size_t n;

	if (!hex_field(&p, end, '-', &start) || !hex_field(&p, end, ' ', &stop) || end - p < 5)
		return -EINVAL;
	v.prot = (uint8_t)((p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
			   (p[2] == 'x' ? PROT_EXEC : 0));
	v.shared = p[3] == 's';
	p += 5;
	if (!hex_field(&p, end, ' ', &offset) || !hex_field(&p, end, ':', &major) ||
	    !hex_field(&p, end, ' ', &minor))
		return -EINVAL;
	for (; p < end && *p >= '0' && *p <= '9'; p++)
		ino = ino * 10 + (uint64_t)(*p - '0');
	while (p < end && *p == ' ')
		p++;
	n = (size_t)(end - p) < sizeof(v.name) - 1 ? (size_t)(end - p) : sizeof(v.name) - 1;
	memcpy(v.name, p, n);
	v.range = (struct range){start, stop};
	v.offset_bytes = offset;
	v.dev = makedev((unsigned)major, (unsigned)minor);
	v.ino = ino;
	*vp = v;
	return 0;
}

static void skip_rest(FILE *f, const char *line)
{
	int c = 0;

	if (!strchr(line, '\n'))
		while (c != EOF && c != '\n')
			c = getc(f);
}

/* A place in the text of its own: others read by the same descriptor, whose position is one. */
struct text {
	int maps;
	off64_t at;
};

static ssize_t text_read(void *cookie, char *to, size_t len_bytes)
{
	struct text *t = cookie;
	ssize_t n = pread(t->maps, to, len_bytes, t->at);

	if (n > 0)
		t->at += n;
	return n;
}

static int text_close(void *cookie)
{
	free(cookie);
	return 0;
}

/* The text from its start. Return: the caller's to close; NULL with errno. */
static FILE *text_open(int maps)
{
	struct text *t = malloc(sizeof(*t));
	FILE *f;

	if (!t)
		return NULL;
	*t = (struct text){maps, 0};
	f = fopencookie(t, "r", (cookie_io_functions_t){.read = text_read, .close = text_close});
	if (!f) {
		free(t);
		return NULL;
	}
	setvbuf(f, NULL, _IOFBF, CM_PAGE); /* as much as the kernel gives at a time */
	return f;
}

/* The next line of a mapping that ends behind the address. Return: 0, -ENOENT, or -errno. */
static int text_next(FILE *f, int maps, uint64_t addr, enum vma_filter filter, struct vma *vp)
{
	char line[8192];

	while (fgets(line, sizeof(line), f)) {
		skip_rest(f, line); /* of a path longer than any that a policy names */
		if (vma_parse(line, strcspn(line, "\n"), vp) < 0)
			return -EIO;
		if (vp->range.end > addr && (filter != VMA_EXEC || vp->prot & PROT_EXEC))
			return 0;
	}
	if (ferror(f))
		return -errno;
	/* the text ends early where the address space does */
	return pread(maps, line, 1, 0) <= 0 ? -ESRCH : -ENOENT;
}

/* The text has no way to ask for one address: it is read from its start until the place is found.
 */
static int scan_text(int maps, uint64_t addr, bool exact, enum vma_filter filter, struct vma *vp)
{
	FILE *f = text_open(maps);
	int r;

	if (!f)
		return -errno;
	r = text_next(f, maps, addr, filter, vp);
	if (!r && exact && vp->range.start > addr)
		r = -ENOENT;
	fclose(f);
	return r;
}

static int look(int maps, uint64_t addr, bool exact, enum vma_filter filter, struct vma *vp)
{
	int r;

	if (!text_only) {
		r = query(maps, addr,
			  (exact ? 0 : QUERY_OR_NEXT) | (filter == VMA_EXEC ? QUERY_EXECUTABLE : 0),
			  vp);
		if (r != -ENOTTY)
			return r;
		text_only = true;
	}
	return scan_text(maps, addr, exact, filter, vp);
}

/* The mapping that covers the address. What *vp holds after a failure is not defined. Return: 0,
 * -ENOENT there is none, or -errno. */
int vma_at(int maps, uint64_t addr, struct vma *vp)
{
	return look(maps, addr, true, VMA_ALL, vp);
}

/* The first mapping that ends behind the address. Return: 0, -ENOENT there is none, or -errno. */
int vma_next(int maps, uint64_t addr, enum vma_filter filter, struct vma *vp)
{
	return look(maps, addr, false, filter, vp);
}

/*
 * Begins a walk over the mappings that end behind an address, one by one; to be ended with
 * vma_walk_end(). What the kernel maps meanwhile may be missed, as by one question after the other.
 */
void vma_walk_begin(struct vma_walk *w, int maps, uint64_t from, enum vma_filter filter)
{
	*w = (struct vma_walk){.maps = maps, .filter = filter, .at = from, .text = NULL};
}

/* The next one. Return: 0, -ENOENT there is none, or -errno. */
int vma_walk_next(struct vma_walk *w, struct vma *vp)
{
	int r;

	if (!text_only) {
		r = look(w->maps, w->at, false, w->filter, vp);
	} else {
		if (!w->text)
			w->text = text_open(w->maps);
		r = w->text ? text_next(w->text, w->maps, w->at, w->filter, vp) : -errno;
	}
	if (!r)
		w->at = vp->range.end;
	return r;
}

void vma_walk_end(struct vma_walk *w)
{
	if (w->text)
		fclose(w->text);
	w->text = NULL;
}

/*
 * Code that the kernel itself maps into every process (arch/x86/entry/vdso/vma.c, vsyscall_64.c,
 * kernel/events/uprobes.c). The brackets cannot be forged: a file's name begins with a slash, a
 * name given by prctl(PR_SET_VMA) with "[anon:".
 */
bool vma_is_kernel_code(const struct vma *v)
{
	return !v->ino && (!strcmp(v->name, "[vdso]") || !strcmp(v->name, "[vsyscall]") ||
			   !strcmp(v->name, "[uprobes]"));
}

static bool is_named(const struct vma *v, const char *name)
{
	const char *base = strrchr(v->name, '/');

	return base && !strncmp(base + 1, name, strlen(name));
}

/* Our own library. */
bool vma_is_library(const struct vma *v)
{
	return is_named(v, "libcminterpose.so");
}

/* Of a loader, whether it is a libc as well: musl's, which often is libc.so with a link to it. */
bool vma_is_musl(const struct vma *v)
{
	return is_named(v, "ld-musl-") || is_named(v, "libc.so");
}

/* Modules whose calls are nobody's own: the loader, libc, and our library before it has a gate. */
bool vma_is_libc(const struct vma *v)
{
	static const char *const names[] = {"ld-linux", "ld-musl-", "ld-2.",
					    "libc.so",  "libc-2.",  "libpthread"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_named(v, names[i]))
			return true;
	return vma_is_library(v);
}
