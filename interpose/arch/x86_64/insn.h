/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The longest instruction, and room for one that insn_move() has moved. */
#define INSN_MAX       15
#define INSN_MOVED_MAX 32

/* An instruction as far as moving it needs; see interpose/arch/x86_64/insn.c. */
struct insn {
	uint8_t len;
	uint8_t disp_at;   /* where its displacement begins, 0 where it has none */
	bool rip_relative; /* the displacement, of four bytes, counts from the next instruction */
	bool addr32;       /* addresses are cut to 32 bits */
	bool branches;     /* it changes the flow or looks at it */
};

int insn_decode(const uint8_t *code, size_t n, struct insn *ip);
int insn_move(const uint8_t *code, size_t n, uint64_t from, uint64_t to, uint8_t *out, size_t room);
