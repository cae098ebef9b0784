/* SPDX-License-Identifier: BSD-2-Clause */
#include "supervise/disasm.h"

#include <capstone/capstone.h>
#include <dlfcn.h>

/*
 * Machine code as text, by Capstone. The one file that includes it. The library is loaded when
 * there is something to print for the first time: it has so many pointers to relocate that it would
 * cost every start of a program a millisecond.
 */

#define LIBRARY "libcapstone.so.4"

static __typeof__(&cs_open) open_fn;
static __typeof__(&cs_disasm) disasm_fn;
static __typeof__(&cs_free) free_fn;
static __typeof__(&cs_close) close_fn;

static bool load(void)
{
	static void *library;

	if (!library) {
		library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
		if (!library)
			return false;
		open_fn = (__typeof__(open_fn))dlsym(library, "cs_open");
		disasm_fn = (__typeof__(disasm_fn))dlsym(library, "cs_disasm");
		free_fn = (__typeof__(free_fn))dlsym(library, "cs_free");
		close_fn = (__typeof__(close_fn))dlsym(library, "cs_close");
	}
	return open_fn && disasm_fn && free_fn && close_fn;
}

static void bytes(const uint8_t *code, size_t n, struct fmt *f)
{
	for (size_t i = 0; i < n; i++) {
		fmt_char(f, "0123456789abcdef"[code[i] >> 4]);
		fmt_char(f, "0123456789abcdef"[code[i] & 15]);
	}
}

/*
 * Writes the instruction that begins at `code`, which stands at `addr`, as an assembler would; its
 * bytes where Capstone is not to be had, or knows no such instruction. At most `n` bytes are read.
 */
void disasm_insn(const uint8_t *code, size_t n, uint64_t addr, struct fmt *f)
{
	cs_insn *insn = NULL;
	csh cs;

	if (!load() || open_fn(CS_ARCH_X86, CS_MODE_64, &cs) != CS_ERR_OK) {
		bytes(code, n, f);
		return;
	}
	if (disasm_fn(cs, code, n, addr, 1, &insn) == 1) {
		fmt_str(f, insn->mnemonic);
		if (insn->op_str[0])
			fmt_char(f, ' ');
		fmt_str(f, insn->op_str);
		free_fn(insn, 1);
	} else {
		bytes(code, n, f);
	}
	close_fn(&cs);
}
