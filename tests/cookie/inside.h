/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once

/*
 * Runs `fn` in a signal handler that has interrupted a call of the C interface of this thread, in
 * its middle: by a filter that has the kernel raise SIGSYS for the mprotect(2) that cmprotect(3)
 * makes. It runs once; the filter is this thread's and stays, so it is for children and threads
 * that end.
 *
 * Return: errno of that call, which the handler makes fail with ENOMEM.
 */
int inside_run(void (*fn)(void));

/* The same handler, and nothing interrupted. */
int outside_run(void (*fn)(void));

/*
 * From now on the kernel answers this system call with this errno: for children, since a filter
 * stays. What is being policed asks the supervisor for some calls; a filter's errno goes before
 * that.
 */
void kernel_says(int nr, int error);
