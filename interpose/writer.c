/* SPDX-License-Identifier: BSD-2-Clause */
#include "interpose/writer.h"

#include <errno.h>
#include "interpose/chain.h"
#include "interpose/gate.h"
#include "interpose/module.h"
#include "interpose/forbid.h"

/*
 * wx.writers: who may store into managed memory after it has run. `module`: the module that asked
 * for it, told by the address of the instruction that stores; and libc for it. libc's memory and
 * string functions are leaves without a frame, so while they store, the return address of whoever
 * called them is on top of the stack; deeper functions of libc store on behalf of nobody. Code in
 * managed memory itself is no module's, whoever asked for that memory.
 *
 * Code reuse can jump into the module, and what it stores through this is that module's doing: this
 * keeps out bugs, and callers who choose arguments only.
 *
 * Context: the handler of SIGSEGV. A module that was loaded after the start is asked of the
 * supervisor.
 */

/* Whether code at `ip` belongs to the module with this number, or is libc's and called by it. */
static bool is_of(uint32_t owner, uint64_t ip, uint64_t stack)
{
	const struct module *m = module_find(ip);
	uint64_t ret;

	if (!m || m->name->id == owner)
		return m;
	if (!m->name->libc || !stack || chain_copy(&ret, (const void *)stack, sizeof(ret)))
		return false;
	m = module_find(ret);
	return m && m->name->id == owner;
}

/* Whether code at `ip` is the library's own, which writes copies of instructions (step.c). */
static bool is_own(uint64_t ip)
{
	const struct module *m = module_find(ip);

	return m && m->name->own;
}

static bool may(uint64_t ip, uint64_t stack, uint64_t addr, page_word word)
{
	uint64_t writers = policy_value(&state()->policy, KEY_WX_WRITERS);
	uint32_t owner = word >> PAGE_OWNER_SHIFT;

	if (writers == WRITERS_ANY || (owner == PAGE_OWNER_SELF && is_own(ip)))
		return true;
	if (writers == WRITERS_MODULE && owner && is_of(owner, ip, stack))
		return true;
	gate_control(CONTROL_REPORT, (uint64_t)KEY_WX_WRITERS << 8 | V_DENY, ip, REPORT_STORE, addr,
		     writer_address(owner));
	return false;
}

/*
 * Whether the instruction that has faulted may store at `addr`, whose page has the word `word` and
 * has run. A refusal has been reported.
 *
 * Context: as the file.
 */
bool writer_may(const ucontext_t *uc, uint64_t addr, page_word word)
{
	return may((uint64_t)uc->uc_mcontext.gregs[REG_RIP],
		   (uint64_t)uc->uc_mcontext.gregs[REG_RSP], addr, word);
}

/* The same of a system call made for `caller`. */
bool writer_may_call(uint64_t caller, uint64_t addr, page_word word)
{
	return may(caller, 0, addr, word);
}

/* An address of the module with this number; 0: none is known. Context: anywhere. */
uint64_t writer_address(uint32_t owner)
{
	return owner ? module_address(owner) : 0;
}
