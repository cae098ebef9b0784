/* SPDX-License-Identifier: BSD-2-Clause */

/* As payload.c, without libc: it can stand where an ELF interpreter is expected. */

#include "tests/escape/attacks/bare.h"

#include <sys/mman.h>

/* A segment to write to at its end: before Linux 6.7 an interpreter must have one (binfmt_elf.c,
 * padzero()). */
__attribute__((used)) static char at_the_end = 1;

_Noreturn void bare_start(const long *stack)
{
	long p = sys_mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (sys_is_error(p))
		sys_exit_group(2);
	bare_executed();
}
