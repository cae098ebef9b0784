/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "tests/cookie/claims.h"
#include "tests/cookie/look.h"

/*
 * Second views of a region's memory, cmgetcap(3): code that is written through one pointer and run
 * through another, and no pointer that can do both. The objects behind them are called "cookie" or
 * "cm-test"; where a policy watches, it must let such objects be executed.
 */

#define LEN (4 * PAGE)

static void *cap(cm_t c, int perms)
{
	void *p;

	if (cmgetcap(c, &p, perms))
		claims_broken("cmgetcap");
	return p;
}

static bool is_prot(const void *at, int prot)
{
	return look_is_prot(at, LEN, prot);
}

/* One region, written and run: `at` is where it is written. */
static void code_of(cm_t c, unsigned char *at)
{
	unsigned fds = look_fds();
	unsigned char *rx = cap(c, RX), *r = cap(c, R);

	claim(rx != at && r != at && r != rx, "views of other rights are elsewhere");
	claim(is_prot(at, RW) && is_prot(rx, RX) && is_prot(r, R), "each has just its rights");
	code_write(at + PAGE, 42);
	claim(code_call(rx + PAGE) == 42,
	      "code that is written through one runs through the other");
	code_write(at + PAGE, 43);
	claim(code_call(rx + PAGE) == 43, "and is another when it is written again");
	claim(!memcmp(at, r, LEN) && !memcmp(at, rx, LEN), "all show the same memory");
	claim(!look_writes(r) && !look_writes(rx), "neither view can be written to");
	claim(!look_runs(at + PAGE) && !look_runs(r + PAGE),
	      "what is not for execution does not run");
	claim(look_runs(rx + PAGE), "what is, does");
	claim(cap(c, RX) == rx && cap(c, R) == r && cap(c, RW) == at,
	      "the same rights are the same pointer");
	claim(look_fds() == fds, "no descriptor is left open");
}

static void implied(void)
{
	unsigned fds = look_fds();
	struct cm_stat st;
	cm_t c;

	c = region_new(LEN, RW | PROT_MAX(RWX), 0);
	claim(look_fds() == fds, "a region that may become both: no descriptor is left open");
	claim(!cmstat(c, 0, &st) && st.kind == CM_KIND_ALIAS && st.flags & CM_ALIAS &&
		      st.flags & MAP_SHARED && st.max == RWX && st.perms == RWX,
	      "it is an object's, and cmstat says so");
	code_of(c, region_at(c));
	claim(cmstat(c, 1, &st) == -1 && errno == ENOENT, "and it is one piece still");
}

static void asked_for(void)
{
	struct cmreq r;
	cm_t c;

	CMREQ_INIT(&r, LEN, RW);
	CMREQ_SETFLAGS(&r, CM_ALIAS);
	CMREQ_SETNAME(&r, "cm-test");
	CMREQ_SETMAX(&r, RWX);
	if (cmmmapreq(&r, &c))
		claims_broken("cmmmapreq");
	code_of(c, region_at(c));
}

/* From what is executable to begin with. */
static void code_first(void)
{
	cm_t c = region_new(LEN, RX, CM_ALIAS);
	unsigned char *at = region_at(c), *rw;

	claim(is_prot(at, RX), "a region that is code to begin with");
	rw = cap(c, RW);
	claim(rw != at && is_prot(rw, RW), "has a view to write it through");
	code_write(rw, 7);
	claim(code_call(at) == 7, "and runs what is written there");
	claim(cap(c, RX) == at, "its own pointer is the one for its own rights");
}

/* From one view no other is found: distances are another each time. */
static void unrelated(void)
{
	intptr_t far[8];
	unsigned n_same = 0;

	for (size_t i = 0; i < COUNT(far); i++) {
		cm_t c = region_new(LEN, RW | PROT_MAX(RWX), 0);

		far[i] = (unsigned char *)cap(c, RX) - region_at(c);
	}
	for (size_t i = 0; i < COUNT(far); i++)
		for (size_t k = 0; k < i; k++)
			n_same += far[i] == far[k];
	claim(!n_same, "eight views are at eight distances from their regions");
}

static void narrowed(void)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	cm_perm_t old;
	void *p;

	claim(!cmandperm(c, R, &old) && old == RWX, "all is allowed, then reading alone");
	errno = 0;
	claim(cmgetcap(c, &p, RX) == -1 && errno == EACCES, "then no code");
	claim(cmgetcap(c, &p, RW) == -1 && errno == EACCES, "nor writing, though it is writable");
	claim(!cmgetcap(c, &p, R) && !look_writes(p), "reading, though");
	claim(!cmprotect(c, 0, LEN, R) && cmgetcap(c, &p, R) == 0 && look_reads(p),
	      "and a change of the region's rights leaves views alone");
}

/* Memory that cannot be mapped twice. */
static void unsupported(void)
{
	int fd = file_new(4);
	cm_t private = region_new(LEN, RW, MAP_PRIVATE), file = region_of(fd, LEN, RW, MAP_PRIVATE);
	cm_t parts = region_of(fd, LEN, RW, MAP_SHARED), whole = region_of(fd, LEN, RW, MAP_SHARED);
	cm_t both = region_new(LEN, RW | PROT_MAX(RWX), MAP_PRIVATE);
	unsigned char *view;
	void *p;

	errno = 0;
	claim(cmgetcap(private, &p, R) == -1 && errno == ENOTSUP, "private memory has no views");
	claim(!cmgetcap(private, &p, RW) && p == region_at(private), "but itself");
	errno = 0;
	claim(cmgetcap(file, &p, R) == -1 && errno == ENOTSUP, "nor has a private file");
	errno = 0;
	claim(cmgetcap(both, &p, R) == -1 && errno == ENOTSUP, "nor what may be both, private");
	if (cmunmap(parts, PAGE, PAGE))
		claims_broken("cmunmap");
	errno = 0;
	claim(cmgetcap(parts, &p, R) == -1 && errno == ENOTSUP, "nor a shared file in parts");
	if (cmsubmap(parts, PAGE, PAGE, RW, MAP_SHARED, fd, 0))
		claims_broken("cmsubmap");
	errno = 0;
	claim(cmgetcap(parts, &p, R) == -1 && errno == ENOTSUP,
	      "nor have shared files side by side");
	view = cap(whole, R);
	claim(view != region_at(whole) && view[PAGE] == 'b' && !look_writes(view),
	      "a shared file that is all of a region has");
	region_at(whole)[PAGE] = 'X';
	claim(view[PAGE] == 'X', "and shows what is written to it");
	close(fd);
}

static void shared_anonymous(void)
{
	cm_t c = region_new(LEN, RW, MAP_SHARED);
	unsigned char *view = cap(c, R);

	region_at(c)[1] = 9;
	claim(view != region_at(c) && view[1] == 9 && !look_writes(view),
	      "so has shared memory without a file");
}

static void ended(const char *how, int (*end)(cm_t))
{
	cm_t c = region_new(LEN, RW | PROT_MAX(RWX), 0);
	unsigned char *at = region_at(c), *rx = cap(c, RX), *r = cap(c, R);
	unsigned n = 0;
	void *p;

	claim(look_reads(at) && look_reads(rx) && look_reads(r), "%s: views of a live region", how);
	claim(!end(c), "%s works", how);
	for (size_t i = 0; i < LEN; i += PAGE)
		n += look_reads(at + i) + look_reads(rx + i) + look_reads(r + i);
	claim(!n && look_is_free(rx, LEN) && look_is_free(r, LEN), "%s: and all are gone", how);
	claim(cmgetcap(c, &p, R) == -1 && errno == EBADF, "%s: nor is there another", how);
}

static int close_and_unmap(cm_t c)
{
	return cmclose(c, CM_CLOSE_UNMAP);
}

/* Without CM_CLOSE_UNMAP they stay. */
static void kept(void)
{
	cm_t c = region_new(LEN, RW, CM_ALIAS);
	unsigned char *at = region_at(c), *r = cap(c, R);

	at[0] = 3;
	claim(!cmclose(c, 0) && r[0] == 3 && at[0] == 3, "closed without unmapping, views stay");
	at[0] = 4;
	claim(r[0] == 4, "and show the same memory");
}

/* What goes with a view when the region is filled anew. */
static void replaced(void)
{
	int first = file_new(4), second = file_new(4);
	cm_t c = region_of(first, LEN, RW, MAP_SHARED);
	unsigned char *view = cap(c, R), *again;

	if (pwrite(second, "second", 6, 0) != 6)
		claims_broken("pwrite");
	claim(!memcmp(view, "aaaaaa", 6), "a view of a file");
	claim(!cmsubmap(c, 0, LEN, RW, MAP_SHARED, second, 0), "another is mapped over it");
	claim(!look_reads(view), "and the view shows neither");
	again = cap(c, R);
	claim(!memcmp(again, "second", 6), "a new one shows what is there now");
	close(first);
	close(second);
}

static int in_child(void *with)
{
	cm_t c = *(cm_t *)with;
	unsigned char *rx = cap(c, RX);

	code_write(region_at(c), 99);
	return (int)code_call(rx);
}

static void over_fork(void)
{
	cm_t c = region_new(LEN, RW | PROT_MAX(RWX), 0);
	unsigned char *rx = cap(c, RX);

	code_write(region_at(c), 5);
	claim(child_run(in_child, &c) == 99, "a fork child has the views");
	claim(code_call(rx) == 99, "and they are of the same memory");
}

int main(void)
{
	implied();
	asked_for();
	code_first();
	unrelated();
	narrowed();
	unsupported();
	shared_anonymous();
	ended("cmclose", close_and_unmap);
	ended("cmrevoke", cmrevoke);
	kept();
	replaced();
	over_fork();
	return claims_end();
}
