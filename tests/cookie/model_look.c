/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/cookie/model.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * What is in memory, held against the model: each page has a stamp in its first bytes. Whether an
 * address faults is asked of the kernel, by calls that read or write there for it: no signal is
 * needed, and the test goes on.
 */

static int pipes[2], zero;
static bool asks; /* whether addresses that fault may be handed to the kernel */
static uint64_t next_stamp = 1;

/* What is to be there is not. */
static void fault(int signal, siginfo_t *info, void *context)
{
	disagree("signal %d at %p", signal, info->si_addr);
}

/* faults: false under a tool that takes such calls for errors. */
void look_init(bool faults)
{
	struct sigaction sa = {.sa_sigaction = fault, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGBUS, &sa, NULL);
	asks = faults;
	zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	if (zero < 0 || pipe2(pipes, O_CLOEXEC | O_NONBLOCK))
		exit(2);
}

/* Whether reading there faults. */
bool look_faults(const void *p)
{
	char byte;

	/* not write(): a sanitizer's would read the memory itself */
	if (syscall(SYS_write, pipes[1], p, 1) == 1) {
		if (read(pipes[0], &byte, 1) != 1)
			exit(2);
		return false;
	}
	return errno == EFAULT;
}

static bool keeps_from_writing(void *p)
{
	return syscall(SYS_read, zero, p, 8) < 0 && errno == EFAULT;
}

static void must_fault(const unsigned char *p, const char *what)
{
	if (asks && !look_faults(p))
		disagree("%s at %p can be read", what, (const void *)p);
}

/* Memory that may be executed only can be read or not, as the processor can. */
static bool can_read(int prot)
{
	return prot & (PROT_READ | PROT_WRITE);
}

static void hold_content(const struct page *p, const unsigned char *at)
{
	uint64_t is = *(const volatile uint64_t *)at, wanted = page_content(p);

	if (is != wanted && !(p->unsure && !is))
		disagree("at %p there is %#llx, not %#llx", (const void *)at,
			 (unsigned long long)is, (unsigned long long)wanted);
}

/* A page of a region is what the model says. */
void look_page(const struct mregion *r, size_t i)
{
	const struct page *p = &r->page[i];
	const unsigned char *at = r->start + i * PAGE;

	if (p->kind == CM_KIND_RESERVED)
		must_fault(at, "a reserved page");
	else if (!p->prot)
		must_fault(at, "a page without rights");
	else if (page_ends(p))
		must_fault(at, "a page behind its file's end");
	else if (can_read(p->prot))
		hold_content(p, at);
}

/* The same page in each view of the region. */
void look_views(const struct mregion *r, size_t i)
{
	const struct page *p = &r->page[i];

	for (int perms = 1; perms <= RIGHTS; perms++) {
		const struct mview *v = &r->view[perms];

		if (!v->start)
			continue;
		if (p->kind == CM_KIND_RESERVED)
			must_fault(v->start + i * PAGE, "an unmapped page of a view");
		else if (p->submap == v->submap && can_read(perms) && !page_ends(p))
			hold_content(p, v->start + i * PAGE);
	}
}

/* Both, for a few pages of a range that is in the region. */
void look_range(const struct mregion *r, size_t offset, size_t len)
{
	size_t first = offset / PAGE, n = (len + PAGE - 1) / PAGE;
	size_t at[] = {first, first + n - 1, first + draw(n), draw(r->n_pages)};

	for (unsigned i = 0; i < sizeof at / sizeof *at; i++) {
		look_page(r, at[i]);
		look_views(r, at[i]);
	}
}

/* Nothing can be read there any more. */
void look_gone(const unsigned char *start, size_t len)
{
	must_fault(start, "the start of what was closed");
	must_fault(start + len - PAGE, "the end of what was closed");
}

/* Where the region, or one of its views, can be written to at a page; NULL: nowhere. */
static unsigned char *writable(const struct mregion *r, size_t i)
{
	const struct page *p = &r->page[i];

	if (p->kind == CM_KIND_RESERVED || page_ends(p))
		return NULL;
	for (int perms = PROT_WRITE; perms <= (PROT_READ | PROT_WRITE) && chance(50); perms++)
		if (r->view[perms].start && p->submap == r->view[perms].submap)
			return r->view[perms].start + i * PAGE;
	return p->prot & PROT_WRITE ? r->start + i * PAGE : NULL;
}

/* Stores a new stamp, or sees that it cannot. */
void touch_page(struct mregion *r, size_t i)
{
	unsigned char *at = writable(r, i);

	if (at) {
		*(volatile uint64_t *)at = ++next_stamp;
		page_store(&r->page[i], next_stamp);
	} else if (asks && !(r->page[i].prot & PROT_WRITE && !page_ends(&r->page[i]))) {
		if (!keeps_from_writing(r->start + i * PAGE))
			disagree("page %zu can be written to", i);
	}
	look_page(r, i);
	look_views(r, i);
}
