/* SPDX-License-Identifier: BSD-2-Clause */
#include "forms.h"

/*
 * Every form that the header gives the names for C++: arguments or a request, hints that are
 * numbers or pointers, cookies or requests to get a pointer of, and the functions behind the
 * overloads.
 */

static void hints(void)
{
	cm_t c = 0;
	char *at;
	const char *fixed;

	made("0", cmmmap(0, PAGE, RW, 0, -1, 0, &c), &c, NULL);
	made("NULL", cmmmap(NULL, PAGE, RW, 0, -1, 0, &c), &c, NULL);
	at = free_page();
	made("void *", cmmmap((void *)at, PAGE, RW, CM_EXACT, -1, 0, &c), &c, at);
	at = free_page();
	made("char *", cmmmap(at, PAGE, RW, CM_EXACT, -1, 0, &c), &c, at);
	at = free_page();
	fixed = at;
	made("const char *", cmmmap(fixed, PAGE, RW, CM_EXACT, -1, 0, &c), &c, at);
	at = free_page();
	made("uintptr_t", cmmmap((uintptr_t)at, PAGE, RW, CM_EXACT, -1, 0, &c), &c, at);
	at = free_page();
	made("an expression", cmmmap(c ? at : NULL, PAGE, RW, CM_EXACT, -1, 0, &c), &c, at);
	made("nullptr", cmmmap(nullptr, PAGE, RW, 0, -1, 0, &c), &c, NULL);
	made("0L", cmmmap(0L, PAGE, RW, 0, -1, 0, &c), &c, NULL);
}

static void requests(void)
{
	struct cmreq req, part;
	const struct cmreq *same = &req;
	void *p = NULL, *q = NULL;
	cm_t c = 0;

	CMREQ_INIT(&req, 4 * PAGE, RW);
	CMREQ_SETFLAGS(&req, CM_RESERVE);
	say("a request", cmmmap(&req, &c));
	CMREQ_INIT(&part, PAGE, RW);
	say("of a part", cmsubmap(c, &part));
	CMREQ_SETMAPOFFSET(&part, PAGE);
	say("by the short name", csubmap(c, &part));
	say("by arguments", cmsubmap(c, 2 * PAGE, PAGE, RW, 0, -1, 0));
	say("those by the short name", csubmap(c, 3 * PAGE, PAGE, RW, 0, -1, 0));
	say("a cookie", cmgetptr(c, &p));
	say("of a request", cmgetptr(&req, &q));
	printf("the same: %d\n", p && p == q);
	say("of a constant request", cmgetptr(same, &q));
	memset(p, 1, (size_t)4 * PAGE);
	say("closed", cmclose(c, CM_CLOSE_UNMAP));
	say("of a request that is closed", cmgetptr(&req, &q));
}

static void functions(void)
{
	int (*map)(cm_vaddr_t, size_t, int, int, int, off_t, cm_t *) = cmmmap;
	int (*maprequest)(struct cmreq *, cm_t *) = cmmmapreq;
	int (*sub)(cm_t, size_t, size_t, int, int, int, off_t) = cmsubmap;
	int (*subrequest)(cm_t, const struct cmreq *) = cmsubmapreq;
	int (*get)(cm_t, void **) = cmgetptr;
	struct cmreq req;
	void *p;
	cm_t c = 0;

	say("map", map(0, PAGE, RW, CM_RESERVE, -1, 0, &c));
	say("sub", sub(c, 0, PAGE, RW, 0, -1, 0));
	CMREQ_INIT(&req, PAGE, RW);
	say("subrequest", subrequest(c, &req));
	say("get", get(c, &p));
	say("of no cookie", cmgetptr(0, &p));
	say("close", cmclose(c, CM_CLOSE_UNMAP));
	say("maprequest", maprequest(&req, &c));
	say("close", cmclose(c, CM_CLOSE_UNMAP));
}

int main(void)
{
	hints();
	requests();
	functions();
	return 0;
}
