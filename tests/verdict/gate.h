/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * A page of gates for tests and benchmarks that have no supervisor to give them one, and calls
 * through it.
 */

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GATE_PAGE_BYTES 4096
#define GATE_OTHER      0x100 /* offset of a second gate, which is not the filter's */

/* Makes the page's file: a descriptor, or -1 with errno. */
static inline int gate_file(void)
{
	static const char text[] = "\xf3\x0f\x1e\xfa\x0f\x05\xc3"; /* endbr64; syscall; ret */
	char page[GATE_PAGE_BYTES];
	int fd = memfd_create("gate", MFD_CLOEXEC);

	memset(page, 0xcc, sizeof(page));
	memcpy(page, text, sizeof(text) - 1);
	memcpy(page + GATE_OTHER, text, sizeof(text) - 1);
	if (fd >= 0 && write(fd, page, sizeof(page)) != sizeof(page)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Maps it: 0, or -1 with errno where it does not end up at that address. */
static inline int gate_map(uint64_t addr, int fd)
{
	void *p = mmap((void *)addr, GATE_PAGE_BYTES, PROT_READ | PROT_EXEC,
		       MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, 0);

	return p == (void *)addr ? 0 : -1;
}

/* The call by the gate at an address; steps over the red zone, into which `call` would push. */
static inline long gate_call(uint64_t gate, long nr, const uint64_t a[6])
{
	register uint64_t r10 __asm__("r10") = a[3];
	register uint64_t r8 __asm__("r8") = a[4];
	register uint64_t r9 __asm__("r9") = a[5];
	long r = nr;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t"
			 "call *%[gate]\n\t"
			 "lea 128(%%rsp), %%rsp"
			 : "+a"(r)
			 : [gate] "b"(gate), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8),
			   "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}
