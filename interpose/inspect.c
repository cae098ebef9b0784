/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/inspect.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "interpose/gate.h"
#include "interpose/forbid.h"

/*
 * wx.inspect: bytes that are about to become executable are searched for instructions by which code
 * would leave what is policed: system calls, and changes of the protection keys' register. At every
 * offset, since code may be entered at any.
 *
 * A managed page that is to be refused for what it holds is searched once more when nobody can
 * write it. A range that the program makes executable by a call is searched as it is, before the
 * call: another thread may store into it in between.
 *
 * An instruction may begin on one page and end on the next, of which either may be unreadable.
 *
 * What is found goes to the supervisor, with the bytes around it: it knows how to print them.
 *
 * Separate from what it serves because it is not a defence against code that runs here: who can
 * jump to the gate need not ask.
 *
 * What cannot be searched, because a filter of the program's own lets nobody find out whether it
 * can be read, counts as found.
 *
 * Source: Intel SDM volume 2: SYSCALL 0F 05, SYSENTER 0F 34, INT n CD ib, WRPKRU 0F 01 EF,
 * XRSTOR 0F AE /5 with a memory operand.
 *
 * Context: as the call that asks for execution, and the handler of SIGSEGV.
 */

#define SPREAD 2 /* bytes that the longest of them has behind its first */

/* Whether one of them begins at `p`, of which `n` bytes may be read. */
static bool is_forbidden(const uint8_t *p, uint64_t n)
{
	if (n < 2)
		return false;
	if (p[0] == 0xcd)
		return p[1] == 0x80;
	if (p[0] != 0x0f)
		return false;
	if (p[1] == 0x05 || p[1] == 0x34)
		return true;
	if (n < 3)
		return false;
	if (p[1] == 0x01)
		return p[2] == 0xef;
	return p[1] == 0xae && (p[2] >> 3 & 7) == 5 && p[2] >> 6 != 3;
}

enum readable { UNREADABLE, READABLE, UNKNOWN };

/* rt_sigprocmask(2) reads its set before it finds `how` invalid (Linux 6.18 kernel/signal.c). */
static enum readable ask_by_mask(uint64_t page)
{
	long r = sys_raw6(SYS_rt_sigprocmask, -1, (long)page, 0, 8, 0, 0);

	return r == -EINVAL ? READABLE : r == -EFAULT ? UNREADABLE : UNKNOWN;
}

/*
 * Whether the page of an address can be read. Asked of the kernel, since there need be no handler
 * that would survive trying, and by a call of the family: it reads the page as we would
 * (madvise(2), MADV_POPULATE_READ, Linux 5.14). It says EINVAL to a page without the right to read,
 * and to any if it does not know the advice.
 */
static enum readable ask(uint64_t addr)
{
	uint64_t page = page_down(addr);
	long r = gate_call6(SYS_madvise, (long)page, CM_PAGE, MADV_POPULATE_READ, 0, 0, 0);

	if (!r)
		return READABLE;
	if (r == -ENOMEM || r == -EFAULT || r == -EHWPOISON)
		return UNREADABLE;
	if (r == -EINVAL && !gate_call6(SYS_madvise, (long)page, 0, MADV_POPULATE_READ, 0, 0, 0))
		return UNREADABLE;
	return ask_by_mask(page);
}

static void report(uint64_t addr, uint64_t caller, uint64_t verdict)
{
	uint64_t bytes[2] = {0, 0}, here = page_up(addr + 1) - addr;
	bool cut = here < sizeof(bytes) && ask(addr + here) != READABLE;

	memcpy(bytes, (const void *)addr, cut ? here : sizeof(bytes));
	gate_control(CONTROL_FOUND, verdict, addr, bytes[0], bytes[1], caller);
}

/*
 * Where what crosses the border at `border` begins, if something does: both sides may be readable
 * without belonging together, and then nothing is executed across it.
 */
static uint64_t across(uint64_t border)
{
	uint8_t bytes[2 * SPREAD];

	if (ask(border - 1) != READABLE || ask(border) != READABLE)
		return 0;
	memcpy(bytes, (const void *)(border - SPREAD), sizeof(bytes));
	for (unsigned i = 0; i < SPREAD; i++)
		if (is_forbidden(bytes + i, sizeof(bytes) - i) &&
		    !is_forbidden(bytes + i, SPREAD - i))
			return border - SPREAD + i;
	return 0;
}

static bool search_border(uint64_t border, uint64_t caller, uint64_t verdict)
{
	uint64_t at = across(border);

	if (at)
		report(at, caller, verdict);
	return at;
}

/* Searches what can be read of a range, and its borders, and reports. */
static bool search(struct range range, uint64_t caller, uint64_t verdict)
{
	bool found = search_border(range.start, caller, verdict);

	for (uint64_t page = range.start; page < range.end; page += CM_PAGE) {
		enum readable can = ask(page);
		uint64_t end = can == READABLE ? page + CM_PAGE : page;

		found |= can == UNKNOWN;
		for (uint64_t at = page; at < end; at++) {
			if (!is_forbidden((const uint8_t *)at, end - at))
				continue;
			found = true;
			report(at, caller, verdict);
		}
		found |= search_border(page + CM_PAGE, caller, verdict);
	}
	return found;
}

/*
 * Searches a range that `caller` wants to be executable, as it is. Nothing about it changes.
 *
 * Context: as the file.
 * Return: whether it may become executable.
 */
bool inspect_range(struct range range, uint64_t caller)
{
	uint64_t verdict = policy_value(&state()->policy, KEY_WX_INSPECT);

	return verdict == V_ALLOW || !search(range, caller, verdict) || verdict != V_DENY;
}

/*
 * The same for a managed page that is writable now: where it matters it is searched once more when
 * nobody can write it, so that what was searched is what becomes executable.
 */
bool inspect_page(uint64_t page, uint64_t caller)
{
	struct range range = {page, page + CM_PAGE};

	if (!inspect_range(range, caller))
		return false;
	if (policy_value(&state()->policy, KEY_WX_INSPECT) != V_DENY)
		return true;
	if (gate_call6(SYS_mprotect, (long)page, CM_PAGE, PROT_READ, 0, 0, 0))
		return false;
	return inspect_range(range, caller);
}
