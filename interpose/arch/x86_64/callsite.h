/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/*
 * What the call instruction before a return address called.
 *
 * Source: Intel SDM volume 2, CALL and JMP; System V ABI for x86-64, "Procedure Linkage Table".
 */

static inline int32_t callsite_i32(uint64_t at)
{
	int32_t v;

	__builtin_memcpy(&v, (const void *)at, sizeof(v));
	return v;
}

/* Whether the bytes before `ret` can be a call through a register or a pointer: FF /2, of two to
 * seven bytes, other than through the instruction pointer. */
static inline bool callsite_is_indirect(uint64_t ret)
{
	static const struct {
		uint8_t back, mod, sib; /* length without prefix; mod of ModRM; with SIB byte */
	} forms[] = {{2, 3, 0}, {2, 0, 0}, {3, 0, 1}, {3, 1, 0}, {4, 1, 1}, {6, 2, 0}, {7, 2, 1}};

	for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		const uint8_t *p = (const uint8_t *)ret - forms[i].back;
		uint8_t mod = p[1] >> 6, rm = p[1] & 7;
		bool sib = mod != 3 && rm == 4;

		if (p[0] == 0xff && (p[1] >> 3 & 7) == 2 && mod == forms[i].mod &&
		    sib == forms[i].sib && !(mod == 0 && rm == 5))
			return true;
	}
	return false;
}

/*
 * The address that the instruction before `ret` called: CALL rel32, or CALL through a slot named
 * relative to the instruction pointer (-fno-plt). The seven bytes before `ret` must be readable.
 *
 * Return: 0 where it was called through a register or pointer, or cannot be told.
 */
static inline uint64_t callsite_target(uint64_t ret)
{
	const uint8_t *p = (const uint8_t *)ret;

	if (callsite_is_indirect(ret))
		return 0;
	if (p[-6] == 0xff && p[-5] == 0x15)
		return *(const uint64_t *)(ret + (uint64_t)(int64_t)callsite_i32(ret - 4));
	if (p[-5] == 0xe8)
		return ret + (uint64_t)(int64_t)callsite_i32(ret - 4);
	return 0;
}

/*
 * Where code at `at` goes if it is a PLT entry, `[endbr64] [bnd] jmp *slot(%rip)`; `at` itself if
 * it is not. The eleven bytes from `at` on must be readable.
 */
static inline uint64_t callsite_through_plt(uint64_t at)
{
	const uint8_t *p = (const uint8_t *)at;

	if (p[0] == 0xf3 && p[1] == 0x0f && p[2] == 0x1e && p[3] == 0xfa)
		p += 4;
	p += p[0] == 0xf2;
	if (p[0] != 0xff || p[1] != 0x25)
		return at;
	return *(const uint64_t *)((uint64_t)p + 6 +
				   (uint64_t)(int64_t)callsite_i32((uint64_t)p + 2));
}
