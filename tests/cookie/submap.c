/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/inside.h"
#include "tests/cookie/look.h"

/*
 * What cmsubmap(3), cmunmap(3) and cmprotect(3) do to memory: contents come and go where they
 * should, and what fails has done nothing at all.
 */

#define N   8ul
#define LEN (N * PAGE)
#define MIB (1ul << 20)

/* Whether n bytes are all this one. */
static bool is_full_of(const unsigned char *p, size_t n, unsigned char byte)
{
	return *p == byte && !memcmp(p, p + 1, n - 1);
}

static void contents_of_files(void)
{
	int fd = file_new(4);
	cm_t c = region_new(LEN, RW, CM_RESERVE);
	unsigned char *at = region_at(c);
	unsigned char byte;

	claim(!look_reads(at) && !look_reads(at + LEN - 1), "a reservation cannot be touched");
	claim(!cmsubmap(c, PAGE, 2 * PAGE, R, MAP_PRIVATE, fd, PAGE), "two pages of a file");
	claim(!look_reads(at) && !look_reads(at + 3 * PAGE), "not beside it");
	claim(is_full_of(at + PAGE, PAGE, 'b') && is_full_of(at + 2 * PAGE, PAGE, 'c'),
	      "the file's second page and its third");
	claim(!look_writes(at + PAGE), "which cannot be written to");
	claim(!cmsubmap(c, 2 * PAGE, PAGE, RW, MAP_PRIVATE, fd, 0), "another page over the second");
	claim(is_full_of(at + PAGE, PAGE, 'b') && is_full_of(at + 2 * PAGE, PAGE, 'a'),
	      "and nothing else changes");
	at[2 * PAGE] = 'x';
	claim(pread(fd, &byte, 1, 0) == 1 && byte == 'a', "a private page is not the file's");
	claim(!cmsubmap(c, 3 * PAGE, PAGE, RW, MAP_SHARED, fd, 0), "a shared page of the file");
	at[3 * PAGE + 1] = 'y';
	claim(pread(fd, &byte, 1, 1) == 1 && byte == 'y', "is the file's");
	claim(!cmsubmap(c, 2 * PAGE, 2 * PAGE, RW, 0, -1, 0), "anonymous memory over both");
	claim(is_full_of(at + 2 * PAGE, 2 * PAGE, 0), "is zeroes");
	claim(pread(fd, &byte, 1, 1) == 1 && byte == 'y', "and the file is as it was");
	close(fd);
}

static void unmapped_is_gone(void)
{
	cm_t c = region_new(64 * MIB, RW, 0);
	unsigned char *at = region_at(c);
	size_t before = look_rss_bytes(), full, half;
	void *other;

	region_fill(c, 64 * MIB, 1);
	full = look_rss_bytes();
	claim(full > before + 60 * MIB, "memory that is written to is there");
	claim(!cmunmap(c, 16 * MIB, 32 * MIB), "half of it is unmapped");
	half = look_rss_bytes();
	claim(half < full - 30 * MIB, "and freed");
	claim(!look_reads(at + 16 * MIB) && !look_reads(at + 48 * MIB - 1), "it cannot be touched");
	claim(at[16 * MIB - 1] == 1 && at[48 * MIB] == 1, "what is beside it is as it was");
	other = mmap(at + 16 * MIB, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	claim(other < (void *)at || other >= (void *)(at + 64 * MIB),
	      "nobody else is given its addresses");
	claim(!cmsubmap(c, 16 * MIB, PAGE, RW, 0, -1, 0) && is_full_of(at + 16 * MIB, PAGE, 0),
	      "filled again it is new");
	claim(!cmunmap(c, 0, 64 * MIB) && !cmunmap(c, 0, 64 * MIB), "all of it, and twice");
	claim(!look_reads(at) && look_rss_bytes() < before + 4 * MIB, "and all of it is freed");
}

static void discarded_is_gone(void)
{
	cm_t c = region_new(16 * MIB, RW, 0);
	size_t full;

	region_fill(c, 16 * MIB, 1);
	full = look_rss_bytes();
	claim(!cmadvise(c, 0, 8 * MIB, MADV_DONTNEED) && look_rss_bytes() < full - 7 * MIB,
	      "what is discarded is freed");
	claim(is_full_of(region_at(c), 8 * MIB, 0) && region_at(c)[8 * MIB] == 1, "and zero");
}

/* All that can be seen of a region. */
struct seen {
	struct cm_stat pieces[N + 1];
	size_t n;
	int prot[N];
	unsigned char bytes[LEN];
};

static void see(cm_t c, struct seen *s)
{
	unsigned char *at = region_at(c);
	struct look l;

	memset(s, 0, sizeof(*s));
	while (s->n <= N && !cmstat(c, s->n, &s->pieces[s->n]))
		s->n++;
	for (size_t i = 0; i < N; i++) {
		s->prot[i] = look_maps((uintptr_t)at + i * PAGE, &l) ? l.prot : -1;
		if (look_reads(at + i * PAGE))
			memcpy(s->bytes + i * PAGE, at + i * PAGE, PAGE);
	}
}

/* A region of all kinds of pieces, with a page sealed or not: page i is full of '0' + i. */
static cm_t motley(int fd)
{
	cm_t c = region_new(LEN, RW, 0);
	unsigned char *at = region_at(c);

	if (cmsubmap(c, 3 * PAGE, PAGE, RW, MAP_PRIVATE, fd, 0) ||
	    cmsubmap(c, 4 * PAGE, PAGE, RW, MAP_SHARED, fd, PAGE) ||
	    cmsubmap(c, 5 * PAGE, PAGE, RW | PROT_MAX(RW), 0, -1, 0) || cmunmap(c, 6 * PAGE, PAGE))
		claims_broken("a region of many pieces");
	for (size_t i = 0; i < N; i++)
		if (i != 6)
			memset(at + i * PAGE, '0' + (int)i, PAGE);
	if (cmprotect(c, PAGE, PAGE, R))
		claims_broken("cmprotect");
	return c;
}

#define REFUSED(want, what, ...)                                               \
	do {                                                                   \
		static struct seen before_, after_;                            \
		see(c, &before_);                                              \
		errno = 0;                                                     \
		claim((__VA_ARGS__) == -1 && errno == (want), "fails: " what); \
		see(c, &after_);                                               \
		claim(before_.n && !memcmp(&before_, &after_, sizeof(after_)), \
		      "and nothing has changed");                              \
	} while (0)

/* From the second page to the last but one: over what there is of kinds. */
#define OVER(prot, flags, fd, offset) cmsubmap(c, PAGE, 6 * PAGE, prot, flags, fd, offset)

static void all_or_nothing(void)
{
	int fd = file_new(N), reader = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), pipes[2];
	int writer = open("/dev/null", O_WRONLY), folder = open("/", O_RDONLY | O_DIRECTORY);
	int sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
	int socket_fd = socket(AF_UNIX, SOCK_STREAM, 0); /* refuses when it is asked itself */
	cm_t c = motley(fd);

	if (pipe(pipes) || ftruncate(sealed, LEN) || fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE))
		claims_broken("descriptors");
	REFUSED(EBADF, "no descriptor", OVER(R, MAP_SHARED, 987, 0));
	REFUSED(EACCES, "a descriptor that cannot be read", OVER(R, MAP_PRIVATE, writer, 0));
	REFUSED(EACCES, "shared, one that cannot be written", OVER(RW, MAP_SHARED, reader, 0));
	REFUSED(ENODEV, "a folder", OVER(R, MAP_PRIVATE, folder, 0));
	REFUSED(ENODEV, "a pipe", OVER(R, MAP_PRIVATE, pipes[0], 0));
	REFUSED(ENODEV, "a socket", OVER(R, MAP_SHARED, socket_fd, 0));
	REFUSED(EOVERFLOW, "beyond every file", OVER(R, MAP_PRIVATE, fd, 0x7ffffffffffff000));
	REFUSED(EPERM, "a sealed object", OVER(RW, MAP_SHARED, sealed, 0));
	REFUSED(EACCES, "more than a piece's maximum", cmprotect(c, 5 * PAGE, PAGE, RX));
	REFUSED(ENOMEM, "protecting a hole", cmprotect(c, 0, LEN, R));
	REFUSED(ENOMEM, "advice for a hole", cmadvise(c, 0, LEN, MADV_DONTNEED));
	REFUSED(ENOTSUP, "zeroes for a file's memory", cminherit(c, 0, 4 * PAGE, CM_INHERIT_ZERO));
	if (cmprotect(c, 2 * PAGE, PAGE, RW) || cmseal(c, 2 * PAGE, PAGE, CM_SEAL_ALL))
		claims_broken("cmseal");
	REFUSED(EPERM, "mapping over a sealed page", OVER(RW, 0, -1, 0));
	REFUSED(EPERM, "unmapping a sealed page", cmunmap(c, 0, LEN));
	REFUSED(EPERM, "protecting a sealed page", cmprotect(c, 0, 6 * PAGE, R));
	REFUSED(EPERM, "closing a sealed page", cmclose(c, CM_CLOSE_UNMAP));
	REFUSED(EPERM, "revoking a sealed page", cmrevoke(c));
	close(fd);
	close(reader);
	close(writer);
	close(folder);
	close(sealed);
	close(socket_fd);
}

/* The looks can see a change. */
static void twin(void)
{
	static struct seen before, after;
	int fd = file_new(N);
	cm_t c = motley(fd);

	see(c, &before);
	claim(!OVER(R, MAP_PRIVATE, fd, 0), "works: the same of a good file");
	see(c, &after);
	claim(memcmp(&before, &after, sizeof(after)), "and then something has changed");
	close(fd);
}

/* The kernel refuses in the middle: what was there is there. */
static int out_of_memory(void *with)
{
	static struct seen before, after;
	int fd = file_new(N), error;
	cm_t c = motley(fd);

	see(c, &before);
	kernel_says(SYS_mmap, ENOMEM);
	error = OVER(R, MAP_PRIVATE, fd, 0) ? errno : 0;
	see(c, &after);
	return error == ENOMEM && !memcmp(&before, &after, sizeof(after));
}

/* Memory of an alias region goes in all of its views. */
static void unmapped_alias(void)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	unsigned char *at = region_at(c), *view;
	void *p;

	region_fill(c, LEN, 5);
	if (cmgetcap(c, &p, R))
		claims_broken("cmgetcap");
	view = p;
	claim(view != at && view[PAGE] == 5, "a view shows the memory");
	claim(!cmunmap(c, PAGE, PAGE), "a page of it is unmapped");
	claim(!look_reads(at + PAGE) && !look_reads(view + PAGE), "and gone in both");
	claim(at[0] == 5 && view[2 * PAGE] == 5, "the others are not");
	errno = 0;
	claim(cmsubmap(c, PAGE, PAGE, RW, 0, -1, 0) == -1 && errno == ENOTSUP,
	      "and it is not filled again");
}

/* However many files were mapped: two that touch are two pieces, and anonymous memory is one. */
static void neighbours(void)
{
	cm_t files = region_new(2 * PAGE, RW, CM_RESERVE), plain = region_new(2 * PAGE, RW, 0);
	int fd = file_new(2);
	unsigned n = 0;
	struct cm_stat st;

	if (cmsubmap(files, 0, PAGE, R, MAP_PRIVATE, fd, 0))
		claims_broken("cmsubmap");
	for (unsigned i = 0; i < 3000; i++)
		n += !cmsubmap(files, PAGE, PAGE, R, MAP_PRIVATE, fd, PAGE) &&
		     !cmstat(files, 0, &st) && st.len == PAGE && !cmstat(files, 1, &st);
	claim(n == 3000, "a file beside a file is a piece of its own, 3000 times");
	claim(!cmsubmap(plain, PAGE, PAGE, RW, 0, -1, 0) && !cmstat(plain, 0, &st) &&
		      st.len == 2 * PAGE,
	      "anonymous memory beside such is not");
	close(fd);
}

static size_t shared_bytes(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		claims_broken("sysinfo");
	return (size_t)info.sharedram * info.mem_unit;
}

/* How much of 64 MiB the system has got back; others come and go meanwhile. */
static size_t freed_bytes(int (*end)(cm_t))
{
	cm_t c = region_new(64 * MIB, RW, CM_ALIAS);
	size_t before, after;
	void *view;

	if (cmgetcap(c, &view, R))
		claims_broken("cmgetcap");
	region_fill(c, 64 * MIB, 1);
	before = shared_bytes();
	if (end(c))
		claims_broken("cmunmap");
	after = shared_bytes();
	cmclose(c, CM_CLOSE_UNMAP);
	return after < before ? before - after : 0;
}

static int unmap_half(cm_t c)
{
	return cmunmap(c, 16 * MIB, 32 * MIB);
}

static int unmap_nothing(cm_t c)
{
	return cmprotect(c, 16 * MIB, 32 * MIB, PROT_NONE);
}

static void freed_alias(void)
{
	unsigned n = 0, n_twin = 0;

	for (unsigned i = 0; i < 4; i++) {
		n += freed_bytes(unmap_half) > 24 * MIB;
		n_twin += freed_bytes(unmap_nothing) > 24 * MIB;
	}
	claim(n > 1, "the memory of what is unmapped is freed, whatever views there are");
	claim(n_twin < 2, "and is not where rights are taken away");
}

int main(void)
{
	contents_of_files();
	unmapped_is_gone();
	discarded_is_gone();
	all_or_nothing();
	twin();
	claim(child_run(out_of_memory, NULL) == 1,
	      "a file is not mapped for want of memory, and nothing has changed");
	neighbours();
	unmapped_alias();
	freed_alias();
	return claims_end();
}
