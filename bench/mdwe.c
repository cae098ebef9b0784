/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * mdwe PROG…: PROG under a filter that refuses what systemd's MemoryDenyWriteExecute= refuses:
 * memory that is writable and executable from mmap, execution added by mprotect and pkey_mprotect,
 * and segments attached with SHM_EXEC. What a filter that only looks at registers costs, to be
 * measured beside cookiemap.
 *
 * Source: what systemd.exec(5) says of the option and src/shared/seccomp-util.c does for it: EPERM,
 * and a filter of its own for each architecture that the processor runs, native last.
 */

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define BOTH (PROT_WRITE | PROT_EXEC)

static void check(int result, const char *what)
{
	if (result < 0) {
		fprintf(stderr, "mdwe: %s: error %d\n", what, -result);
		exit(2);
	}
}

/* The call is refused where all of these bits of its third argument are set. */
static void refuse(scmp_filter_ctx filter, int nr, scmp_datum_t bits)
{
	check(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), nr, 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, bits, bits)),
	      "a rule");
}

static void install(uint32_t arch)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	if (!filter)
		check(-ENOMEM, "a filter");
	if (arch != seccomp_arch_native()) {
		check(seccomp_arch_remove(filter, SCMP_ARCH_NATIVE), "the architecture");
		check(seccomp_arch_add(filter, arch), "the architecture");
	}
	/* Calls of another architecture are for that one's filter. */
	check(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ALLOW), "an attribute");
	refuse(filter, arch == SCMP_ARCH_X86 ? SCMP_SYS(mmap2) : SCMP_SYS(mmap), BOTH);
	refuse(filter, SCMP_SYS(mprotect), PROT_EXEC);
	refuse(filter, SCMP_SYS(pkey_mprotect), PROT_EXEC);
	refuse(filter, SCMP_SYS(shmat), SHM_EXEC);
	check(seccomp_load(filter), "loading the filter");
	seccomp_release(filter);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: mdwe PROG [ARG...]\n");
		return 2;
	}
	if (seccomp_arch_native() == SCMP_ARCH_X86_64) {
		install(SCMP_ARCH_X86);
		install(SCMP_ARCH_X32);
	}
	install(seccomp_arch_native());
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
