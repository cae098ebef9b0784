/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Addresses of x86-64 that are nobody's by habit. The first are below where the kernel starts to
 * lay out what is mapped without a wish (at most 2^28 pages under the stack's 128 TiB:
 * arch/x86/mm/mmap.c), and above what sanitizers take for a program's memory at the least
 * (compiler-rt lib/tsan/rtl/tsan_platform.h, Mapping48AddressSpace: HiAppMem). The second are far
 * more, below where programs are loaded (0x555555554000: fs/binfmt_elf.c, ELF_ET_DYN_BASE) and
 * above what ASan shadows (0x10007fff8000); TSan and MSan have their own use for them.
 */
#define AREA_SMALL_LOWEST  0x7e8000000000ull
#define AREA_SMALL_HIGHEST 0x7ee800000000ull
#define AREA_LARGE_LOWEST  0x200000000000ull
#define AREA_LARGE_HIGHEST 0x500000000000ull
