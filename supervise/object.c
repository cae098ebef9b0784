/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/object.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>
#include "common/fmt.h"
#include "supervise/patch.h"

/*
 * The provenance of what is about to become executable: the classes of wx.file.
 *
 * A memory object is known by the device it lives on, never by its name: memfds, shared anonymous
 * memory and System V segments all live on one mount inside the kernel (mm/shmem.c, shm_mnt), which
 * our own memfd tells the number of; hugetlbfs and secretmem have mounts of their own, told by
 * magic.
 *
 * Settled: not a memory object, still linked somewhere, and its ctime lies before the start of the
 * tree. Any write, truncation, rename or chmod sets the ctime, and nobody can set it back. File
 * systems stamp with the coarse clock, so the start is taken from the same one. Those in memory
 * (tmpfs, ramfs, hugetlbfs) do not stamp what is stored through a shared mapping, so nothing on
 * them is ever settled.
 *
 * Trusted: settled, and nobody but root can change it or put another in its place: owned by root,
 * not writable by group or others, and every folder above likewise (a sticky folder serves only
 * root's own files, so it does not count).
 */

#define TMPFS_MAGIC     0x01021994
#define RAMFS_MAGIC     0x858458f6
#define HUGETLBFS_MAGIC 0x958458f6
#define SECRETMEM_MAGIC 0x5345434d
#define BTRFS_MAGIC     0x9123683e
#define OVERLAYFS_MAGIC 0x794c7630

#define PATH_ROOM 600

_Static_assert(sizeof(((struct object *)0)->name) == sizeof(((struct vma *)0)->name), "names");

/*
 * Takes the start of the tree and the numbers of the memory objects' device and of the gate.
 * Return: 0 or -errno.
 */
int object_rules_init(struct object_rules *r, int gate_memfd)
{
	struct stat st;
	struct timespec now;

	if (fstat(gate_memfd, &st) < 0 || clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
		return -errno;
	*r = (struct object_rules){.memory_dev = st.st_dev,
				   .since = now,
				   .gate_dev = st.st_dev,
				   .gate_ino = st.st_ino};
	return 0;
}

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static bool is_roots_own(const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Every folder from the root to the file: nobody but root can change what the path leads to. */
static bool is_path_trusted(const char *path)
{
	char part[PATH_MAX];
	struct stat st;
	size_t n = strlen(path);

	if (path[0] != '/' || n >= sizeof(part))
		return false;
	for (size_t i = 0; i <= n; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = 0;
		if (lstat(i ? part : "/", &st) < 0 || S_ISLNK(st.st_mode) || !is_roots_own(&st))
			return false;
	}
	return true;
}

static bool is_memory(const struct object_rules *r, const struct stat *st, long fs_type)
{
	return st->st_dev == r->memory_dev || fs_type == SECRETMEM_MAGIC ||
	       (fs_type == HUGETLBFS_MAGIC && !st->st_nlink);
}

static bool is_in_memory(long fs_type)
{
	return fs_type == TMPFS_MAGIC || fs_type == RAMFS_MAGIC || fs_type == HUGETLBFS_MAGIC;
}

/* "/memfd:NAME (deleted)", as /proc shows it, to "memfd:NAME", as policies write it. */
static void trim_memory_name(char *name)
{
	static const char mark[] = " (deleted)";
	size_t n = strlen(name), k = sizeof(mark) - 1;

	if (strncmp(name, "/memfd:", 7))
		return;
	if (n > k && !strcmp(name + n - k, mark))
		name[n - k] = 0;
	memmove(name, name + 1, strlen(name));
}

static void judge(const struct object_rules *r, const struct stat *st, long fs_type,
		  struct object *o)
{
	o->dev = st->st_dev;
	o->ino = st->st_ino;
	o->regular = S_ISREG(st->st_mode);
	o->is_gate = st->st_dev == r->gate_dev && st->st_ino == r->gate_ino;
	o->is_kit =
		r->patches && st->st_dev == r->memory_dev && patch_is_kit(r->patches, st->st_ino);
	o->file.memfd = is_memory(r, st, fs_type);
	o->file.settled = fs_type && !o->file.memfd && st->st_nlink &&
			  is_before(st->st_ctim, r->since) && !is_in_memory(fs_type);
	o->file.trusted = o->file.settled && is_roots_own(st) && is_path_trusted(o->name);
	if (o->file.memfd)
		trim_memory_name(o->name);
	o->file.name = o->name[0] ? o->name : NULL;
}

/* How the kernel names memory objects of mounts that have no path (mm/memfd.c, mm/hugetlb.c,
 * mm/secretmem.c). A file in / that bears such a name is taken for one as well. */
static bool is_memory_name(const char *name)
{
	return !strncmp(name, "/memfd:", 7) || !strncmp(name, "/anon_hugepage", 14) ||
	       !strncmp(name, "/secretmem", 10);
}

/* As object_stat(), and the number of the mount; 0 before Linux 5.8. */
static int stat_of(const char *path, struct stat *stp, uint64_t *mountp)
{
	struct statx x;

	if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC, STATX_BASIC_STATS | STATX_MNT_ID, &x) < 0)
		return -errno;
	*mountp = x.stx_mask & STATX_MNT_ID ? x.stx_mnt_id : 0;
	*stp = (struct stat){.st_dev = makedev(x.stx_dev_major, x.stx_dev_minor),
			     .st_ino = x.stx_ino,
			     .st_mode = x.stx_mode,
			     .st_nlink = x.stx_nlink,
			     .st_uid = x.stx_uid,
			     .st_size = (off_t)x.stx_size,
			     .st_ctim = {x.stx_ctime.tv_sec, x.stx_ctime.tv_nsec}};
	return 0;
}

/*
 * stat(2) that does not ask a file system's server (AT_STATX_DONT_SYNC): the file may be on a FUSE
 * mount whose server never answers, and the supervisor serves others. Paths of /proc/PID lead to a
 * file without looking anything up. Return: 0 or -errno.
 */
int object_stat(const char *path, struct stat *stp)
{
	uint64_t mount;

	return stat_of(path, stp, &mount);
}

/* Whether that file stands at that path in our own eyes. */
bool object_is_at(const char *path, dev_t dev, uint64_t ino)
{
	struct statfs fs;
	struct stat st;

	if (path[0] != '/' || object_stat(path, &st) < 0 || st.st_ino != ino)
		return false;
	return st.st_dev == dev ||
	       (!statfs(path, &fs) && (fs.f_type == BTRFS_MAGIC || fs.f_type == OVERLAYFS_MAGIC));
}

enum remote { REMOTE_UNSEEN, REMOTE_NO, REMOTE_YES };

/* What a process's list of mounts says of one: proc_pid_mountinfo(5). */
static enum remote remote_in(const char *list, uint64_t mount)
{
	static const char *const types[] = {" - fuse", " - nfs",  " - cifs", " - smb3",
					    " - 9p ",  " - ceph", " - afs",  " - virtiofs"};
	enum remote r = REMOTE_UNSEEN;
	char line[8192];
	FILE *f = fopen(list, "re");

	while (f && r == REMOTE_UNSEEN && fgets(line, sizeof(line), f)) {
		if (strtoull(line, NULL, 10) != mount)
			continue;
		r = REMOTE_NO;
		for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
			if (strstr(line, types[i]))
				r = REMOTE_YES;
	}
	if (f)
		fclose(f);
	return r;
}

/*
 * Whether a file may live behind a server, who may never answer: its mount tells, which is never
 * asked itself. One that nobody lists, because it was detached, may be anything.
 */
static bool is_remote(pid_t pid, dev_t dev, uint64_t mount)
{
	enum remote r;
	char list[40];

	if (major(dev)) /* of a block device */
		return false;
	snprintf(list, sizeof(list), "/proc/%d/mountinfo", (int)pid);
	r = remote_in(list, mount);
	if (r == REMOTE_UNSEEN)
		r = remote_in("/proc/self/mountinfo", mount);
	return r != REMOTE_NO;
}

static int object_of_path(const struct object_rules *r, pid_t pid, const char *path, bool deeper,
			  struct object *o)
{
	struct statfs fs = {0};
	struct stat st;
	uint64_t mount;
	int e = stat_of(path, &st, &mount);
	ssize_t n;

	if (e < 0)
		return e;
	judge(r, &st, 0, o);
	if (o->is_gate || o->is_kit)
		return 0; /* nobody asks for a name */
	n = readlink(path, o->name, sizeof(o->name) - 1);
	o->name[n < 0 ? 0 : n] = 0;
	if (is_memory_name(o->name))
		fs.f_type = HUGETLBFS_MAGIC;
	else if (!deeper)
		fs.f_type = 0; /* only memory objects are told apart, and they by their device */
	else if (is_remote(pid, st.st_dev, mount))
		fs.f_type = RAMFS_MAGIC; /* its times are what its server says: as good as none */
	else if (statfs(path, &fs) < 0)
		return -errno;
	judge(r, &st, fs.f_type, o);
	return 0;
}

/*
 * The object behind a descriptor of a process. The number may be given to another object before the
 * call that names it is made: what is decided on it is checked again afterwards. Without
 * `look_deeper` it is only told whether it is a memory object; settled and trusted stay false.
 * Return: 0 and *op written, -EBADF no such descriptor, or -errno where we may not look.
 */
int object_of_fd(const struct object_rules *r, pid_t pid, int fd, bool look_deeper,
		 struct object *op)
{
	char path[48];
	struct object o = {0};
	struct fmt f = FMT_INIT(path);
	int n;

	if (fd < 0)
		return -EBADF;
	fmt_str(&f, "/proc/");
	fmt_udec(&f, (uint64_t)pid);
	fmt_str(&f, "/fd/");
	fmt_udec(&f, (uint64_t)fd);
	n = object_of_path(r, pid, path, look_deeper, &o);
	if (n < 0)
		return n == -ENOENT ? -EBADF : n;
	*op = o;
	op->file.name = op->name[0] ? op->name : NULL;
	return 0;
}

/* Whether what stands at a path now is what is mapped. Btrfs and overlayfs show another device in
 * maps than in stat(2), so there the inode alone has to do. */
static bool is_same(const struct vma *v, const struct stat *st, long fs_type)
{
	return st->st_ino == v->ino &&
	       (st->st_dev == v->dev || fs_type == BTRFS_MAGIC || fs_type == OVERLAYFS_MAGIC);
}

/*
 * Memory that no descriptor stands for: private, or shared by inheritance (the kernel calls that
 * /dev/zero, on a device that no path leads to) or by a System V key. For policy it is anonymous.
 */
bool object_is_anonymous(const struct object_rules *r, const struct vma *v)
{
	if (!v->ino)
		return true;
	return v->dev == r->memory_dev &&
	       (!strcmp(v->name, "/dev/zero (deleted)") || !strncmp(v->name, "/SYSV", 5));
}

/*
 * The file of a mapping, found again: by the mapping itself where we have the rights of root
 * (/proc/PID/map_files), or by its path, which is either the process's own root's or ours (a chroot
 * below us is printed as we see it). What is found some other way must be the same file.
 * Return: whether it was; *stp and *fsp are written then.
 */
static bool find_file(pid_t pid, const struct vma *v, struct stat *stp, struct statfs *fsp,
		      char found[PATH_ROOM])
{
	char paths[3][PATH_ROOM];
	struct statfs fs;
	struct stat st;
	uint64_t mount;

	snprintf(paths[0], sizeof(paths[0]), "/proc/%d/map_files/%llx-%llx", (int)pid,
		 (unsigned long long)v->range.start, (unsigned long long)v->range.end);
	snprintf(paths[1], sizeof(paths[1]), "/proc/%d/root%s", (int)pid, v->name);
	snprintf(paths[2], sizeof(paths[2]), "%s", v->name);
	for (int i = 0; i < 3; i++) {
		if (stat_of(paths[i], &st, &mount) < 0 || is_remote(pid, st.st_dev, mount) ||
		    statfs(paths[i], &fs) < 0 || !is_same(v, &st, fs.f_type))
			continue;
		*stp = st;
		*fsp = fs;
		memcpy(found, paths[i], PATH_ROOM);
		return true;
	}
	return false;
}

/* What stat(2) says of the file behind a mapping. Return: 0 or -ENOENT. */
int object_find(pid_t pid, const struct vma *v, struct stat *stp)
{
	char path[PATH_ROOM];
	struct statfs fs;

	return find_file(pid, v, stp, &fs, path) ? 0 : -ENOENT;
}

/* The file behind a mapping, to be read. Return: a descriptor of ours, or -ENOENT. */
int object_open(pid_t pid, const struct vma *v)
{
	char path[PATH_ROOM];
	struct statfs fs;
	struct stat st;
	int fd;

	if (!find_file(pid, v, &st, &fs, path) || !S_ISREG(st.st_mode))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 &&
	    (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || !is_same(v, &st, fs.f_type))) {
		close(fd);
		fd = -1;
	}
	return fd < 0 ? -ENOENT : fd;
}

/*
 * The file that a path of /proc/PID leads to, to be read: not one whose server may never answer.
 * Return: a descriptor of ours, or -ENOENT.
 */
int object_open_path(pid_t pid, const char *path)
{
	struct stat st;
	uint64_t mount;
	int fd;

	if (stat_of(path, &st, &mount) < 0 || !S_ISREG(st.st_mode) ||
	    is_remote(pid, st.st_dev, mount))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -ENOENT : fd;
}

/*
 * The object behind a mapping. Without `look_deeper` only what the kernel says of the mapping
 * itself is used (memory object or not); with it the file is found by its path, in the process's
 * own root, and what cannot be found again counts as unsettled. Return: 0 and *op written.
 */
int object_of_vma(const struct object_rules *r, pid_t pid, const struct vma *v, bool look_deeper,
		  struct object *op)
{
	struct statfs fs = {0};
	struct stat st = {.st_dev = v->dev, .st_ino = v->ino, .st_mode = S_IFREG, .st_nlink = 0};
	char path[PATH_ROOM];

	*op = (struct object){0};
	memcpy(op->name, v->name, sizeof(op->name));
	if (look_deeper)
		find_file(pid, v, &st, &fs, path);
	judge(r, &st, is_memory_name(v->name) ? HUGETLBFS_MAGIC : fs.f_type, op);
	return 0;
}

/* Why wx.file would refuse it, in a few words for a report. */
const char *object_fault(const struct object *o)
{
	if (o->file.memfd)
		return "a memory object";
	return o->file.settled ? "its user can change it" : "changed since the tree started";
}
