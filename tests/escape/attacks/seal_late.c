/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A library that is loaded late, with two pages of each kind that may be changed without harm to
 * anybody.
 */

#include "tests/escape/attacks/seal_late.h"

__asm__(".section .text.victim, \"ax\", @progbits\n"
	".balign 4096\n"
	"late_text: .fill 8192, 1, 0xc3\n"
	".text\n");
extern char late_text[] __attribute__((visibility("hidden")));

static void *relro[8192 / sizeof(void *)]
	__attribute__((aligned(4096), section(".data.rel.ro"))) = {relro, late_text};
static char data[8192] __attribute__((aligned(4096))) = {4, 5, 6};

extern const struct seal_late seal_late;
const struct seal_late seal_late = {late_text, (char *)relro, data};
