/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

/*
 * The descriptors that the model maps: files with a stamp in each page, and what cannot be mapped.
 * Separate because what the kernel says to a descriptor is all in file_maps().
 */

struct mfile files[] = {
	{.reads = true, .writes = true, .maps = true, .of = 0, .pages = FILE_PAGES},
	{.reads = true, .writes = false, .maps = true, .of = 0, .pages = FILE_PAGES},
	{.reads = false, .writes = true, .maps = true, .of = 0, .pages = FILE_PAGES},
	{.reads = true, .writes = true, .maps = true, .of = 1, .pages = 5},
	{.reads = true},                  /* a folder */
	{.reads = true, .noexec = true},  /* the end of a pipe */
	{.writes = true, .noexec = true}, /* its other end */
};

const unsigned n_files = sizeof files / sizeof *files;
uint64_t contents[CONTENTS][FILE_PAGES];

static int must(int fd)
{
	if (fd >= 0)
		return fd;
	perror("a file of the test's own");
	exit(2);
}

static void fill(const struct mfile *f)
{
	for (unsigned i = 0; i < f->pages; i++) {
		contents[f->of][i] = 0xf11e0000u + (uint64_t)f->of * 256 + i;
		if (pwrite(f->fd, &contents[f->of][i], 8, (off_t)(i * PAGE)) != 8)
			exit(2);
	}
	if (ftruncate(f->fd, (off_t)(f->pages * PAGE)))
		exit(2);
}

void files_open(void)
{
	char path[] = "/tmp/cookie-model-XXXXXX", name[64];
	struct statvfs fs;
	int pipes[2];

	files[0].fd = must(memfd_create("model", MFD_CLOEXEC));
	snprintf(name, sizeof name, "/proc/self/fd/%d", files[0].fd);
	files[1].fd = must(open(name, O_RDONLY | O_CLOEXEC));
	files[2].fd = must(open(name, O_WRONLY | O_CLOEXEC));
	files[3].fd = must(mkstemp(path));
	unlink(path);
	if (fstatvfs(files[3].fd, &fs) || fs.f_flag & ST_NOEXEC)
		files[3].fd = must(memfd_create("model", MFD_CLOEXEC));
	files[4].fd = must(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	must(pipe2(pipes, O_CLOEXEC));
	files[5].fd = pipes[0];
	files[6].fd = pipes[1];
	fill(&files[0]);
	fill(&files[3]);
}

const struct mfile *file_of(int fd)
{
	for (unsigned i = 0; i < n_files; i++)
		if (files[i].fd == fd)
			return &files[i];
	return NULL;
}

/*
 * What mmap(2) says to a descriptor. Source: Linux 6.18, mm/mmap.c, do_mmap(): sharing first,
 * then reading, then execution, then whether it can be mapped at all.
 */
int file_maps(int fd, int prot, int flags)
{
	const struct mfile *f = file_of(fd);

	if (!f)
		return EBADF;
	if (flags & MAP_SHARED && prot & PROT_WRITE && !f->writes)
		return EACCES;
	if (!f->reads)
		return EACCES;
	if (f->noexec && prot & PROT_EXEC)
		return EPERM;
	return f->maps ? 0 : ENODEV;
}
