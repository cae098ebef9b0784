/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

#include <stdint.h>

/*
 * A number that tells this thread from every other of the process: its thread pointer, which the
 * first word of its thread control block repeats (psABI for TLS, "variant II"). gettid(2) would be
 * a system call. Threads made by clone(2) without CLONE_SETTLS, and vfork children, share it.
 *
 * Context: wherever libc could read errno: after ld.so has set up TLS.
 */
static inline uint64_t thread_self(void)
{
	uint64_t self;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(self));
	return self;
}

/* Tells the processor that this is a loop that waits for another. */
static inline void thread_pause(void)
{
	__asm__ volatile("pause" ::: "memory");
}

/* A number that is another one each time, on whichever processor: the time-stamp counter. */
static inline uint64_t thread_moment(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}
