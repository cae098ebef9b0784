/* SPDX-License-Identifier: BSD-2-Clause */
#include <cookiemap.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

/*
 * The prototypes of the slides ("API sketch", 1/2 and 2/2, and "CHERI extensions"), declared here
 * once more as they stand there, with the slides' names for types: a compiler takes two
 * declarations of a function only if they are the same. Each is then called by its plain name;
 * those that the slides only name are called as their counterparts are, within a region.
 *
 * As C and as C++. Prints what slides.py expects.
 */

#undef cmmmap
#undef cmsubmap
#undef csubmap
#undef cmgetptr

typedef cm_vaddr_t vaddr_t;
typedef cm_ops_t XX;
typedef cm_perm_t perm_t;

#ifdef __cplusplus
extern "C" {
#endif

/* clang-format off */
int cmmmap(vaddr_t hint, size_t len, int prot, int flags, int fd, off_t offset, cm_t *cookiep);
int cmgetptr(cm_t cookie, void **ptrp);
int csubmap(cm_t cookie, size_t mem_offset, size_t len, int prot, int flags, int fd, off_t offset);
int cmclose(cm_t cookie, int flags);
int cmrestrict(cm_t cookie, XX ops, XX *oops);
int cmstat(cm_t cookie, size_t index, struct cm_stat *cs);
int cmgetcap(cm_t cookie, void **ptrp, perm_t perms);
int cmandperm(cm_t cookie, perm_t perms, perm_t *operms);
/* clang-format on */

#ifdef __cplusplus
}
#endif

#define PAGE 4096
#define RW   (PROT_READ | PROT_WRITE)

static void say(const char *what, int result)
{
	printf("%s: %s\n", what, result ? strerror(errno) : "done");
}

static void sketch(void)
{
	struct cm_stat cs;
	unsigned char vec[2];
	void *ptr;
	cm_t cookie;

	say("cmmmap", cmmmap(0, 4 * PAGE, RW, CM_RESERVE, -1, 0, &cookie));
	say("cmgetptr", cmgetptr(cookie, &ptr));
	say("csubmap", csubmap(cookie, PAGE, 2 * PAGE, RW, 0, -1, 0));
	memset((char *)ptr + PAGE, 'c', 2 * PAGE);
	say("cmstat", cmstat(cookie, 1, &cs));
	printf("%zu at %zu of %zu\n", cs.len, cs.offset, cs.region_len);
	say("cmadvise", cmadvise(cookie, PAGE, PAGE, MADV_WILLNEED));
	say("cmincore", cmincore(cookie, PAGE, 2 * PAGE, vec));
	printf("%d %d\n", vec[0] & 1, vec[1] & 1);
	say("cminherit", cminherit(cookie, PAGE, PAGE, CM_INHERIT_ZERO));
	say("cmsync", cmsync(cookie, PAGE, PAGE, MS_ASYNC));
	say("cmunmap", cmunmap(cookie, PAGE, 2 * PAGE));
	say("cmclose", cmclose(cookie, CM_CLOSE_UNMAP));
	say("cmclose again", cmclose(cookie, 0));
}

static void rights(void)
{
	void *writer, *reader;
	perm_t operms;
	XX oops;
	cm_t cookie;

	say("cmmmap", cmmmap(0, PAGE, RW | PROT_MAX(RW), CM_ALIAS, -1, 0, &cookie));
	say("cmgetcap", cmgetcap(cookie, &writer, RW));
	say("cmandperm", cmandperm(cookie, PROT_READ, &operms));
	printf("before, %d\n", operms == RW);
	say("cmgetcap to write", cmgetcap(cookie, &reader, RW));
	say("cmgetcap to read", cmgetcap(cookie, &reader, PROT_READ));
	memcpy(writer, "seen", 5);
	printf("%s, %d\n", (char *)reader, reader != writer);
	say("cmrestrict", cmrestrict(cookie, CM_OP_CLOSE, &oops));
	printf("before, %d\n", oops == CM_OP_ALL);
	say("cmgetptr", cmgetptr(cookie, &reader));
	say("cmclose", cmclose(cookie, CM_CLOSE_UNMAP));
}

int main(void)
{
	sketch();
	rights();
	return 0;
}
